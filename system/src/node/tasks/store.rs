//! The tasks of the cluster, behind the store that whoever works with tasks is written for.

use std::sync::Mutex;

use futures_util::future::BoxFuture;

use crate::cluster::{Cluster, Trouble};
use crate::env::{Entropy, Env};
use crate::ids::TaskId;
use crate::seal::Principal;
use crate::task::{Command, Reply, RequestId, Stamp, Store, StoreError, Watch};
use crate::watch;

/// How long a command waits for the owner before its outcome counts as unknown. Whoever asks, asks again.
const COMMAND_MS_MAX: u64 = 5_000;

/// See the [module](self) page.
pub(in crate::node) struct ClusterStore<E: Env> {
    env: E,
    cluster: Cluster<E>,
    /// For pauses between attempts: nodes that lost one owner must not all come back at once.
    jitter: Mutex<Entropy>,
}

impl<E: Env> ClusterStore<E> {
    pub(in crate::node) fn new(env: E, cluster: Cluster<E>) -> Self {
        let jitter = Mutex::new(env.entropy("task watches"));
        Self { env, cluster, jitter }
    }
}

impl<E: Env> Store for ClusterStore<E> {
    fn apply(&self, request: RequestId, command: Command) -> BoxFuture<'_, Result<Reply, StoreError>> {
        Box::pin(async move {
            let due = self.env.now().after_ms(COMMAND_MS_MAX);
            self.cluster.tasks(request, command, due).await.map_err(|error| match error {
                Trouble::Unknown => StoreError::Unknown,
                Trouble::Refused(_) => StoreError::Full,
                _ => StoreError::Unavailable,
            })
        })
    }

    fn watch(&self, principal: Principal, id: TaskId) -> BoxFuture<'_, Result<Option<Watch>, StoreError>> {
        Box::pin(async move {
            let due = self.env.now().after_ms(COMMAND_MS_MAX);
            let first = self.cluster.task_stamp(principal, id, due).await;
            let first = first.map_err(|_| StoreError::Unavailable)?;
            let Some(first) = first else { return Ok(None) };
            let (sender, receiver) = watch::channel(first);
            let jitter = self.jitter.lock().expect("entropy must not be poisoned").below(PAUSE_MS);
            let (env, cluster) = (self.env.clone(), self.cluster.clone());
            self.env.spawn("task watch", async move {
                follow(&env, &cluster, (principal, id), sender, PAUSE_MS + jitter).await;
            });
            Ok(Some(Watch::new(receiver)))
        })
    }
}

/// How long to wait before an owner that could not be reached is asked again.
const PAUSE_MS: u64 = 250;

/// Passes on what becomes of a task, until it is gone or nobody watches.
async fn follow<E: Env>(
    env: &E,
    cluster: &Cluster<E>,
    (principal, id): (Principal, TaskId),
    sender: watch::Sender<Stamp>,
    pause_ms: u64,
) {
    loop {
        let seen = sender.borrow().version;
        let next = cluster.task_changed(principal, id, seen);
        let next = match crate::env::race(sender.closed(), next).await {
            crate::env::Either::Left(()) => return,
            crate::env::Either::Right(next) => next,
        };
        match next {
            Ok(Some(stamp)) => {
                sender.send_if_modified(|last| {
                    let newer = stamp.version > last.version;
                    if newer {
                        *last = stamp;
                    }
                    newer
                });
            }
            Ok(None) => return,
            Err(_) => env.sleep_until(env.now().after_ms(pause_ms)).await,
        }
    }
}
