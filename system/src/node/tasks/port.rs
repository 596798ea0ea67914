//! How a task asks its client: the question is a part of the task, and so is its answer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::core::Core;
use super::desk::TaskKey;
use crate::env::{Env, Instant};
use crate::handler::{AskError, Asked, Question, TaskPort};
use crate::jsonrpc::Raw;
use crate::protocol::Revision;
use crate::task::{Action, Reply};

/// A question as a task keeps it: as the client will see it.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredQuestion {
    pub(super) method: String,
    pub(super) params: Raw,
}

/// An answer as a task keeps it: a client may also answer a question with an error.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StoredAnswer {
    /// The result.
    Result(Raw),
    /// The error object.
    Error(Raw),
}

impl StoredAnswer {
    pub(super) fn encode(&self) -> Raw {
        Raw::encode(self).expect("an answer must encode")
    }
}

/// See the [module](self) page.
pub(super) struct StorePort<E: Env> {
    core: Arc<Core<E>>,
    key: TaskKey,
    revision: Revision,
    related: Option<Raw>,
    /// When the task is forgotten. Until then its work goes on once the store is back: that it was out of reach for a while
    /// is no reason to fail.
    due: Instant,
}

impl<E: Env> StorePort<E> {
    pub(super) const fn new(
        core: Arc<Core<E>>,
        key: TaskKey,
        revision: Revision,
        related: Option<Raw>,
        due: Instant,
    ) -> Self {
        Self { core, key, revision, related, due }
    }
}

impl<E: Env> TaskPort for StorePort<E> {
    fn ask(&self, question: Question) -> Asked {
        let (core, key, due) = (self.core.clone(), self.key, self.due);
        let stored = StoredQuestion {
            method: question.ask.method().to_owned(),
            params: question.ask.params(self.revision, self.related.as_ref()),
        };
        Box::pin(async move {
            let name: Arc<str> = question.key.into();
            let request = Raw::encode(&stored).expect("a question must encode");
            let Ok(Some(mut watch)) = core.desk.watch_until(key, due).await else {
                return Err(AskError::Gone);
            };
            match core.desk.insist(key.on(Action::Ask { key: name.clone(), request }), due).await {
                Ok(Reply::Refused(refusal)) => return Err(AskError::Refused(refusal.to_string())),
                Ok(_) => {}
                Err(_) => return Err(AskError::Gone),
            }
            loop {
                let Ok(Reply::Task(task)) = core.desk.insist(key.on(Action::Get), due).await else {
                    return Err(AskError::Gone);
                };
                if let Some(answer) = task.response(&name) {
                    return match answer.decode::<StoredAnswer>() {
                        Ok(StoredAnswer::Result(result)) => Ok(result),
                        Ok(StoredAnswer::Error(error)) => Err(AskError::Refused(error.as_str().to_owned())),
                        Err(error) => Err(AskError::Malformed(error.to_string())),
                    };
                }
                if task.status().is_terminal() {
                    return Err(AskError::Gone);
                }
                watch.changed().await.map_err(|_| AskError::Gone)?;
            }
        })
    }
}
