//! What can be asked of the tasks, and what they answer. Plain values: they go into a log and over the wire.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::record::{Call, Status, Summary, Task};
use crate::ids::{Executor, TaskId};
use crate::jsonrpc::Raw;
use crate::probe::Flaw;
use crate::seal::{Principal, slot_of};

/// One attempt to change something, however often it is sent: 128 random bits, drawn by who wants the change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RequestId(pub u128);

/// A right that can be used once, sealed into request state that a client may replay: 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RedemptionId(pub u128);

impl RedemptionId {
    /// Its slot.
    #[must_use]
    pub fn slot(self) -> u16 {
        slot_of((self.0 >> 64) as u64)
    }
}

/// A task's place among all that were ever created here. Never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Position(pub u64);

/// A command.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Creates a task. Answered by [`Reply::Done`].
    Create(Create),
    /// Does something with one task.
    On {
        /// Which.
        id: TaskId,
        /// On whose behalf; the work itself acts for the principal that called it.
        principal: Principal,
        /// What.
        action: Action,
    },
    /// Lists the tasks of a principal, oldest first. Answered by [`Reply::Page`].
    List {
        /// Whose.
        principal: Principal,
        /// Behind which place to begin; `None` is the beginning.
        after: Option<Position>,
        /// How many at most; cut to [`Bounds::page_max`].
        limit: usize,
    },
    /// Uses a right up. Answered by [`Reply::Redeemed`].
    Redeem {
        /// Which.
        id: RedemptionId,
        /// How long it must be remembered as used: as long as the sealed state can be replayed. Cut to
        /// [`Bounds::redemption_ttl_ms_max`].
        ttl_ms: u64,
    },
    /// Forgets some of what is past its time, as every other command does too. Answered by [`Reply::Expired`].
    Expire,
}

impl Command {
    /// The slot of what it concerns; `None` where that is everything.
    #[must_use]
    pub fn slot(&self) -> Option<u16> {
        match self {
            Self::Create(create) => Some(create.principal.slot()),
            Self::On { principal, .. } | Self::List { principal, .. } => Some(principal.slot()),
            Self::Redeem { id, .. } => Some(id.slot()),
            Self::Expire => None,
        }
    }
}

/// A new task.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Create {
    /// Its id, drawn by who creates it.
    pub id: TaskId,
    /// The id as its client sees it. Sealing again would give another text, so this one is kept.
    pub sealed: Arc<str>,
    /// Whose it is.
    pub principal: Principal,
    /// How long it is kept, counted from now; `None` asks for ever. What it got stands in the reply.
    pub ttl_ms: Option<u64>,
    /// How often a client should ask.
    pub poll_interval_ms: Option<u64>,
    /// The request that it carries out.
    pub call: Call,
    /// Who carries it out; `None` where there is nobody but this process.
    pub executor: Option<Executor>,
}

/// What can be done with a task.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Action {
    /// Reads it. Answered by [`Reply::Task`].
    Get,
    /// Sets its status message.
    SetMessage(Arc<str>),
    /// Asks the client for something: the task needs input until it is answered.
    Ask {
        /// Names the question, once in the task's life.
        key: Arc<str>,
        /// The request, as the client is to see it.
        request: Raw,
    },
    /// Answers questions by their keys, all or (where it is refused) none. Keys that were never asked or are answered are
    /// passed over. Answered by [`Reply::Answered`].
    Answer(Vec<(Arc<str>, Raw)>),
    /// Ends it with a result.
    Complete {
        /// The result of the call.
        result: Raw,
        /// Whether it is a tool's report of an error.
        is_error: bool,
        /// The last status message.
        message: Option<Arc<str>>,
    },
    /// Ends it with a JSON-RPC error.
    Fail {
        /// The error object.
        error: Raw,
        /// The last status message.
        message: Option<Arc<str>>,
    },
    /// Ends it by its client's wish.
    Cancel,
}

