//! The stages of a node's life, and telling everybody of them.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Poll, Waker};

use crate::watch;

/// Where a node is in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// Not serving yet.
    Starting,
    /// Serving.
    Ready,
    /// Finishing what is under way; nothing new is taken.
    Draining,
    /// What is left is told to end.
    Ending,
    /// Closing what is left.
    Stopped,
}

/// A node's stage, that anybody may wait for.
#[derive(Debug)]
pub(crate) struct Life {
    sender: watch::Sender<Stage>,
    receiver: watch::Receiver<Stage>,
    /// Counts the stages entered. Every connection waits for the end with every request that it serves: while this
    /// stands still there is nothing to look at, and no lock to take for it.
    entered: Arc<AtomicU8>,
}

impl Life {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = watch::channel(Stage::Starting);
        Self { sender, receiver, entered: Arc::default() }
    }

    /// The stage now.
    pub(crate) fn stage(&self) -> Stage {
        *self.receiver.borrow()
    }

    /// Goes on to a stage. Life has no way back: an earlier stage is not entered again.
    pub(crate) fn enter(&self, stage: Stage) {
        self.sender.send_if_modified(|now| {
            let later = stage > *now;
            if later {
                *now = stage;
                self.entered.fetch_add(1, Ordering::Release);
            }
            later
        });
    }

    /// Waits until a stage is reached or passed.
    pub(crate) fn reached(&self, stage: Stage) -> impl Future<Output = ()> + Send + 'static {
        let mut receiver = self.receiver.clone();
        let entered = self.entered.clone();
        async move {
            // An error means that the node itself is gone, which is past every stage.
            let mut wait = pin!(async move { drop(receiver.wait_for(|now| *now >= stage).await) });
            let mut looked: Option<(u8, Waker)> = None;
            poll_fn(|cx| {
                let now = entered.load(Ordering::Acquire);
                if looked.as_ref().is_some_and(|(then, waker)| *then == now && waker.will_wake(cx.waker())) {
                    return Poll::Pending;
                }
                looked = Some((now, cx.waker().clone()));
                wait.as_mut().poll(cx)
            })
            .await;
        }
    }
}
