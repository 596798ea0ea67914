//! A call under way: the handler's future with its deadline, its cancellation and its messages, polled by whoever carries
//! the call. No task is spawned for it: it may run inside the response future, inside a body, or in a task of its own.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::ask::Question;
use super::ctx::{Asking, Ctx};
use super::replay::Progress;
use super::reply::Reply;
use crate::cancel::CancelReason;
use crate::env::Panicked;
use crate::event::Event;
use crate::protocol::Fault;

/// How long a handler that watches its cancellation may take to clean up.
const CLEANUP_MS_MAX: u64 = 1_000;

/// What a handler returns to the node.
pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send>>;

/// What comes out of a call next.
#[derive(Debug)]
pub(crate) enum Step {
    /// A message to the client, before the answer.
    Message(Bytes),
    /// The wish to close the connection under the stream; the call goes on.
    CloseStream {
        /// After how long the client may come back.
        retry_ms: u64,
    },
    /// The end.
    End(End),
}

/// How a call ended.
#[derive(Debug)]
pub(crate) enum End {
    /// With an answer.
    Answer(Result<Reply, Fault>),
    /// With questions, to be answered in a retry.
    InputRequired(Vec<Question>, Box<Progress>),
    /// It was stopped.
    Cancelled(CancelReason),
}

/// See the [module](self) page.
pub(crate) struct Running {
    ctx: Ctx,
    handler: Option<HandlerFuture>,
    end: Option<End>,
    /// Armed only once the handler had to wait: most calls never need a timer.
    timer: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    stopping: Option<CancelReason>,
    call_ms_max: u64,
    succeeded: bool,
}

impl Running {
    /// Starts a call, without polling it yet. A handler may panic before its first await as well as after.
    pub(crate) fn start(ctx: Ctx, call_ms_max: u64, handler: impl FnOnce(Ctx) -> HandlerFuture) -> Self {
        ctx.inner().facts.around.world.record(&Event::CallStarted(ctx.call()));
        let started = catch_unwind(AssertUnwindSafe(|| handler(ctx.clone())));
        let handler = started.unwrap_or_else(|payload| {
            report_panic(&ctx, &*payload);
            Box::pin(std::future::ready(Err(Fault::internal())))
        });
        let handler = Some(handler);
        Self { ctx, handler, end: None, timer: None, stopping: None, call_ms_max, succeeded: false }
    }

    /// The context of the call.
    pub(crate) const fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    /// Whether a drop now would cut off a handler that wants to clean up.
    pub(crate) fn wants_cleanup(&self) -> bool {
        self.handler.is_some() && self.ctx.inner().cancel.is_watched()
    }

    /// What comes next: messages in their order, then the end. Not to be polled after the end.
    pub(crate) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if self.end.is_none() {
            self.poll_handler(cx);
        }
        if let Poll::Ready(message) = self.ctx.inner().outbox.poll_next(cx) {
            return Poll::Ready(Step::Message(message));
        }
        if let Some(end) = self.end.take() {
            return Poll::Ready(Step::End(end));
        }
        if let Some(retry_ms) = self.ctx.inner().outbox.take_close_stream() {
            return Poll::Ready(Step::CloseStream { retry_ms });
        }
        Poll::Pending
    }

    /// Waits for what comes next.
    pub(crate) async fn step(&mut self) -> Step {
        std::future::poll_fn(|cx| self.poll_step(cx)).await
    }

    fn poll_handler(&mut self, cx: &mut Context<'_>) {
        let Some(handler) = &mut self.handler else { return };
        // A handler's panic is its own: the call answers an internal error and the node goes on.
        let end = match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))) {
            Ok(Poll::Ready(answer)) => Some(End::Answer(answer)),
            Ok(Poll::Pending) => self.poll_limits(cx),
            Err(payload) => {
                report_panic(&self.ctx, &*payload);
                Some(End::Answer(Err(Fault::internal())))
            }
        };
        if end.is_some() {
            self.succeeded = matches!(end, Some(End::Answer(Ok(_)) | End::InputRequired(..)));
            self.drop_handler();
            self.timer = None;
            self.end = end;
        }
    }

    /// The handler waits: does it wait for answers, was it cancelled, is its time over?
    fn poll_limits(&mut self, cx: &mut Context<'_>) -> Option<End> {
        let inner = self.ctx.inner();
        if let Asking::Replay(replay) = &inner.facts.asking
            && replay.is_suspended()
        {
            let (asks, progress) = replay.suspend();
            return Some(End::InputRequired(asks, Box::new(progress)));
        }
        if self.stopping.is_none()
            && let Poll::Ready(reason) = inner.cancel.poll(cx.waker())
            && let Some(end) = self.stop(reason)
        {
            return Some(end);
        }
        while self.poll_timer(cx).is_ready() {
            if let Some(reason) = self.stopping {
                return Some(End::Cancelled(reason));
            }
            if self.ctx.inner().asks_waiting.load(Ordering::Relaxed) > 0 {
                // The client is thinking; that is not the handler's time.
                self.arm(self.call_ms_max);
            } else {
                self.ctx.inner().cancel.set(CancelReason::Deadline);
                if let Some(end) = self.stop(CancelReason::Deadline) {
                    return Some(end);
                }
            }
        }
        None
    }

    /// Ends the call, or gives a handler that watches its cancellation the time to clean up.
    fn stop(&mut self, reason: CancelReason) -> Option<End> {
        if !self.ctx.inner().cancel.is_watched() {
            return Some(End::Cancelled(reason));
        }
        self.stopping = Some(reason);
        self.arm(CLEANUP_MS_MAX);
        None
    }

    fn arm(&mut self, delay_ms: u64) {
        let world = &self.ctx.inner().facts.around.world;
        self.timer = Some(world.sleep_until(world.now().after_ms(delay_ms)));
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let facts = &self.ctx.inner().facts;
        self.timer.get_or_insert_with(|| facts.around.world.sleep_until(facts.deadline)).as_mut().poll(cx)
    }

    /// Drop code of a handler may panic as well as the handler.
    fn drop_handler(&mut self) {
        if let Some(handler) = self.handler.take()
            && let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(handler)))
        {
            report_panic(&self.ctx, &*payload);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.drop_handler();
        self.ctx.inner().outbox.close();
        self.ctx.inner().facts.around.world.record(&Event::CallEnded(self.ctx.call(), self.succeeded));
    }
}

fn report_panic(ctx: &Ctx, payload: &(dyn Any + Send)) {
    tracing::error!(call = %ctx.call(), "handler {}", Panicked::from_payload(payload));
}