/// An answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// It is done, and this is the task now.
    Done(Summary),
    /// The task.
    Task(Arc<Task>),
    /// So many questions were answered (perhaps none), and this is the task now.
    Answered {
        /// How many.
        accepted: usize,
        /// The task.
        summary: Summary,
    },
    /// A part of a list.
    Page(Page),
    /// Whether this was the first to redeem it.
    Redeemed {
        /// True for exactly one request id.
        first: bool,
    },
    /// Some of what was past its time is gone.
    Expired {
        /// Whether there is more of it.
        more: bool,
    },
    /// It was not done; nothing changed.
    Refused(Refusal),
}

/// A part of a list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Page {
    /// The tasks, oldest first.
    pub tasks: Vec<Summary>,
    /// Where to go on; `None` at the end.
    pub next: Option<Position>,
}

/// Why nothing was done.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// There is no such task, or it is another principal's.
    #[error("Task not found")]
    NotFound,
    /// The task has ended. Here it is, as it stays.
    #[error("already in terminal status '{}'", .0.status)]
    Ended(Summary),
    /// The id is taken.
    #[error("task id is taken")]
    Exists,
    /// The key was used before in this task.
    #[error("input key was used before")]
    KeyUsed,
    /// The task asked as many questions as it may.
    #[error("too many input requests")]
    TooManyInputs,
    /// The task would hold more bytes than it may.
    #[error("task is too large")]
    TooLarge,
    /// The principal has as many tasks as it may.
    #[error("too many tasks")]
    TooManyTasks,
    /// Whoever was to carry it out is gone.
    #[error("executor is gone")]
    ExecutorGone,
    /// There is no room for anyone. The request id must not be used again.
    #[error("task store is full")]
    Full,
}

/// What a watcher is told of a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stamp {
    /// Counts its changes; only rises.
    pub version: u64,
    /// Its status then.
    pub status: Status,
}

/// A task changed, or is gone (`None`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// Which.
    pub id: TaskId,
    /// What became of it.
    pub stamp: Option<Stamp>,
}

/// Every maximum of the machine. Replicas of one group must have the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Tasks in all.
    pub tasks_max: usize,
    /// Tasks of one principal.
    pub principal_tasks_max: usize,
    /// Bytes of one task: texts, questions, answers, result.
    pub task_bytes_max: usize,
    /// Questions in the life of one task.
    pub inputs_max: usize,
    /// The shortest life of a task: it must be there when its client first asks.
    pub ttl_ms_min: u64,
    /// The longest life of a task, also of one that asks for ever.
    pub ttl_ms_max: u64,
    /// Tasks in a part of a list.
    pub page_max: usize,
    /// Rights that are remembered as used.
    pub redemptions_max: usize,
    /// How long one is remembered at most.
    pub redemption_ttl_ms_max: u64,
    /// Request ids that are remembered with their replies.
    pub requests_max: usize,
    /// How long one is remembered: longer than anyone goes on asking again.
    pub request_ttl_ms: u64,
    /// Nodes of which it is remembered up to which life they are gone. Those with the lowest ids are forgotten first.
    pub gone_max: usize,
    /// A bug of the machine, for tests that must find it.
    pub flaw: Option<Flaw>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            tasks_max: 100_000,
            principal_tasks_max: 1_000,
            task_bytes_max: 4 << 20,
            inputs_max: 64,
            ttl_ms_min: 1_000,
            ttl_ms_max: 24 * 3_600_000,
            page_max: 100,
            redemptions_max: 100_000,
            redemption_ttl_ms_max: 3_600_000,
            requests_max: 100_000,
            request_ttl_ms: 120_000,
            gone_max: 1_024,
            flaw: None,
        }
    }
}

impl Bounds {
    /// Panics where the bounds contradict each other.
    pub(super) fn assert_sound(&self) {
        assert!(self.tasks_max >= 1 && self.principal_tasks_max >= 1, "there must be room for a task");
        assert!(self.page_max >= 1, "a part of a list must hold a task");
        assert!(self.requests_max >= 1, "a request must be remembered");
        assert!(1 <= self.ttl_ms_min && self.ttl_ms_min <= self.ttl_ms_max, "a task must have a life");
        assert!(self.request_ttl_ms >= 1 && self.redemption_ttl_ms_max >= 1, "memory must last");
    }
}
