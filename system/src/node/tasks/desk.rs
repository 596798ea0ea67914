//! Reaching the store: with a request id for each command, and again with the same one while the outcome is unknown.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use crate::env::{Entropy, Env, Instant, flawed, reachable};
use crate::handler::{AskError, Redeem};
use crate::ids::TaskId;
use crate::jsonrpc::Raw;
use crate::protocol::{Fault, TaskDetail, TaskStatus, TaskView};
use crate::seal::Principal;
use crate::task::{
    Action, Command, RedemptionId, Refusal, Reply, RequestId, Status, Store, StoreError, Summary, Task, Watch,
};

/// How often a command whose outcome is unknown is sent, the first time included.
const TRIES: u32 = 4;
/// How long to wait before the second try; doubled with each.
const PAUSE_MS: u64 = 50;
/// The longest wait between two tries of what must not be lost.
const PAUSE_MS_MAX: u64 = 2_000;

/// The node's way to its tasks.
pub(in crate::node) struct Desk<E: Env> {
    env: E,
    store: Arc<dyn Store>,
    requests: Mutex<Entropy>,
}

impl<E: Env> Desk<E> {
    pub(in crate::node) fn new(env: E, store: Arc<dyn Store>) -> Arc<Self> {
        let requests = Mutex::new(env.entropy("task requests"));
        Arc::new(Self { env, store, requests })
    }

    async fn send(&self, command: Command) -> Result<Reply, StoreError> {
        let id = RequestId(self.requests.lock().expect("entropy must not be poisoned").next_u128());
        let mut pause_ms = PAUSE_MS;
        for _ in 1..TRIES {
            match self.store.apply(id, command.clone()).await {
                Err(StoreError::Unknown) => {
                    reachable!(self.env, TaskCommandRepeated);
                    self.env.sleep_until(self.env.now().after_ms(pause_ms)).await;
                }
                known => return known,
            }
            pause_ms *= 2;
        }
        self.store.apply(id, command).await
    }

    /// Carries out a command that must not be lost: asks until the store says what became of it, at the longest until `due`.
    pub(super) async fn insist(&self, command: Command, due: Instant) -> Result<Reply, StoreError> {
        let id = RequestId(self.requests.lock().expect("entropy must not be poisoned").next_u128());
        self.until(due, || self.store.apply(id, command.clone())).await
    }

    /// Watches a task for whoever carries it out: asks until the store answers, at the longest until `due`.
    pub(super) async fn watch_until(&self, key: TaskKey, due: Instant) -> Result<Option<Watch>, StoreError> {
        self.until(due, || self.store.watch(key.principal, key.id)).await
    }

    async fn until<T, F>(&self, due: Instant, ask: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut pause_ms = PAUSE_MS;
        loop {
            match ask().await {
                Err(StoreError::Unknown | StoreError::Unavailable) if self.env.now() < due => {
                    reachable!(self.env, TaskWaitedForGroup);
                }
                known => return known,
            }
            self.env.sleep_until(self.env.now().after_ms(pause_ms)).await;
            pause_ms = (pause_ms * 2).min(PAUSE_MS_MAX);
        }
    }

    /// Carries out a command.
    ///
    /// # Errors
    /// The fault to tell the client. After "outcome unknown" the command may have been carried out.
    pub(super) async fn apply(&self, command: Command) -> Result<Reply, Fault> {
        match self.send(command).await {
            Ok(Reply::Refused(refusal)) => Err(refused(&refusal)),
            Ok(reply) => Ok(reply),
            Err(error) => Err(Fault::overloaded(error.to_string())),
        }
    }

    /// Does something with one task.
    pub(super) async fn act(&self, key: TaskKey, action: Action) -> Result<Reply, Fault> {
        self.apply(key.on(action)).await
    }

    /// Cancels a task. One that has ended stays as it ended, which is no error here.
    ///
    /// # Errors
    /// The fault to tell the client: there is no such task, or it may go on, because the store could not be reached.
    pub(super) async fn cancel(&self, key: TaskKey) -> Result<(), Fault> {
        if flawed!(self.env, UnheldCancel) {
            let id = RequestId(self.requests.lock().expect("entropy must not be poisoned").next_u128());
            let store = self.store.clone();
            self.env
                .spawn("cancellation", async move { drop(store.apply(id, key.on(Action::Cancel)).await) });
            return Ok(());
        }
        match self.send(key.on(Action::Cancel)).await {
            Ok(Reply::Refused(Refusal::Ended(_))) => Ok(()),
            Ok(Reply::Refused(refusal)) => Err(refused(&refusal)),
            Ok(_) => Ok(()),
            Err(error) => Err(Fault::overloaded(error.to_string())),
        }
    }

