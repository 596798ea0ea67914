//! How a node reaches the tasks, wherever they are. One implementation keeps them in this process, another in a cluster;
//! who uses a store cannot tell them apart, `Unknown` included.

use futures_util::future::BoxFuture;

use super::command::{Command, Reply, RequestId, Stamp};
use crate::ids::TaskId;
use crate::seal::Principal;
use crate::watch;

/// The tasks, behind whatever keeps them.
pub trait Store: Send + Sync + 'static {
    /// Carries out a command, once, however often it is called with this request id.
    ///
    /// The caller draws the id and keeps it: after [`StoreError::Unknown`] it asks again with the same id and the same
    /// command, or lives with not knowing. Dropping the future is the same as `Unknown`.
    fn apply(&self, request: RequestId, command: Command) -> BoxFuture<'_, Result<Reply, StoreError>>;

    /// Watches a task. `None` where this principal has no such task.
    fn watch(&self, principal: Principal, id: TaskId) -> BoxFuture<'_, Result<Option<Watch>, StoreError>>;
}

/// Why there is no reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// It may have happened, may yet happen, or never. Only the same request id again tells.
    #[error("outcome unknown")]
    Unknown,
    /// It did not happen and will not: whoever keeps the tasks could not be reached. Later may be better.
    #[error("task store unavailable")]
    Unavailable,
    /// It did not happen and will not: there is no room. The operator's bounds are too small, or a client does too much.
    #[error("task store full")]
    Full,
}

/// The task is past its time and forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("task is gone")]
pub struct Gone;

/// Sees the last state of a task. It never holds more than one, so a slow watcher costs nothing; it may miss states in
/// between, but never the last.
#[derive(Clone, Debug)]
pub struct Watch(watch::Receiver<Stamp>);

impl Watch {
    /// Watches through a channel. When its senders are dropped, the task is gone.
    #[must_use]
    pub const fn new(receiver: watch::Receiver<Stamp>) -> Self {
        Self(receiver)
    }

    /// The task as it was last heard of.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        *self.0.borrow()
    }

    /// Waits for a state that this watch has not returned, beginning with the one behind the first. Cancel safe.
    ///
    /// # Errors
    /// [`Gone`] when the task is forgotten.
    pub async fn changed(&mut self) -> Result<Stamp, Gone> {
        self.0.changed().await.map_err(|_| Gone)?;
        Ok(*self.0.borrow())
    }

    /// Waits until the task has ended. Cancel safe.
    ///
    /// # Errors
    /// [`Gone`] when the task is forgotten first.
    pub async fn ended(&mut self) -> Result<Stamp, Gone> {
        self.0.wait_for(|stamp| stamp.status.is_terminal()).await.map(|stamp| *stamp).map_err(|_| Gone)
    }
}
