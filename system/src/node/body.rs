//! Answers that stream: event streams of sessions, of single calls and of subscriptions, as HTTP bodies.
//!
//! A body is pulled by its connection. So a client that reads slowly slows whoever writes for it, and a body that is
//! dropped is a client that left.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};

use super::core::Core;
use super::follow::Follow;
use crate::cancel::CancelReason;
use crate::env::{Env, Instant};
use crate::handler::{End, Running, Step};
use crate::session::{Item, Reader, Session};
use crate::transport::sse;

type PollFrame = Poll<Option<Result<Frame<Bytes>, Infallible>>>;

fn frame(bytes: Bytes) -> PollFrame {
    Poll::Ready(Some(Ok(Frame::data(bytes))))
}

/// Says something when nothing else was said for a while, so that nobody between takes the stream for dead.
struct KeepAlive<E: Env> {
    env: E,
    period_ms: u64,
    spoke: Instant,
    timer: Option<Pin<Box<E::Sleep>>>,
}

impl<E: Env> KeepAlive<E> {
    fn new(env: E, period_ms: u64) -> Self {
        let spoke = env.now();
        Self { env, period_ms, spoke, timer: None }
    }

    fn spoke(&mut self) {
        self.spoke = self.env.now();
    }

    /// Ready when it is time for a comment. The timer is moved only when it fires, not with every event.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let due = self.spoke.after_ms(self.period_ms);
            let timer = self.timer.get_or_insert_with(|| Box::pin(self.env.sleep_until(due)));
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
            let now = self.env.now();
            if now >= self.spoke.after_ms(self.period_ms) {
                self.spoke = now;
                return Poll::Ready(());
            }
        }
    }
}

/// How the events of a stream are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    /// With ids, to resume from (2025-03-26 to 2025-11-25).
    Resumable,
    /// As `message` events without ids (2024-11-05).
    Named,
    /// As bare events (2026-07-28).
    Bare,
}

/// What a stream's body reads.
pub(super) enum Source<E: Env> {
    /// What waits at this node.
    Queue(Reader),
    /// A stream of a session.
    Stream(Follow<E>),
}

impl<E: Env> Source<E> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        match self {
            Self::Queue(reader) => reader.poll_next(cx),
            Self::Stream(follow) => follow.poll_next(cx),
        }
    }

    /// The stream's number in event ids.
    const fn stream(&self) -> u64 {
        match self {
            Self::Queue(_) => 0,
            Self::Stream(follow) => follow.stream().0,
        }
    }
}

/// The body of an event stream. Whatever must end with the connection is dropped with it.
pub(super) struct EventBody<E: Env> {
    source: Source<E>,
    style: Style,
    first: Option<Bytes>,
    keep_alive: KeepAlive<E>,
    _held: Box<dyn Any + Send>,
}

impl<E: Env> EventBody<E> {
    /// `first` goes out before any event: a priming event, the old transport's `endpoint`, or just a comment.
    pub(super) fn new(
        core: &Core<E>,
        source: Source<E>,
        style: Style,
        first: Option<Bytes>,
        held: impl Any + Send,
    ) -> Self {
        let keep_alive = KeepAlive::new(core.env.clone(), core.limits.keep_alive_ms);
        Self { source, style, first, keep_alive, _held: Box::new(held) }
    }
}

impl<E: Env> Body for EventBody<E> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> PollFrame {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return frame(first);
        }
        match this.source.poll_next(cx) {
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Item::Close { retry_ms })) => {
                // The body ends behind this: a source that says so has nothing more.
                frame(sse::retry(retry_ms))
            }
            Poll::Ready(Some(Item::Event { sequence, data })) => {
                this.keep_alive.spoke();
                let stream = this.source.stream();
                frame(match this.style {
                    Style::Resumable => sse::encode(Some(&format!("{stream}.{sequence}")), None, &data),
                    Style::Named => sse::encode(None, Some("message"), &data),
                    Style::Bare => sse::encode(None, None, &data),
                })
            }
            Poll::Pending => this.keep_alive.poll_due(cx).map(|()| Some(Ok(Frame::data(sse::comment())))),
        }
    }
}

/// Held by a body that reads a stream of a session: the session is not idle meanwhile.
pub(super) struct Reading<E: Env> {
    core: Arc<Core<E>>,
    session: Arc<Session>,
}

impl<E: Env> Reading<E> {
    pub(super) fn new(core: Arc<Core<E>>, session: Arc<Session>) -> Self {
        session.reader_opened();
        core.metrics.streams.inc();
        Self { core, session }
    }
}

impl<E: Env> Drop for Reading<E> {
    fn drop(&mut self) {
        self.session.reader_closed(self.core.env.now());
        self.core.metrics.streams.dec();
    }
}

/// Writes the end of a call as a message.
pub(super) type WriteEnd = Box<dyn FnOnce(End) -> Bytes + Send>;

/// The body of one stateless call that has something to say before its answer. It is the call: when the client closes
/// the stream, the call is cancelled (2026-07-28 streamable HTTP, Cancellation).
pub(super) struct CallBody<E: Env> {
    running: Option<Running>,
    first: Option<Step>,
    write_end: Option<WriteEnd>,
    keep_alive: KeepAlive<E>,
}

impl<E: Env> CallBody<E> {
    pub(super) fn new(
        env: &E,
        running: Running,
        first: Step,
        write_end: WriteEnd,
        keep_alive_ms: u64,
    ) -> Self {
        let keep_alive = KeepAlive::new(env.clone(), keep_alive_ms);
        Self { running: Some(running), first: Some(first), write_end: Some(write_end), keep_alive }
    }
}

impl<E: Env> Body for CallBody<E> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> PollFrame {
        let this = self.get_mut();
        loop {
            let Some(running) = &mut this.running else { return Poll::Ready(None) };
            let step = match this.first.take() {
                Some(step) => step,
                None => match running.poll_step(cx) {
                    Poll::Ready(step) => step,
                    Poll::Pending => {
                        return this.keep_alive.poll_due(cx).map(|()| Some(Ok(Frame::data(sse::comment()))));
                    }
                },
            };
            this.keep_alive.spoke();
            match step {
                Step::Message(message) => return frame(sse::encode(None, None, &message)),
                Step::CloseStream { .. } => {}
                Step::End(end) => {
                    this.running = None;
                    let write = this.write_end.take().expect("a call must end once");
                    return frame(sse::encode(None, None, &write(end)));
                }
            }
        }
    }
}

impl<E: Env> Drop for CallBody<E> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            abandon(&self.keep_alive.env, running);
        }
    }
}

/// Cancels a call whose client left; a handler that watches its cancellation gets its moment to clean up.
pub(super) fn abandon<E: Env>(env: &E, mut running: Running) {
    running.ctx().inner().cancel.set(CancelReason::Client);
    if running.wants_cleanup() {
        env.spawn("abandoned call", async move { while !matches!(running.step().await, Step::End(_)) {} });
    }
}
