//! A request on its way to its one outcome.

use switchboard::jsonrpc::Raw;
use switchboard::protocol::TaskStatus;

use super::outcome::{Errand, Outcome};
use super::reading::{Again, Message};
use super::route::Route;
use crate::check::{ClientId, History, Mark, RequestNumber};

/// A request that is under way. It ends once: where nobody says how, as given up.
pub(crate) struct Pending {
    history: History,
    client: ClientId,
    request: Option<RequestNumber>,
}

impl Pending {
    pub(crate) fn new(history: &History, mark: Mark, errand: Errand) -> Self {
        let request = history.sent(mark, errand);
        Self { history: history.clone(), client: mark.client, request: Some(request) }
    }

    /// Which request it is.
    pub(crate) const fn request(&self) -> Option<RequestNumber> {
        self.request
    }

    /// It ended so, at the node that this route led to last.
    pub(crate) fn end(mut self, outcome: Outcome, route: &Route) {
        if let Some(request) = self.request.take() {
            self.history.ended(request, self.client, outcome, Some(route.last()));
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            self.history.ended(request, self.client, Outcome::GivenUp, None);
        }
    }
}

/// A task, as an answer tells of it.
pub(crate) struct TaskTold {
    pub(crate) name: String,
    pub(crate) status: TaskStatus,
    /// The keys of what it asks, where the answer says so: in the stateless era.
    pub(crate) questions: Vec<String>,
}

/// How a request ended, and what it left.
pub(crate) struct Reply {
    pub(crate) outcome: Outcome,
    pub(crate) again: Option<Again>,
    /// The task that it tells of.
    pub(crate) task: Option<TaskTold>,
    /// A digest of what it says, where the same question is answered alike in every world.
    pub(crate) words: Option<u64>,
    /// The result, for a client that wants it.
    pub(crate) said: Option<Raw>,
    pub(crate) session: Option<Box<str>>,
    pub(crate) retry_after_s: Option<u64>,
}

impl Reply {
    /// What an answer says; for a client that is curious, with the result itself.
    pub(crate) fn read(message: &Message<'_>, is_curious: bool) -> Self {
        let (outcome, again) = message.judge();
        let said = if is_curious { message.said() } else { None };
        let task = message.task();
        // A sealed state and a task hold what was drawn at random, or read from a clock.
        let words = if again.is_none() && task.is_none() { message.words() } else { None };
        Self { again, task, words, said, ..outcome.into() }
    }
}

impl From<Outcome> for Reply {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, again: None, task: None, words: None, said: None, session: None, retry_after_s: None }
    }
}
