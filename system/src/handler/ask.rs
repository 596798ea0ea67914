//! Questions to the client: what a handler may ask, and what can come back.

use std::future::Future;
use std::pin::Pin;

use xxhash_rust::xxh3::xxh3_128;

use crate::jsonrpc::{Id, Raw};
use crate::protocol::{Ask, Fault, Revision, to_raw};

/// One question on its way to a client.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Question {
    /// Its name within the call, unique: the handler's own word, with a number from the second use on.
    pub(crate) key: String,
    /// What is asked.
    pub(crate) ask: Ask,
}

impl Question {
    /// What makes this question this question: an answer given to another one must not count here.
    pub(crate) fn digest(&self) -> u128 {
        let mut text = self.ask.method().as_bytes().to_vec();
        text.push(0);
        text.extend_from_slice(to_raw(&self.ask, Revision::LATEST_MODERN).bytes());
        xxh3_128(&text)
    }
}

/// Why a question got no answer. The call goes on; whether it can do without is the handler's to say.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum AskError {
    /// The client did not declare what the question needs. Nothing was sent.
    #[error("the client does not support this: {0}")]
    Unsupported(Fault),
    /// This call has no way to reach its client (a detached task of a client without one). Nothing was sent.
    #[error("there is no client to ask here")]
    NoClient,
    /// The client answered with an error.
    #[error("the client answered with an error: {0}")]
    Refused(String),
    /// The client answered something else than what was asked for.
    #[error("the client's answer is malformed: {0}")]
    Malformed(String),
    /// No answer came in time.
    #[error("the client did not answer in time")]
    TimedOut,
    /// The session or connection ended first.
    #[error("the client is gone")]
    Gone,
    /// The handler, run again, asked something else than before under the same name: it is not repeatable.
    #[error("question {key:?} differs from the one that was answered")]
    Mismatch {
        /// The question's name.
        key: String,
    },
}

/// An answer on its way: a result, or an error object; `None` when nobody will answer any more.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Option<Result<Raw, Raw>>> + Send>>;

/// The answer to a question of a task.
pub(crate) type Asked = Pin<Box<dyn Future<Output = Result<Raw, AskError>> + Send>>;

/// A client that can be asked while the call waits: the question is a message of the call, and the answer comes back
/// under the id that it was given here.
pub(crate) trait AskPort: Send + Sync {
    /// Takes an id for a question. `None` when too many wait already, or the client is gone.
    fn open(&self) -> Option<(Id, Answering)>;
}

/// A task that asks: the question is part of the task's state, and the answer becomes so too.
pub(crate) trait TaskPort: Send + Sync {
    /// Puts the question and waits for its answer.
    fn ask(&self, question: Question) -> Asked;
}