    /// Reads a task.
    pub(super) async fn get(&self, key: TaskKey) -> Result<Arc<Task>, Fault> {
        match self.act(key, Action::Get).await? {
            Reply::Task(task) => Ok(task),
            other => unreachable!("reading a task must give the task, not {other:?}"),
        }
    }

    /// Watches a task.
    pub(super) async fn watch(&self, key: TaskKey) -> Result<Watch, Fault> {
        match self.store.watch(key.principal, key.id).await {
            Ok(Some(watch)) => Ok(watch),
            Ok(None) => Err(refused(&Refusal::NotFound)),
            Err(error) => Err(Fault::overloaded(error.to_string())),
        }
    }
}

/// Names a task, and who may see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TaskKey {
    pub(super) id: TaskId,
    pub(super) principal: Principal,
}

impl TaskKey {
    /// Does something with this task.
    pub(super) fn on(self, action: Action) -> Command {
        Command::On { id: self.id, principal: self.principal, action }
    }
}

/// What the client is told of a refusal: an id that is not (any more) a task of the caller's, and whatever else cannot
/// be done with a task, are wrong parameters (both revisions, Error Handling).
fn refused(refusal: &Refusal) -> Fault {
    match refusal {
        // This node was taken for lost, and is about to go on as another life.
        Refusal::TooManyTasks | Refusal::Full | Refusal::ExecutorGone => {
            Fault::overloaded(refusal.to_string())
        }
        _ => Fault::invalid_params(refusal.to_string()),
    }
}

/// A task in the words of the protocol.
pub(super) fn wire_task(summary: &Summary) -> crate::protocol::Task {
    crate::protocol::Task {
        id: summary.sealed.to_string(),
        status: match summary.status {
            Status::Working => TaskStatus::Working,
            Status::InputRequired => TaskStatus::InputRequired,
            Status::Completed => TaskStatus::Completed,
            Status::Failed => TaskStatus::Failed,
            Status::Cancelled => TaskStatus::Cancelled,
        },
        tool_failed: summary.is_error,
        message: summary.message.as_deref().map(str::to_owned),
        created_ms: summary.created.unix_ms(),
        updated_ms: summary.updated.unix_ms(),
        ttl_ms: Some(summary.ttl_ms),
        poll_ms: summary.poll_interval_ms,
    }
}

/// A task with what it gives.
pub(super) fn view(task: &Task, meta: Option<Raw>) -> TaskView {
    let detail = match (task.result(), task.error()) {
        (Some(result), _) => TaskDetail::Result(result.clone()),
        (_, Some(error)) => TaskDetail::Error(error_object(error)),
        _ if task.status() == Status::InputRequired => TaskDetail::Questions(questions(task)),
        _ => TaskDetail::None,
    };
    TaskView { task: wire_task(&task.summary()), detail, meta }
}

/// An error that was stored.
pub(super) fn error_object(stored: &Raw) -> crate::jsonrpc::ErrorObject {
    stored.decode().expect("a stored error must read back")
}

fn questions(task: &Task) -> Raw {
    let open: std::collections::BTreeMap<&str, &Raw> = task.open_inputs().collect();
    Raw::encode(&open).expect("questions must encode")
}

/// Redemptions are kept where tasks are.
pub(in crate::node) struct StoreRedeem<E: Env> {
    desk: Arc<Desk<E>>,
    ttl_ms: u64,
}

impl<E: Env> StoreRedeem<E> {
    /// Redemptions are remembered as long as a state can be replayed.
    pub(in crate::node) const fn new(desk: Arc<Desk<E>>, ttl_ms: u64) -> Self {
        Self { desk, ttl_ms }
    }
}

impl<E: Env> Redeem for StoreRedeem<E> {
    fn redeem(&self, id: u128) -> Pin<Box<dyn Future<Output = Result<bool, AskError>> + Send>> {
        let (desk, ttl_ms) = (self.desk.clone(), self.ttl_ms);
        Box::pin(async move {
            match desk.apply(Command::Redeem { id: RedemptionId(id), ttl_ms }).await {
                Ok(Reply::Redeemed { first }) => Ok(first),
                _ => Err(AskError::Gone),
            }
        })
    }
}
