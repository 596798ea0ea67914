//! One task, and what may become of it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command::{Action, Bounds, Create, Position, Refusal, Stamp};
use crate::env::WallTime;
use crate::ids::{Executor, TaskId};
use crate::jsonrpc::Raw;
use crate::probe::Flaw;
use crate::seal::Principal;

/// Counted for each task and each question on top of their texts.
const TASK_OVERHEAD: usize = 256;
const INPUT_OVERHEAD: usize = 64;

/// The status of a task, as every revision knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Status {
    /// The work is under way.
    Working,
    /// The work waits for its client.
    InputRequired,
    /// Ended with a result.
    Completed,
    /// Ended with a JSON-RPC error.
    Failed,
    /// Ended by its client's wish.
    Cancelled,
}

impl Status {
    /// Whether it can never change.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// Its name on the wire.
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
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The request that a task carries out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Call {
    /// Its method.
    pub method: Arc<str>,
    /// The tool that it names.
    pub tool: Arc<str>,
}

/// A question to the client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Input {
    /// Its name, once in the task's life.
    pub key: Arc<str>,
    /// The request while it is open, the response once it is answered.
    pub body: InputBody,
}

/// See [`Input`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum InputBody {
    /// Not answered: the request.
    Asked(Raw),
    /// Answered: the response.
    Answered(Raw),
}

/// Where the work stands. Whether input is required follows from the questions, so the two cannot contradict.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
enum State {
    Open,
    Completed { result: Raw, is_error: bool },
    Failed { error: Raw },
    Cancelled,
}

/// A task without its bodies: what lists, creation and cancellation answer with.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// Its id.
    pub id: TaskId,
    /// Its id as the client sees it.
    pub sealed: Arc<str>,
    /// Its status.
    pub status: Status,
    /// Whether it completed with a tool's report of an error.
    pub is_error: bool,
    /// Its status message.
    pub message: Option<Arc<str>>,
    /// When it was created.
    pub created: WallTime,
    /// When it last changed.
    pub updated: WallTime,
    /// How long it is kept, counted from its creation.
    pub ttl_ms: u64,
    /// How often a client should ask.
    pub poll_interval_ms: Option<u64>,
    /// Counts its changes.
    pub version: u64,
}

/// A task.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Task {
    id: TaskId,
    sealed: Arc<str>,
    principal: Principal,
    position: Position,
    call: Call,
    message: Option<Arc<str>>,
    created: WallTime,
    updated: WallTime,
    ttl_ms: u64,
    poll_interval_ms: Option<u64>,
    version: u64,
    executor: Option<Executor>,
    state: State,
    /// In the order in which they were asked. Empty once the task has ended.
    inputs: Vec<Input>,
}

impl Task {
    pub(super) fn new(now: WallTime, position: Position, create: Create, bounds: &Bounds) -> Self {
        Self {
            id: create.id,
            sealed: create.sealed,
            principal: create.principal,
            position,
            call: create.call,
            message: None,
            created: now,
            updated: now,
            ttl_ms: create.ttl_ms.unwrap_or(u64::MAX).clamp(bounds.ttl_ms_min, bounds.ttl_ms_max),
            poll_interval_ms: create.poll_interval_ms,
            version: 1,
            executor: create.executor,
            state: State::Open,
            inputs: Vec::new(),
        }
    }

    /// Does something with it. Returns how many questions were answered, or `None` where nothing changed.
    ///
    /// After a refusal the task may be half changed: it is for the caller to have tried this on a copy.
    pub(super) fn act(
        &mut self,
        now: WallTime,
        action: Action,
        bounds: &Bounds,
    ) -> Result<Option<usize>, Refusal> {
        let overwrites = bounds.flaw == Some(Flaw::UndoneCancel)
            && self.status() == Status::Cancelled
            && matches!(action, Action::Complete { .. } | Action::Fail { .. });
        if self.status().is_terminal() && !overwrites {
            return match action {
                // An answer that comes too late is passed over like one to an unknown key.
                Action::Answer(_) => Ok(None),
                _ => Err(Refusal::Ended(self.summary())),
            };
        }
        let mut answered = 0;
        match action {
            Action::Get => return Ok(None),
            Action::SetMessage(message) => self.message = Some(message),
            Action::Ask { key, request } => self.ask(key, request, bounds)?,
            Action::Answer(answers) => {
                answered = self.answer(answers);
                if answered == 0 {
                    return Ok(None);
                }
            }
            Action::Complete { result, is_error, message } => {
                self.end(State::Completed { result, is_error }, message);
            }
            Action::Fail { error, message } => self.end(State::Failed { error }, message),
            Action::Cancel => self.end(State::Cancelled, None),
        }
        self.updated = now;
        self.version += 1;
        if self.bytes() > bounds.task_bytes_max {
            return Err(Refusal::TooLarge);
        }
        Ok(Some(answered))
    }

