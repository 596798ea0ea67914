//! One connection: bytes out, one answer in, under one deadline.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::alarm::Alarm;
use super::answer::{AnswerMemory, Event, classify, next_event};
use super::outcome::Outcome;
use super::request::{Request, Target};
use super::response::{Decoder, Framing, Head, HeadMemory, whole};

/// What the connections of one thread share, because only one of them reads at a time.
#[derive(Debug)]
pub(super) struct Desk(Mutex<Shared>);

#[derive(Debug)]
struct Shared {
    read: Box<[u8]>,
    heads: HeadMemory,
    answers: AnswerMemory,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Shared {
            read: vec![0; 64 * 1024].into_boxed_slice(),
            heads: HeadMemory::default(),
            answers: AnswerMemory::default(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().expect("no reader may panic")
    }
}

/// How a request was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub outcome: Outcome,
    /// The session that its head named.
    pub session: Option<Box<str>>,
    /// The connection takes another request.
    pub reusable: bool,
}

impl Answer {
    fn lost(outcome: Outcome) -> Self {
        Self { outcome, session: None, reusable: false }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    decoder: Decoder,
}

impl Link {
    pub(super) async fn open(target: &Target, alarm: &mut Alarm) -> Result<Self, Outcome> {
        let connected = alarm.guard(TcpStream::connect(target.address)).await;
        let stream = connected.ok_or(Outcome::ConnectTimeout)?.map_err(|error| Outcome::of_error(&error))?;
        stream.set_nodelay(true).map_err(|error| Outcome::of_error(&error))?;
        Ok(Self { stream, decoder: Decoder::new() })
    }

    /// Whether the server closed the connection while nothing was under way. Asks the system only if something came.
    pub(super) async fn is_stale(&mut self, desk: &Desk) -> bool {
        poll_fn(|cx| Poll::Ready(self.poll_read(cx, &mut desk.lock()).is_ready())).await
    }

    /// Sends a request and waits for its whole answer.
    pub(super) async fn exchange(&mut self, request: &Request, desk: &Desk, alarm: &mut Alarm) -> Answer {
        if let Err(outcome) = self.send(request, alarm).await {
            return Answer::lost(outcome);
        }
        self.decoder.reset();
        let answer = poll_fn(|cx| self.poll_answer(cx, request.id(), desk, alarm)).await;
        if !answer.reusable || self.decoder.is_fresh() || self.decoder.is_done() {
            return answer;
        }
        // The event with the answer came before the end of its stream. Reading on is not part of its latency, but the
        // connection is of no use before.
        let ended = poll_fn(|cx| self.poll_rest(cx, desk, alarm)).await;
        Answer { reusable: ended, ..answer }
    }

