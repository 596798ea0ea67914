//! The stages of a node's life, and telling everybody of them.

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
    /// Closing what is left.
    Stopped,
}

/// A node's stage, that anybody may wait for.
#[derive(Debug)]
pub(crate) struct Life {
    sender: watch::Sender<Stage>,
    receiver: watch::Receiver<Stage>,
}

impl Life {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = watch::channel(Stage::Starting);
        Self { sender, receiver }
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
            }
            later
        });
    }

    /// Waits until a stage is reached or passed.
    pub(crate) fn reached(&self, stage: Stage) -> impl Future<Output = ()> + Send + 'static {
        let mut receiver = self.receiver.clone();
        async move {
            // An error means that the node itself is gone, which is past every stage.
            let _ = receiver.wait_for(|now| *now >= stage).await;
        }
    }
}
