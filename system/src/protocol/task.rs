//! Tasks on the wire: requests that go on while the client does something else.
//!
//! One value, two spellings. In 2025-11-25 a task is part of the core, nested under `task` when created, with `ttl` and
//! `pollInterval`, and its result is fetched with `tasks/result`. In 2026-07-28 it is an extension: flat, with `ttlMs` and
//! `pollIntervalMs`, and whoever asks for the task gets its result, error or questions with it.
//!
//! The eras also differ on a tool that says `isError`: such a task has *failed* in 2025-11-25 (`basic/utilities/tasks`,
//! Task Execution Errors) and is *completed* in the extension (SEP-2663, Task Status). So the status is spelled last.
//!
//! Source: 2025-11-25 `basic/utilities/tasks`; SEP-2663; conformance `tasks/wire-fields.ts`.

mod moment;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jsonrpc::{ErrorObject, Raw};

use super::ask::responses;
use super::shape::ResultShape;
use super::write::{Object, Shape};
use super::{Fault, Revision, params};

pub use moment::to_iso8601;

/// How a task stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TaskStatus {
    /// It goes on.
    Working,
    /// It waits for answers of the client.
    InputRequired,
    /// It has a result.
    Completed,
    /// It ended with an error.
    Failed,
    /// It was called off.
    Cancelled,
}

impl TaskStatus {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::InputRequired => "input_required",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it stays so (2025-11-25 `basic/utilities/tasks`, Task Status Lifecycle).
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// Whether a task may go from here to `next`: never out of a terminal status, and not to where it is.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        !self.is_terminal() && self != next
    }
}

/// A task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    /// Names it.
    pub id: String,
    /// How it stands.
    pub status: TaskStatus,
    /// It completed with a tool's `isError`.
    pub tool_failed: bool,
    /// A word on how it stands.
    pub message: Option<String>,
    /// When it began, in Unix milliseconds.
    pub created_ms: u64,
    /// When it last changed, in Unix milliseconds.
    pub updated_ms: u64,
    /// How long it is kept from its beginning; none is for ever.
    pub ttl_ms: Option<u64>,
    /// How often to ask.
    pub poll_ms: Option<u64>,
}

impl Task {
    /// A task that begins.
    #[must_use]
    pub const fn new(id: String, now_ms: u64, ttl_ms: Option<u64>) -> Self {
        Self {
            id,
            status: TaskStatus::Working,
            tool_failed: false,
            message: None,
            created_ms: now_ms,
            updated_ms: now_ms,
            ttl_ms,
            poll_ms: None,
        }
    }

    fn members(&self, object: &mut Object<'_>) {
        let core = !object.revision().is_modern();
        let failed = core && self.tool_failed && self.status == TaskStatus::Completed;
        object.text("taskId", &*self.id);
        object.text("status", if failed { TaskStatus::Failed } else { self.status }.as_str());
        object.text("statusMessage", self.message.as_deref());
        object.text("createdAt", &*to_iso8601(self.created_ms));
        object.text("lastUpdatedAt", &*to_iso8601(self.updated_ms));
        let (ttl, poll) = if core { ("ttl", "pollInterval") } else { ("ttlMs", "pollIntervalMs") };
        match self.ttl_ms {
            Some(ttl_ms) => object.count(ttl, ttl_ms),
            // Not left out: null is the word for "for ever".
            None => object.key(ttl).extend_from_slice(b"null"),
        }
        object.count(poll, self.poll_ms);
    }
}

/// A task in a list (2025-11-25), or as the parameters of `notifications/tasks/status`.
impl Shape for Task {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| self.members(object));
    }
}

/// The result that stands in for a request's own: it became a task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskCreated(pub Task);

impl ResultShape for TaskCreated {
    fn members(&self, object: &mut Object<'_>) {
        if object.revision().is_modern() {
            self.0.members(object);
        } else {
            object.shape("task", &self.0);
        }
    }

    fn result_type(&self) -> &'static str {
        "task"
    }
}

/// What a task gives with how it stands (modern).
#[derive(Clone, PartialEq, Debug, Default)]
pub enum TaskDetail {
    /// Nothing: it works, or was called off.
    #[default]
    None,
    /// What it asks: an object of questions, from [`InputRequests`](super::InputRequests).
    Questions(Raw),
    /// Its result, as the request would have had it.
    Result(Raw),
    /// The error that it ended with.
    Error(ErrorObject),
}

/// The answer to `tasks/get`, to `tasks/cancel` in 2025-11-25, and the parameters of `notifications/tasks`.
#[derive(Clone, PartialEq, Debug)]
pub struct TaskView {
    /// The task.
    pub task: Task,
    /// What it gives. Not sent to legacy clients, who ask for it with `tasks/result`.
    pub detail: TaskDetail,
    /// Metadata of a notification: an object.
    pub meta: Option<Raw>,
}

impl TaskView {
    fn write_members(&self, object: &mut Object<'_>) {
        self.task.members(object);
        if !object.revision().is_modern() {
            return;
        }
        match &self.detail {
            TaskDetail::None => {}
            TaskDetail::Questions(questions) => object.shape("inputRequests", questions),
            TaskDetail::Result(result) => object.shape("result", result),
            TaskDetail::Error(error) => object.object("error", |object| {
                object.integer("code", error.code);
                object.text("message", &*error.message);
                object.maybe("data", error.data.as_ref());
            }),
        }
    }
}

impl ResultShape for TaskView {
    fn members(&self, object: &mut Object<'_>) {
        self.write_members(object);
    }

    fn meta(&self) -> Option<&Raw> {
        self.meta.as_ref()
    }

    fn size_hint(&self) -> usize {
        512 + match &self.detail {
            TaskDetail::Questions(raw) | TaskDetail::Result(raw) => raw.bytes().len(),
            TaskDetail::None | TaskDetail::Error(_) => 0,
        }
    }
}

impl Shape for TaskView {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            self.write_members(object);
            object.maybe("_meta", self.meta.as_ref());
        });
    }
}

/// What a client wishes of a task (2025-11-25): `task` of a request's parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(expecting = "an object")]
pub struct TaskWish {
    /// How long it should be kept; the server may decide otherwise.
    #[serde(default, rename = "ttl")]
    pub ttl_ms: Option<u64>,
}

/// Parameters that name a task: `tasks/get`, `tasks/result`, `tasks/cancel`.
///
/// # Errors
/// -32602 where `taskId` is missing or no string.
pub fn read_task_id(raw: &Raw) -> Result<String, Fault> {
    Ok(TaskAnswers::split(raw)?.0)
}

/// Parameters of `tasks/update` (modern).
#[derive(Clone, PartialEq, Debug)]
pub struct TaskAnswers {
    /// The task.
    pub task_id: String,
    /// The answers by the keys of their questions.
    pub responses: BTreeMap<String, Raw>,
}

impl TaskAnswers {
    /// Reads the parameters.
    ///
    /// # Errors
    /// -32602 that names the field.
    pub fn read(raw: &Raw) -> Result<Self, Fault> {
        let (task_id, answers) = Self::split(raw)?;
        let responses = answers.ok_or_else(|| Fault::invalid_params("`inputResponses` is missing"))?;
        Ok(Self { task_id, responses })
    }

    fn split(raw: &Raw) -> Result<(String, Option<BTreeMap<String, Raw>>), Fault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            #[serde(borrow, default)]
            task_id: Option<&'a RawValue>,
            #[serde(borrow, default)]
            input_responses: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = params::fields(raw)?;
        Ok((params::required("taskId", fields.task_id)?, responses(raw, fields.input_responses)?))
    }
}

#[cfg(test)]
mod tests;
