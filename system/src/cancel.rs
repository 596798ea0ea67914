//! Cancellation: a flag that a call can look at, or wait for.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Poll, Waker};

/// Why a call should stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CancelReason {
    /// The client said so, or (2026-07-28) closed the stream of its answer.
    Client,
    /// The call's deadline passed.
    Deadline,
    /// The task that this call works for was cancelled.
    Task,
    /// The node is going down and waited as long as it may.
    Shutdown,
}

/// Something that can be told to stop.
pub(crate) trait Cancellable: Send + Sync {
    /// Tells it. The first reason stands.
    fn cancel(&self, reason: CancelReason);
}

/// A flag that is set once.
#[derive(Debug, Default)]
pub(crate) struct Cancel(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    reason: Option<CancelReason>,
    watched: bool,
    wakers: Vec<Waker>,
}

impl Cancel {
    /// Sets the flag. The first reason stands.
    pub(crate) fn set(&self, reason: CancelReason) {
        let wakers = {
            let mut state = self.0.lock().expect("cancel flag must not be poisoned");
            state.reason.get_or_insert(reason);
            std::mem::take(&mut state.wakers)
        };
        for waker in wakers {
            waker.wake();
        }
    }

    /// The reason, once set. Notes that the handler cares: it then gets a moment to clean up.
    pub(crate) fn watch(&self) -> Option<CancelReason> {
        let mut state = self.0.lock().expect("cancel flag must not be poisoned");
        state.watched = true;
        state.reason
    }

    /// Whether the handler looks at this flag at all.
    pub(crate) fn is_watched(&self) -> bool {
        self.0.lock().expect("cancel flag must not be poisoned").watched
    }

    /// Ready once the flag is set; wakes `waker` then.
    pub(crate) fn poll(&self, waker: &Waker) -> Poll<CancelReason> {
        let mut state = self.0.lock().expect("cancel flag must not be poisoned");
        if let Some(reason) = state.reason {
            return Poll::Ready(reason);
        }
        if !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        Poll::Pending
    }

    /// Waits until the flag is set.
    pub(crate) async fn wait(&self) -> CancelReason {
        self.watch();
        poll_fn(|cx| self.poll(cx.waker())).await
    }
}
