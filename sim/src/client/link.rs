//! One connection of a client, and one response after the other on it.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;

use switchboard::env::{Env, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadBuf};

use super::outcome::Outcome;
use super::response::{Decoder, Head};
use super::sse::{SseDecoder, SseEvent};

/// Room for an answer of usual size.
const READ_BYTES: usize = 1_024;

/// See the [module](self) page.
pub(crate) struct Link<S> {
    stream: S,
    decoder: Decoder,
    events: SseDecoder,
    bytes_read: u64,
}

impl<S: Stream> Link<S> {
    pub(crate) async fn open<E: Env<Stream = S>>(env: &E, server: SocketAddr) -> Result<Self, Outcome> {
        let stream = env.connect(server).await.map_err(|error| Outcome::of_connect(&error))?;
        Ok(Self { stream, decoder: Decoder::new(), events: SseDecoder::default(), bytes_read: 0 })
    }

    /// How many bytes came so far.
    pub(crate) const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Whether the server has said anything, or hung up, although nothing was asked.
    pub(crate) async fn is_stale(&mut self) -> bool {
        let mut byte = [0; 1];
        let mut buffer = ReadBuf::new(&mut byte);
        poll_fn(|cx| Poll::Ready(Pin::new(&mut self.stream).poll_read(cx, &mut buffer).is_ready())).await
    }

    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<(), Outcome> {
        self.decoder.reset();
        self.events = SseDecoder::default();
        self.stream.write_all(request).await.map_err(|error| Outcome::of_error(&error))
    }

    /// Gives back what an answer took, until there is another.
    pub(crate) fn rest(&mut self) {
        self.decoder.rest();
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn shut(&mut self) -> Result<(), Outcome> {
        self.stream.shutdown().await.map_err(|error| Outcome::of_error(&error))
    }

    /// Waits for the head of the answer.
    pub(crate) async fn head(&mut self) -> Result<Head, Outcome> {
        loop {
            if let Some(head) = self.decoder.head() {
                return Ok(head.clone());
            }
            self.read().await?;
        }
    }

    /// Waits for the whole body.
    pub(crate) async fn body(&mut self) -> Result<&[u8], Outcome> {
        while !self.decoder.is_done() {
            self.read().await?;
        }
        Ok(self.decoder.body())
    }

    /// Waits for the next event; `None` at the end of the body.
    pub(crate) async fn event(&mut self) -> Result<Option<SseEvent>, Outcome> {
        loop {
            if let Some(event) = self.events.next().map_err(|_| Outcome::Garbled)? {
                return Ok(Some(event));
            }
            if self.decoder.body().is_empty() {
                if self.decoder.is_done() {
                    return Ok(None);
                }
                self.read().await?;
            }
            self.events.feed(self.decoder.body());
            self.decoder.forget_body();
        }
    }

    /// Reads what comes next.
    async fn read(&mut self) -> Result<(), Outcome> {
        self.decoder.raw.reserve(READ_BYTES);
        let read = self.stream.read_buf(&mut self.decoder.raw).await;
        match read {
            Ok(0) if self.decoder.end() => Ok(()),
            Ok(0) => Err(Outcome::Closed),
            Ok(read) => {
                self.bytes_read += read as u64;
                self.decoder.advance().map_err(|_| Outcome::Garbled)
            }
            Err(error) => Err(Outcome::of_error(&error)),
        }
    }

    /// Whether the server has said something. An error where it has hung up.
    pub(crate) async fn has_news(&mut self) -> Result<bool, Outcome> {
        let mut bytes = [0; 1024];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = poll_fn(|cx| Poll::Ready(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))).await;
        match read {
            Poll::Pending => Ok(false),
            Poll::Ready(Err(error)) => Err(Outcome::of_error(&error)),
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => Err(Outcome::Closed),
            Poll::Ready(Ok(())) => {
                self.decoder.raw.extend_from_slice(buffer.filled());
                self.decoder.advance().map_err(|_| Outcome::Garbled)?;
                Ok(true)
            }
        }
    }
}
