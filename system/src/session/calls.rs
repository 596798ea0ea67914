//! Calls in flight, by the id that their client gave them.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

use super::Refusal;
use crate::cancel::{CancelReason, Cancellable};
use crate::env::Instant;
use crate::jsonrpc::Id;

/// How long a cancellation waits for its call.
const EARLY_MS_MAX: u64 = 5_000;
/// Cancellations that wait; beyond, the oldest is dropped: to cancel is a wish.
const EARLY_LEN_MAX: usize = 16;

/// The calls of one session or connection.
pub(crate) struct Calls {
    calls_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_id: BTreeMap<Id, Arc<dyn Cancellable>>,
    /// Cancellations of calls that are not registered (yet): they came by another way than their calls.
    early: VecDeque<(Id, CancelReason, Instant)>,
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

    /// Registers a call that takes its time, so that it can be cancelled by its id, for as long as what is returned lives.
    ///
    /// # Errors
    /// [`Refusal`]; the call is then not registered.
    pub(crate) fn begin(self: &Arc<Self>, id: &Id, call: Arc<dyn Cancellable>) -> Result<Begun, Refusal> {
        let early = {
            let state = &mut *self.lock();
            state.admit(id, self.calls_max)?;
            state.by_id.insert(id.clone(), call.clone());
            let at = state.early.iter().position(|(early, ..)| early == id);
            at.and_then(|at| state.early.remove(at))
        };
        if let Some((_, reason, _)) = early {
            call.cancel(reason);
        }
        Ok(Begun { calls: self.clone(), id: id.clone() })
    }

    /// Cancels a call by its id, also one that registers within a short time from now: its cancellation came through
    /// another node, and was faster.
    pub(crate) fn cancel_soon(&self, id: Id, reason: CancelReason, now: Instant) {
        if self.cancel(&id, reason) {
            return;
        }
        let early = &mut self.lock().early;
        early.retain(|(early, _, due)| *due > now && *early != id);
        if early.len() >= EARLY_LEN_MAX {
            early.pop_front();
        }
        early.push_back((id, reason, now.after_ms(EARLY_MS_MAX)));
    }

    /// Whether a call of this id may begin now. Asked before its handler runs: a call that is refused has not begun.
    ///
    /// # Errors
    /// [`Refusal`], as of [`begin`](Self::begin).
    pub(crate) fn admit(&self, id: &Id) -> Result<(), Refusal> {
        self.lock().admit(id, self.calls_max)
    }

    fn end(&self, id: &Id) {
        let (ended, idlers) = {
            let state = &mut *self.lock();
            let ended = state.by_id.remove(id);
            (ended, if state.by_id.is_empty() { std::mem::take(&mut state.idlers) } else { Vec::new() })
        };
        idlers.into_iter().for_each(Waker::wake);
        // Not under the lock: it may be the last that knows of the call, and a call knows its session.
        drop(ended);
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

/// A call is registered. Dropped, it is not any more: however its task ends, its id is free again, and nobody keeps it.
#[derive(Debug)]
pub(crate) struct Begun {
    calls: Arc<Calls>,
    id: Id,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.calls.end(&self.id);
    }
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calls").field("len", &self.len()).finish_non_exhaustive()
    }
}
