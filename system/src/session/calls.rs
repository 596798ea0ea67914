//! Calls in flight, by the id that their client gave them.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

use super::Refusal;
use crate::cancel::{CancelReason, Cancellable};
use crate::jsonrpc::Id;

/// The calls of one session or connection.
pub(crate) struct Calls {
    calls_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_id: BTreeMap<Id, Arc<dyn Cancellable>>,
    closed: bool,
    idlers: Vec<Waker>,
}

impl State {
    fn admit(&self, id: &Id, calls_max: usize) -> Result<(), Refusal> {
        if self.closed {
            return Err(Refusal::Ended);
        }
        if self.by_id.contains_key(id) {
            return Err(Refusal::DuplicateId);
        }
        if self.by_id.len() >= calls_max {
            return Err(Refusal::TooMany("calls"));
        }
        Ok(())
    }
}

impl Calls {
    /// No calls yet, and at most `calls_max` at once.
    pub(crate) fn new(calls_max: usize) -> Self {
        Self { calls_max, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("calls must not be poisoned")
    }

    /// Registers a call that takes its time, so that it can be cancelled by its id.
    ///
    /// # Errors
    /// [`Refusal`]; the call is then not registered.
    pub(crate) fn begin(&self, id: &Id, call: Arc<dyn Cancellable>) -> Result<(), Refusal> {
        let state = &mut *self.lock();
        state.admit(id, self.calls_max)?;
        state.by_id.insert(id.clone(), call);
        Ok(())
    }

    /// Whether a call of this id may begin now. Asked before its handler runs: a call that is refused has not begun.
    ///
    /// # Errors
    /// [`Refusal`], as of [`begin`](Self::begin).
    pub(crate) fn admit(&self, id: &Id) -> Result<(), Refusal> {
        self.lock().admit(id, self.calls_max)
    }

    /// Forgets a call.
    pub(crate) fn end(&self, id: &Id) {
        let state = &mut *self.lock();
        state.by_id.remove(id);
        if state.by_id.is_empty() {
            state.idlers.drain(..).for_each(Waker::wake);
        }
    }

    /// Waits until no call is registered.
    pub(crate) async fn idle(&self) {
        poll_fn(|cx| {
            let state = &mut *self.lock();
            if state.by_id.is_empty() {
                return Poll::Ready(());
            }
            if !state.idlers.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.idlers.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Cancels a call by its id; false when there is none (it ended, or never was).
    pub(crate) fn cancel(&self, id: &Id, reason: CancelReason) -> bool {
        let call = self.lock().by_id.get(id).cloned();
        call.is_some_and(|call| {
            call.cancel(reason);
            true
        })
    }

    /// Cancels all calls, and takes no more.
    pub(crate) fn close(&self, reason: CancelReason) {
        let calls: Vec<_> = {
            let state = &mut *self.lock();
            state.closed = true;
            state.by_id.values().cloned().collect()
        };
        calls.iter().for_each(|call| call.cancel(reason));
    }

    /// The number of calls.
    pub(crate) fn len(&self) -> usize {
        self.lock().by_id.len()
    }
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calls").field("len", &self.len()).finish_non_exhaustive()
    }
}