    /// Sends a request that opens a stream, and waits until it is open.
    pub(super) async fn open_stream(
        &mut self,
        request: &Request,
        desk: &Desk,
        alarm: &mut Alarm,
    ) -> Result<(), Outcome> {
        self.send(request, alarm).await?;
        self.decoder.reset();
        poll_fn(|cx| {
            while self.decoder.head().is_none() {
                match self.poll_feed(cx, desk) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(outcome)) => return Poll::Ready(Err(outcome)),
                    Poll::Pending => return alarm.poll(cx).map(|()| Err(Outcome::Timeout)),
                }
            }
            Poll::Ready(Ok(()))
        })
        .await?;
        let head = self.decoder.head().expect("it was just waited for");
        match Outcome::of_status(head.status) {
            None if head.events => Ok(()),
            None => Err(Outcome::Protocol),
            Some(outcome) => Err(outcome),
        }
    }

    /// The next event of an open stream, comments left out; `None` at its end.
    pub(super) async fn next_event(&mut self, desk: &Desk) -> Option<Event> {
        poll_fn(|cx| {
            loop {
                while let Some((event, length)) = next_event(self.decoder.body()) {
                    self.decoder.forget(length);
                    if event.id.is_some() || !event.data.is_empty() {
                        return Poll::Ready(Some(event));
                    }
                }
                if self.decoder.is_done() || ready!(self.poll_feed(cx, desk)).is_err() {
                    return Poll::Ready(None);
                }
            }
        })
        .await
    }

    async fn send(&mut self, request: &Request, alarm: &mut Alarm) -> Result<(), Outcome> {
        let mut left = request.bytes();
        poll_fn(|cx| {
            while !left.is_empty() {
                match Pin::new(&mut self.stream).poll_write(cx, left) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(Outcome::Closed)),
                    Poll::Ready(Ok(length)) => left = &left[length..],
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(broken(&error))),
                    Poll::Pending => return alarm.poll(cx).map(|()| Err(Outcome::Timeout)),
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Reads once into the shared buffer; an end of the stream is an error.
    fn poll_read(&mut self, cx: &mut Context<'_>, shared: &mut Shared) -> Poll<Result<usize, Outcome>> {
        let mut buffer = ReadBuf::new(&mut shared.read);
        match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
            Ok(()) if buffer.filled().is_empty() => Poll::Ready(Err(Outcome::Closed)),
            Ok(()) => Poll::Ready(Ok(buffer.filled().len())),
            Err(error) => Poll::Ready(Err(broken(&error))),
        }
    }

    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        id: &[u8],
        desk: &Desk,
        alarm: &mut Alarm,
    ) -> Poll<Answer> {
        loop {
            let mut shared = desk.lock();
            let received = match self.poll_read(cx, &mut shared) {
                Poll::Pending => return alarm.poll(cx).map(|()| Answer::lost(Outcome::Timeout)),
                Poll::Ready(received) => received,
            };
            let Shared { read, heads, answers } = &mut *shared;
            match received {
                Ok(length) => {
                    let bytes = &read[..length];
                    if self.decoder.is_fresh()
                        && let Some((head, body)) = whole(heads, bytes)
                    {
                        return Poll::Ready(judge(head, body, id, answers));
                    }
                    if self.decoder.feed(bytes).is_err() {
                        return Poll::Ready(Answer::lost(Outcome::Protocol));
                    }
                }
                Err(outcome) => {
                    if outcome != Outcome::Closed || !self.decoder.end() {
                        return Poll::Ready(Answer::lost(outcome));
                    }
                }
            }
            if let Some(answer) = self.decoded(id, answers) {
                return Poll::Ready(answer);
            }
        }
    }

    /// The answer, where enough of it has been decoded.
    fn decoded(&mut self, id: &[u8], answers: &mut AnswerMemory) -> Option<Answer> {
        let head = self.decoder.head()?;
        if head.events && Outcome::of_status(head.status).is_none() {
            let (reusable, session) = (head.reusable, head.session.clone());
            while let Some((event, length)) = next_event(self.decoder.body()) {
                self.decoder.forget(length);
                if !event.data.is_empty()
                    && let Some(outcome) = classify(&event.data, id)
                {
                    return Some(Answer { outcome, session, reusable });
                }
            }
            // A stream that ended without the answer: resuming it is for clients, not for a generator.
            return self.decoder.is_done().then(|| Answer::lost(Outcome::Closed));
        }
        self.decoder.is_done().then(|| judge(head, self.decoder.body(), id, answers))
    }

    /// Reads to the end of the response; false where the connection ended before.
    fn poll_rest(&mut self, cx: &mut Context<'_>, desk: &Desk, alarm: &mut Alarm) -> Poll<bool> {
        while !self.decoder.is_done() {
            match self.poll_feed(cx, desk) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(false),
                Poll::Pending => return alarm.poll(cx).map(|()| false),
            }
        }
        Poll::Ready(true)
    }

    fn poll_feed(&mut self, cx: &mut Context<'_>, desk: &Desk) -> Poll<Result<(), Outcome>> {
        let mut shared = desk.lock();
        let length = ready!(self.poll_read(cx, &mut shared))?;
        Poll::Ready(self.decoder.feed(&shared.read[..length]).map_err(|_| Outcome::Protocol))
    }
}

/// The outcome of a complete response.
fn judge(head: &Head, body: &[u8], id: &[u8], answers: &mut AnswerMemory) -> Answer {
    let outcome = match Outcome::of_status(head.status) {
        Some(outcome) => outcome,
        // A notification is accepted, or it is not.
        None if id.is_empty() => Outcome::Ok,
        None => answers.judge(body, id),
    };
    let reusable = head.reusable && head.framing != Framing::UntilClose && !outcome.loses_connection();
    Answer { outcome, session: head.session.clone(), reusable }
}

/// A read or write that failed on a connection that stood.
fn broken(error: &io::Error) -> Outcome {
    match Outcome::of_error(error) {
        // Retransmission gave up: the connection is as dead as after a reset.
        Outcome::ConnectTimeout | Outcome::Refused => Outcome::Reset,
        outcome => outcome,
    }
}