    fn ask(&mut self, key: Arc<str>, request: Raw, bounds: &Bounds) -> Result<(), Refusal> {
        if self.inputs.iter().any(|input| input.key == key) {
            return Err(Refusal::KeyUsed);
        }
        if self.inputs.len() >= bounds.inputs_max {
            return Err(Refusal::TooManyInputs);
        }
        self.inputs.push(Input { key, body: InputBody::Asked(request) });
        Ok(())
    }

    fn answer(&mut self, answers: Vec<(Arc<str>, Raw)>) -> usize {
        let mut accepted = 0;
        for (key, response) in answers {
            let open = |input: &&mut Input| input.key == key && matches!(input.body, InputBody::Asked(_));
            if let Some(input) = self.inputs.iter_mut().find(open) {
                input.body = InputBody::Answered(response);
                accepted += 1;
            }
        }
        accepted
    }

    fn end(&mut self, state: State, message: Option<Arc<str>>) {
        self.state = state;
        self.message = message;
        self.inputs.clear();
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> TaskId {
        self.id
    }

    /// Whose it is.
    #[must_use]
    pub const fn principal(&self) -> Principal {
        self.principal
    }

    /// Its place in lists.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The request that it carries out.
    #[must_use]
    pub const fn call(&self) -> &Call {
        &self.call
    }

    /// Who carries it out, where that is another process's to know.
    #[must_use]
    pub const fn executor(&self) -> Option<Executor> {
        self.executor
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.state {
            State::Open if self.open_inputs().next().is_some() => Status::InputRequired,
            State::Open => Status::Working,
            State::Completed { .. } => Status::Completed,
            State::Failed { .. } => Status::Failed,
            State::Cancelled => Status::Cancelled,
        }
    }

    /// The result that it completed with.
    #[must_use]
    pub const fn result(&self) -> Option<&Raw> {
        if let State::Completed { result, .. } = &self.state { Some(result) } else { None }
    }

    /// The error object that it failed with.
    #[must_use]
    pub const fn error(&self) -> Option<&Raw> {
        if let State::Failed { error } = &self.state { Some(error) } else { None }
    }

    /// Its questions, in the order in which they were asked; none once it has ended.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The questions that wait for an answer, with their requests.
    pub fn open_inputs(&self) -> impl Iterator<Item = (&str, &Raw)> {
        self.inputs.iter().filter_map(|input| match &input.body {
            InputBody::Asked(request) => Some((&*input.key, request)),
            InputBody::Answered(_) => None,
        })
    }

    /// The response to a question, once there is one.
    #[must_use]
    pub fn response(&self, key: &str) -> Option<&Raw> {
        self.inputs.iter().find(|input| &*input.key == key).and_then(|input| match &input.body {
            InputBody::Asked(_) => None,
            InputBody::Answered(response) => Some(response),
        })
    }

    /// When it last changed.
    pub(super) const fn updated(&self) -> WallTime {
        self.updated
    }

    /// When it may be forgotten.
    #[must_use]
    pub const fn expires(&self) -> WallTime {
        self.created.after_ms(self.ttl_ms)
    }

    /// What a watcher is told.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp { version: self.version, status: self.status() }
    }

    /// The task without its bodies.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            id: self.id,
            sealed: Arc::clone(&self.sealed),
            status: self.status(),
            is_error: matches!(self.state, State::Completed { is_error: true, .. }),
            message: self.message.clone(),
            created: self.created,
            updated: self.updated,
            ttl_ms: self.ttl_ms,
            poll_interval_ms: self.poll_interval_ms,
            version: self.version,
        }
    }

    /// What it holds in memory, about: held against [`Bounds::task_bytes_max`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        let body = match &self.state {
            State::Completed { result, .. } => result.bytes().len(),
            State::Failed { error } => error.bytes().len(),
            State::Open | State::Cancelled => 0,
        };
        let inputs: usize = self.inputs.iter().map(Input::bytes).sum();
        let texts = self.sealed.len() + self.call.method.len() + self.call.tool.len();
        TASK_OVERHEAD + texts + self.message.as_ref().map_or(0, |text| text.len()) + body + inputs
    }

    /// The first thing by which the task contradicts itself or its bounds.
    pub(super) fn flaw(&self, bounds: &Bounds) -> Option<&'static str> {
        if self.bytes() > bounds.task_bytes_max {
            return Some("a task must keep to its bytes");
        }
        if self.inputs.len() > bounds.inputs_max {
            return Some("a task must keep to its questions");
        }
        if self.created > self.updated {
            return Some("a task must not change before it was created");
        }
        if !(bounds.ttl_ms_min..=bounds.ttl_ms_max).contains(&self.ttl_ms) {
            return Some("a life must keep to its bounds");
        }
        if self.status().is_terminal() && !self.inputs.is_empty() {
            return Some("who has ended must ask nothing");
        }
        None
    }

    /// Panics where [`flaw`](Self::flaw) finds something.
    pub(super) fn assert_sound(&self, bounds: &Bounds) {
        assert_eq!(self.flaw(bounds), None, "a task must be sound");
    }
}

impl Input {
    fn bytes(&self) -> usize {
        let (InputBody::Asked(body) | InputBody::Answered(body)) = &self.body;
        INPUT_OVERHEAD + self.key.len() + body.bytes().len()
    }
}
