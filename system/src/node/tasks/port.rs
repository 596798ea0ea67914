//! How a task asks its client: the question is a part of the task, and so is its answer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::core::Core;
use super::desk::TaskKey;
use crate::env::Env;
use crate::handler::{AskError, Asked, Question, TaskPort};
use crate::jsonrpc::Raw;
use crate::protocol::Revision;
use crate::task::Action;

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
}

impl<E: Env> StorePort<E> {
    pub(super) const fn new(
        core: Arc<Core<E>>,
        key: TaskKey,
        revision: Revision,
        related: Option<Raw>,
    ) -> Self {
        Self { core, key, revision, related }
    }
}

impl<E: Env> TaskPort for StorePort<E> {
    fn ask(&self, question: Question) -> Asked {
        let (core, key) = (self.core.clone(), self.key);
        let stored = StoredQuestion {
            method: question.ask.method().to_owned(),
            params: question.ask.params(self.revision, self.related.as_ref()),
        };
        Box::pin(async move {
            let name: Arc<str> = question.key.into();
            let request = Raw::encode(&stored).expect("a question must encode");
            let mut watch = core.desk.watch(key).await.map_err(|_| AskError::Gone)?;
            let asked = core.desk.act(key, Action::Ask { key: name.clone(), request }).await;
            asked.map_err(|fault| AskError::Refused(fault.message))?;
            loop {
                let task = core.desk.get(key).await.map_err(|_| AskError::Gone)?;
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
