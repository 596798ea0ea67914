//! Carrying a stateful call: from the connection that asked, over to a stream, and to its end even when nobody listens.
//!
//! Most calls end the first time they are polled, or at least before they say anything: they run inside the future of
//! their response, without a task. A call that has something to say first moves to a task of its own, and its messages
//! to a stream that outlives the connection. A connection that breaks never stops a stateful call
//! (2025-11-25 `basic/transports`: disconnection is not cancellation).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::core::Core;
use super::refused;
use crate::cancel::CancelReason;
use crate::env::{Env, deadline};
use crate::event::Event;
use crate::handler::{End, Running, Step};
use crate::jsonrpc::Id;
use crate::session::{Calls, Refusal, StreamLog};

/// Beyond a call's own time: how long its last messages may wait for a reader that does not read.
const UNREAD_MS_MAX: u64 = 30_000;

/// A stateful call that runs inside a response. Dropped before its end, it goes on by itself.
pub(super) struct Carried<E: Env> {
    core: Arc<Core<E>>,
    calls: Arc<Calls>,
    id: Id,
    running: Option<Running>,
    registered: bool,
}

impl<E: Env> Carried<E> {
    pub(super) const fn new(core: Arc<Core<E>>, calls: Arc<Calls>, id: Id, running: Running) -> Self {
        Self { core, calls, id, running: Some(running), registered: false }
    }

    /// The first thing that the call says: its end, mostly.
    pub(super) async fn first_step(&mut self) -> Result<Step, Refusal> {
        FirstStep(self).await
    }

    /// Goes on as a task, from `first` if something was said already: messages go to `log`, and so does what `finish`
    /// makes of the end. Only on a stream of its own may the call close the connection.
    pub(super) fn go_on<F>(mut self, first: Option<Step>, log: Arc<StreamLog>, own: bool, finish: F)
    where
        F: FnOnce(&StreamLog, End) + Send + 'static,
    {
        let Some(mut running) = self.running.take() else { return };
        // Most calls end the first time they are polled: then there is nothing to spawn. The task polls again at once,
        // so the waker of this first time need not wake anybody.
        let mut first = first;
        if first.is_none()
            && let Poll::Ready(step) = running.poll_step(&mut Context::from_waker(Waker::noop()))
        {
            if let Step::End(end) = step {
                finish(&log, end);
                return;
            }
            first = Some(step);
        }
        let (core, calls, id) = (self.core.clone(), self.calls.clone(), self.id.clone());
        if !std::mem::take(&mut self.registered)
            && let Err(refusal) = calls.begin(&id, running.ctx().cancellable())
        {
            finish(&log, End::Answer(Err(refused(refusal))));
            return;
        }
        let env = core.env.clone();
        env.spawn("call", async move {
            let end = carry(&core.env, running, first, &log, own).await;
            finish(&log, end);
            calls.end(&id);
        });
    }
}

async fn carry<E: Env>(
    env: &E,
    mut running: Running,
    first: Option<Step>,
    log: &StreamLog,
    own: bool,
) -> End {
    let mut first = first;
    loop {
        let step = match first.take() {
            Some(step) => step,
            None => running.step().await,
        };
        match step {
            Step::Message(message) => {
                let due = running.ctx().deadline().max(env.now()).after_ms(UNREAD_MS_MAX);
                let length = message.len();
                if deadline(env, due, log.append_when_room(message)).await.is_err() {
                    running.ctx().inner().cancel.set(CancelReason::Deadline);
                }
                env.record(&queue_length(log, length));
            }
            Step::CloseStream { retry_ms } if own => log.close_reader(retry_ms),
            Step::CloseStream { .. } => {}
            Step::End(end) => return end,
        }
    }
}

/// How full a stream is, just after an event of `length` bytes was appended: one event may be larger than the queue.
fn queue_length(log: &StreamLog, length: usize) -> Event {
    let (waiting, bound) = (log.waiting_bytes(), log.queue_bytes_max().max(length));
    Event::QueueLength { name: "bytes of a stream", length: waiting as u64, bound: bound as u64 }
}

impl<E: Env> Drop for Carried<E> {
    fn drop(&mut self) {
        let registered = std::mem::take(&mut self.registered);
        let (calls, id) = (self.calls.clone(), self.id.clone());
        match self.running.take() {
            // The connection broke: the call goes on, and nobody hears of it.
            Some(mut running) if registered => {
                self.core.env.spawn("call without a client", async move {
                    while !matches!(running.step().await, Step::End(_)) {}
                    calls.end(&id);
                });
            }
            _ if registered => calls.end(&id),
            _ => {}
        }
    }
}

/// Polls the call; registers it only once it has to wait.
struct FirstStep<'a, E: Env>(&'a mut Carried<E>);

impl<E: Env> Future for FirstStep<'_, E> {
    type Output = Result<Step, Refusal>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let carried = &mut *self.get_mut().0;
        let running = carried.running.as_mut().expect("a call must not be polled after its end");
        match running.poll_step(cx) {
            Poll::Ready(Step::End(end)) => {
                carried.running = None;
                Poll::Ready(Ok(Step::End(end)))
            }
            Poll::Ready(step) => Poll::Ready(Ok(step)),
            Poll::Pending if carried.registered => Poll::Pending,
            Poll::Pending => match carried.calls.begin(&carried.id, running.ctx().cancellable()) {
                Ok(()) => {
                    carried.registered = true;
                    Poll::Pending
                }
                Err(refusal) => {
                    carried.running = None;
                    Poll::Ready(Err(refusal))
                }
            },
        }
    }
}
