//! Carrying out a task: its handler runs in a task of the world, and the store hears what becomes of it.

use std::pin::pin;
use std::sync::Arc;

use super::super::core::{Core, Seat};
use super::super::life::Stage;
use super::super::metrics::Counted;
use super::desk::TaskKey;
use super::port::StorePort;
use crate::cancel::CancelReason;
use crate::client::Client;
use crate::env::{Either, Env, Instant, deadline, flawed, race, reachable};
use crate::handler::{Asking, CallFacts, Ctx, End, Prepared, Reply, Running, Step};
use crate::jsonrpc::Raw;
use crate::protocol::{
    CallToolResult, Fault, LogLevel, ProgressToken, Revision, call_message, meta, name, result_raw,
};
use crate::task::{Action, Reply as Stored, Status, StoreError, Watch};

/// Who does not insist on telling how a task ended, tries for so long.
const SOON_MS: u64 = 300;

/// A task to carry out.
pub(super) struct Job<E: Env> {
    pub(super) key: TaskKey,
    pub(super) sealed: Arc<str>,
    pub(super) params: Raw,
    pub(super) client: Arc<Client>,
    pub(super) seat: Option<Seat<E>>,
    pub(super) progress_token: Option<ProgressToken>,
    pub(super) log_level: Option<LogLevel>,
}

impl<E: Env> Job<E> {
    /// Starts its work, which may take as long as the task lives.
    pub(super) fn start(self, core: &Arc<Core<E>>, work: Prepared, ttl_ms: u64) {
        let revision = self.client.revision;
        let related = (!revision.is_modern()).then(|| meta::related_task(&self.sealed));
        let due = core.env.now().after_ms(ttl_ms);
        let port = StorePort::new(core.clone(), self.key, revision, related.clone(), due);
        let ctx = Ctx::new(CallFacts {
            id: core.next_call(),
            client: self.client.clone(),
            around: core.around.clone(),
            progress_token: self.progress_token.clone(),
            log_level: self.log_level,
            params: self.params.clone(),
            asking: Asking::Task(Arc::new(port)),
            outbox_bytes_max: core.limits.stream_queue_bytes_max,
            deadline: due,
            related_task: related.clone(),
        });
        let running = Running::start(ctx, ttl_ms, work);
        let shared = core.clone();
        core.env.spawn("task", async move {
            let _counted = Counted::new(&shared.metrics.tasks_running);
            // Nothing of it outlives the node, the wait for a group that is out of reach neither.
            let stopped = shared.life.reached(Stage::Stopped);
            race(self.carry_out(&shared, running, related, due), stopped).await;
        });
    }

    /// Until `due`, when the task is forgotten: whoever waits for it must not wait for something that was done.
    async fn carry_out(self, core: &Arc<Core<E>>, running: Running, related: Option<Raw>, due: Instant) {
        let Ok(Some(watch)) = core.desk.watch_until(self.key, due).await else { return };
        let end = self.run(core, running, watch).await;
        let action = match end {
            End::Answer(Ok(Reply::Tool(result))) => self.complete(result, related),
            End::Answer(Ok(_)) => fail(&Fault::internal()),
            End::Answer(Err(fault)) => fail(&fault),
            End::Cancelled(reason) => fail(&super::super::cancelled_fault(reason)),
            End::InputRequired(..) => unreachable!("a task asks through its store"),
        };
        match &action {
            Action::Complete { .. } => core.metrics.calls_answered.inc(),
            _ => core.metrics.calls_failed.inc(),
        };
        // A task that was cancelled meanwhile stays so: the store refuses, and nobody needs to know.
        let telling = core.desk.insist(self.key.on(action), due);
        let told = if flawed!(core.env, LostResult) {
            let soon = core.env.now().after_ms(SOON_MS);
            deadline(&core.env, soon, telling).await.unwrap_or(Err(StoreError::Unavailable))
        } else {
            telling.await
        };
        if !matches!(told, Ok(Stored::Done(_))) {
            reachable!(core.env, TaskEndedBefore);
            tracing::debug!("the end of a task was not taken: {told:?}");
        }
        self.announce(core).await;
    }

    /// Polls the handler to its end, and stops it when its task is cancelled or forgotten, or the node ends.
    async fn run(&self, core: &Core<E>, mut running: Running, mut watch: Watch) -> End {
        let mut ending = pin!(core.life.reached(Stage::Ending));
        let mut cancelled = false;
        loop {
            let next = if cancelled {
                Ok(running.step().await)
            } else {
                match race(running.step(), race(watch.changed(), ending.as_mut())).await {
                    Either::Left(step) => Ok(step),
                    Either::Right(Either::Left(Ok(stamp))) if !stamp.status.is_terminal() => {
                        if stamp.status == Status::InputRequired {
                            self.announce(core).await;
                        }
                        continue;
                    }
                    Either::Right(Either::Left(_)) => Err(CancelReason::Task),
                    Either::Right(Either::Right(())) => Err(CancelReason::Shutdown),
                }
            };
            match next {
                Ok(Step::Message(message)) => self.say(core, message).await,
                Ok(Step::CloseStream { .. }) => {}
                Ok(Step::End(end)) => return end,
                Err(reason) => {
                    running.ctx().inner().cancel.set(reason);
                    cancelled = true;
                }
            }
        }
    }

    /// A message of a task goes to its session's standalone stream. A stateless client has no place for it
    /// (SEP-2663: progress and log messages of tasks are not sent).
    async fn say(&self, core: &Core<E>, message: bytes::Bytes) {
        if let Some(seat) = &self.seat {
            seat.offer(&core.env, None, message).await;
        }
    }

    /// Tells the session how its task stands. A stateless client hears of it where it listens.
    async fn announce(&self, core: &Core<E>) {
        let Some(seat) = &self.seat else { return };
        if let Ok(task) = core.desk.get(self.key).await {
            let task = super::desk::wire_task(&task.summary());
            let topic = format!("{} {}", name::TASKS_STATUS, self.sealed);
            let message = call_message(None, name::TASKS_STATUS, self.client.revision, &task);
            seat.offer(&core.env, Some(&topic), message).await;
        }
    }

    /// The result is kept as its request would have had it; a legacy one also names its task.
    fn complete(&self, mut result: CallToolResult, related: Option<Raw>) -> Action {
        if let Some(related) = related {
            result.meta = Some(merged(result.meta.as_ref(), &related));
        }
        let is_error = result.is_error;
        let revision: Revision = self.client.revision;
        Action::Complete { result: result_raw(revision, &result, None), is_error, message: None }
    }
}

fn fail(fault: &Fault) -> Action {
    let error = Raw::encode(&fault.to_object()).expect("an error must encode");
    Action::Fail { error, message: Some(fault.message.as_str().into()) }
}

/// Two objects as one; where both have a key, the second's stands.
fn merged(own: Option<&Raw>, other: &Raw) -> Raw {
    type Members = std::collections::BTreeMap<String, Raw>;
    let mut members: Members = own.and_then(|raw| raw.decode().ok()).unwrap_or_default();
    members.extend(other.decode::<Members>().expect("metadata of ours must be an object"));
    Raw::encode(&members).expect("members must encode")
}
