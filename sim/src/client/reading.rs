//! What a client makes of a message: whose it is, whether it is the answer, a question or a notification.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use switchboard::jsonrpc::Raw;
use switchboard::protocol::TaskStatus;

use super::outcome::Outcome;
use super::pending::TaskTold;
use crate::check::{Fact, History, Mark};
use crate::trace::digest;

/// A message, as far as clients care.
#[derive(Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(borrow, default)]
    pub(crate) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    code: i64,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallResult<'a> {
    #[serde(default)]
    is_error: bool,
    #[serde(borrow, default)]
    result_type: Option<&'a str>,
    #[serde(default)]
    request_state: Option<String>,
    #[serde(borrow, default)]
    input_requests: Option<BTreeMap<&'a str, &'a RawValue>>,
}

/// A task, as an answer tells of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskResult<'a> {
    #[serde(borrow, default)]
    task_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    status: Option<&'a str>,
    #[serde(borrow, default)]
    task: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input_requests: Option<BTreeMap<&'a str, &'a RawValue>>,
}

#[derive(Deserialize)]
struct ProgressParams {
    progress: u32,
}

/// What a call must be sent again with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Again {
    pub(crate) state: String,
    pub(crate) questions: Vec<String>,
}

impl<'a> Message<'a> {
    /// Reads a message, and notes every mark in it.
    pub(crate) fn read(bytes: &'a [u8], reader: Mark, history: &History) -> Result<Self, Outcome> {
        for owner in Mark::find(bytes) {
            history.note(Fact::Told { reader, owner });
        }
        serde_json::from_slice(bytes).map_err(|_| Outcome::Garbled)
    }

    /// Whether it is an answer under this id.
    pub(crate) fn answers(&self, id: u32) -> bool {
        self.method.is_none() && self.id.and_then(|raw| raw.get().parse().ok()) == Some(id)
    }

    /// What the answer says, and with what the call is to be sent again, if it is.
    pub(crate) fn judge(&self) -> (Outcome, Option<Again>) {
        if let Some(error) = &self.error {
            return (Outcome::RpcError(error.code), None);
        }
        let Some(result) = self.result else { return (Outcome::Garbled, None) };
        let Ok(result) = serde_json::from_str::<CallResult<'_>>(result.get()) else {
            return (Outcome::Garbled, None);
        };
        if result.is_error {
            return (Outcome::ToolError, None);
        }
        if result.result_type != Some("input_required") {
            return (Outcome::Ok, None);
        }
        let questions = result.input_requests.unwrap_or_default().into_keys().map(str::to_owned).collect();
        match result.request_state {
            Some(state) => (Outcome::Ok, Some(Again { state, questions })),
            None => (Outcome::Garbled, None),
        }
    }

    /// A digest of what the answer says.
    pub(crate) fn words(&self) -> Option<u64> {
        let words = self.error.as_ref().map(|error| error.message.as_str());
        words.or_else(|| self.result.map(RawValue::get)).map(|words| digest(words.as_bytes()))
    }

    /// The result as it came.
    pub(crate) fn said(&self) -> Option<Raw> {
        self.result.and_then(|result| Raw::encode(result).ok())
    }

    /// The task that the answer tells of.
    pub(crate) fn task(&self) -> Option<TaskTold> {
        let told: TaskResult<'_> = serde_json::from_str(self.result?.get()).ok()?;
        // In 2025-11-25 a new task is nested.
        let told = match told.task {
            Some(task) => serde_json::from_str(task.get()).ok()?,
            None => told,
        };
        let all = [
            TaskStatus::Working,
            TaskStatus::InputRequired,
            TaskStatus::Completed,
            TaskStatus::Failed,
            TaskStatus::Cancelled,
        ];
        let status = all.into_iter().find(|status| told.status == Some(status.as_str()))?;
        let questions = told.input_requests.unwrap_or_default().into_keys().map(str::to_owned).collect();
        Some(TaskTold { name: told.task_id?.into_owned(), status, questions })
    }

    /// Notes the number of a progress notification.
    pub(crate) fn note_progress(&self, mark: Mark, history: &History) {
        if self.method.as_deref() == Some("notifications/progress")
            && let Some(params) = self.params
            && let Ok(progress) = serde_json::from_str::<ProgressParams>(params.get())
        {
            history.note(Fact::Progress { mark, number: progress.progress });
        }
    }
}
