//! Reading a stream that the cluster keeps, for the connection that its client waits at.
//!
//! The stream's owner is asked for what comes after the last event that was handed out, and answers once there is
//! something. So what a client is given was committed; a client that reads slowly is asked for slowly; and an owner that
//! changes is nothing but another one to ask.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::home::Home;
use crate::cluster::{Read, Trouble, Turn};
use crate::env::{Env, always, flawed, reachable};
use crate::event::Event;
use crate::ids::StreamId;
use crate::session::Item;

/// See the [module](self) page.
pub(super) struct Follow<E: Env> {
    env: E,
    home: Arc<Home<E>>,
    stream: StreamId,
    turn: Turn,
    after: u64,
    ready: VecDeque<(u64, Bytes)>,
    finished: bool,
    asking: Option<BoxFuture<'static, Result<Read, Trouble>>>,
    draining: BoxFuture<'static, ()>,
    retry_ms: u64,
}

impl<E: Env> Follow<E> {
    /// Reads a stream after an event, in its reader's turn. When `draining` is ready the client is told to come back, to
    /// another node.
    pub(super) fn new(
        env: E,
        home: Arc<Home<E>>,
        stream: StreamId,
        (turn, after): (Turn, u64),
        (draining, retry_ms): (BoxFuture<'static, ()>, u64),
    ) -> Self {
        let ready = VecDeque::new();
        Self { env, home, stream, turn, after, ready, finished: false, asking: None, draining, retry_ms }
    }

    /// The stream.
    pub(super) const fn stream(&self) -> StreamId {
        self.stream
    }

    /// This node drains: the client goes on at another one.
    fn send_away(&mut self) -> Poll<Option<Item>> {
        reachable!(self.env, ReaderSentAway);
        self.finished = true;
        Poll::Ready(Some(Item::Close { retry_ms: self.retry_ms }))
    }

    /// The next item; `None` at the end of the stream, of the session, or of this reader's turn.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        loop {
            if flawed!(self.env, ReorderedEvents) && self.ready.len() > 1 {
                self.ready.swap(0, 1);
            }
            if let Some((sequence, data)) = self.ready.pop_front() {
                always!(self.env, sequence > self.after, "a reader is given later events than before");
                self.after = sequence;
                self.env.record(&Event::StreamDelivered(self.home.id(), self.stream, sequence));
                return Poll::Ready(Some(Item::Event { sequence, data }));
            }
            if self.finished {
                return Poll::Ready(None);
            }
            if self.asking.is_none() && self.draining.as_mut().poll(cx).is_ready() {
                return self.send_away();
            }
            let read = match &mut self.asking {
                Some(asking) => match Pin::new(asking).poll(cx) {
                    Poll::Ready(read) => read,
                    Poll::Pending if self.draining.as_mut().poll(cx).is_ready() => return self.send_away(),
                    Poll::Pending => return Poll::Pending,
                },
                None => {
                    let (home, stream, after, turn) = (self.home.clone(), self.stream, self.after, self.turn);
                    self.asking =
                        Some(Box::pin(
                            async move { home.cluster().read(home.id(), stream, after, turn).await },
                        ));
                    continue;
                }
            };
            self.asking = None;
            match read {
                Ok(Read::Events { events, finished }) => {
                    self.ready.extend(events);
                    self.finished = finished;
                }
                Ok(Read::Close { retry_ms }) => {
                    self.finished = true;
                    return Poll::Ready(Some(Item::Close { retry_ms }));
                }
                // Somebody else reads, the session ended, or the owner was out of reach for too long: this connection
                // ends, and whoever comes back is told everything that it has not seen.
                Err(trouble) => {
                    tracing::debug!("reading a stream ends: {trouble}");
                    self.finished = true;
                }
            }
        }
    }
}
