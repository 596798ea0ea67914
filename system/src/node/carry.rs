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

use bytes::Bytes;

use super::core::Core;
use super::outlet::Outlet;
use super::refused;
use crate::cancel::CancelReason;
use crate::env::Env;
use crate::handler::{End, Running, Step};
use crate::jsonrpc::Id;
use crate::session::{Begun, Calls, Refusal};

/// A stateful call that runs inside a response. Dropped before its end, it goes on by itself.
pub(super) struct Carried<E: Env> {
    core: Arc<Core<E>>,
    calls: Arc<Calls>,
    id: Id,
    running: Option<Running>,
    begun: Option<Begun>,
}

impl<E: Env> Carried<E> {
    pub(super) const fn new(core: Arc<Core<E>>, calls: Arc<Calls>, id: Id, running: Running) -> Self {
        Self { core, calls, id, running: Some(running), begun: None }
    }

    /// The first thing that the call says: its end, mostly.
    pub(super) async fn first_step(&mut self) -> Result<Step, Refusal> {
        FirstStep(self).await
    }

    /// Stops the call; what it still does is told to nobody.
    pub(super) fn stop(self, reason: CancelReason) {
        if let Some(running) = &self.running {
            running.ctx().inner().cancel.set(reason);
        }
    }

    /// Goes on as a task, from `first` if something was said already: messages go to `outlet`, and so does what `write`
    /// makes of the end. Only on a stream of its own may the call close the connection.
    pub(super) fn go_on<F>(mut self, first: Option<Step>, outlet: Outlet<E>, own: bool, write: F)
    where
        F: FnOnce(End) -> Option<Bytes> + Send + 'static,
    {
        let Some(mut running) = self.running.take() else { return };
        let (core, id) = (self.core.clone(), self.id.clone());
        let env = core.env.clone();
        // Most calls end the first time they are polled: then there is nothing to spawn. The task polls again at once,
        // so the waker of this first time need not wake anybody.
        let mut first = first;
        if first.is_none()
            && let Poll::Ready(step) = running.poll_step(&mut Context::from_waker(Waker::noop()))
        {
            if let Step::End(end) = step {
                if let Err(message) = outlet.end_now(write(end)) {
                    env.spawn(
                        "end of a call",
                        async move { outlet.end(&core.env, Some(&id), message).await },
                    );
                }
                return;
            }
            first = Some(step);
        }
        let begun = self.begun.take().map_or_else(|| self.calls.begin(&id, running.ctx().cancellable()), Ok);
        let begun = match begun {
            Ok(begun) => begun,
            Err(refusal) => {
                if let Err(message) = outlet.end_now(write(End::Answer(Err(refused(refusal))))) {
                    env.spawn("end of a call", async move {
                        outlet.end(&core.env, Some(&id), message).await;
                    });
                }
                return;
            }
        };
        env.spawn("call", async move {
            let end = carry(&core.env, running, first, &outlet, own).await;
            outlet.end(&core.env, Some(&id), write(end)).await;
            drop(begun);
        });
    }
}

async fn carry<E: Env>(
    env: &E,
    mut running: Running,
    first: Option<Step>,
    outlet: &Outlet<E>,
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
                if outlet.say(env, running.ctx().deadline(), message).await.is_err() {
                    running.ctx().inner().cancel.set(CancelReason::Deadline);
                }
            }
            Step::CloseStream { retry_ms } if own => outlet.close_reader(retry_ms).await,
            Step::CloseStream { .. } => {}
            Step::End(end) => return end,
        }
    }
}

impl<E: Env> Drop for Carried<E> {
    fn drop(&mut self) {
        if let (Some(mut running), Some(begun)) = (self.running.take(), self.begun.take()) {
            // The connection broke: the call goes on, and nobody hears of it.
            self.core.env.spawn("call without a client", async move {
                while !matches!(running.step().await, Step::End(_)) {}
                drop(begun);
            });
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
            Poll::Pending if carried.begun.is_some() => Poll::Pending,
            Poll::Pending => match carried.calls.begin(&carried.id, running.ctx().cancellable()) {
                Ok(begun) => {
                    carried.begun = Some(begun);
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
