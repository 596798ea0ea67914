//! A task as a sequential object: what clients do with it, what they may be told, and how it moves by itself. It asks at most
//! once.

use std::fmt;

use switchboard::protocol::TaskStatus;
use switchboard::protocol::fault::code;

use super::RequestNumber;
use crate::client::{Errand, Outcome};

/// What a client does with a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    Create,
    Look,
    Cancel,
    Answer,
    /// Waits for its end (`tasks/result`), and answers what it asks meanwhile.
    Await,
}

/// What the client was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Told {
    /// How the task stands.
    Stands(TaskStatus),
    /// That it is not there.
    NotThere,
    /// That it is done.
    Done,
    /// That it cannot be done to this task.
    Refused,
    /// Nothing, or nothing that says what became of it.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) request: RequestNumber,
    pub(super) deed: Deed,
    pub(super) told: Told,
    pub(super) ended: u64,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} → {:?}", self.request, self.deed, self.told)
    }
}

/// Where a task stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum State {
    Absent,
    Working,
    Asking,
    Answered,
    Ended(TaskStatus),
}

/// How a task may move by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nature {
    /// Whether it asks.
    pub(super) asks: bool,
    /// Whether somebody waited for its end: what it asks is answered on that stream, and not by an operation of its own.
    pub(super) awaited: bool,
}

impl Nature {
    /// Every state that a task may have come to by itself, the one that it was in included.
    fn reach(self, state: State) -> Vec<State> {
        let (completed, failed) = (State::Ended(TaskStatus::Completed), State::Ended(TaskStatus::Failed));
        let mut all = vec![state];
        match state {
            State::Absent | State::Ended(_) => return all,
            State::Working if self.asks => all.push(State::Asking),
            State::Working | State::Asking | State::Answered => {}
        }
        all.push(failed);
        let needs_answer = self.asks && state != State::Answered;
        if needs_answer && self.awaited {
            all.push(State::Answered);
        }
        if !needs_answer || self.awaited {
            all.push(completed);
        }
        all
    }

    /// Every state in which an operation may leave a task where it takes effect in one; none where it cannot, with the answer
    /// that it had.
    pub(super) fn step(self, state: State, operation: &Operation) -> Vec<State> {
        let reach = self.reach(state);
        let keep = |fits: &dyn Fn(State) -> bool| -> Vec<State> {
            reach.iter().copied().filter(|state| fits(*state)).collect()
        };
        let is_ended = |state: State| matches!(state, State::Ended(_));
        let is_open = |state: State| !is_ended(state) && state != State::Absent;
        let cancelled = State::Ended(TaskStatus::Cancelled);
        match (operation.deed, operation.told) {
            (Deed::Create, Told::Stands(TaskStatus::Working)) if state == State::Absent => {
                vec![State::Working]
            }
            (Deed::Look, Told::Stands(status)) => keep(&|state| state.status() == Some(status)),
            (Deed::Await, Told::Stands(status)) => keep(&|state| state == State::Ended(status)),
            (Deed::Look | Deed::Answer, Told::NotThere | Told::Refused) => {
                keep(&|state| state == State::Absent)
            }
            (Deed::Cancel, Told::Stands(TaskStatus::Cancelled) | Told::Nothing) => {
                if reach.iter().any(|state| is_open(*state)) { vec![cancelled] } else { Vec::new() }
            }
            // What has ended meanwhile stays as it ended, and that is acknowledged too.
            (Deed::Cancel, Told::Done) => {
                let mut next = keep(&is_ended);
                if reach.iter().any(|state| is_open(*state)) {
                    next.push(cancelled);
                }
                next
            }
            (Deed::Cancel, Told::Refused) => keep(&is_ended),
            (Deed::Answer, Told::Nothing) if reach.contains(&State::Asking) => vec![State::Answered],
            // An answer to what is no longer asked is passed over.
            (Deed::Answer, Told::Done) => {
                let answer = |state| if state == State::Asking { State::Answered } else { state };
                reach.iter().copied().filter(|state| *state != State::Absent).map(answer).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl State {
    const fn status(self) -> Option<TaskStatus> {
        match self {
            Self::Absent => None,
            Self::Working | Self::Answered => Some(TaskStatus::Working),
            Self::Asking => Some(TaskStatus::InputRequired),
            Self::Ended(status) => Some(status),
        }
    }
}

impl Deed {
    pub(super) const fn of(errand: Errand) -> Option<Self> {
        match errand {
            Errand::Task(_) | Errand::Quiz => Some(Self::Create),
            Errand::Look => Some(Self::Look),
            Errand::Cancel => Some(Self::Cancel),
            Errand::Update => Some(Self::Answer),
            Errand::Await => Some(Self::Await),
            _ => None,
        }
    }

    /// What an outcome tells where the answer did not name the task.
    pub(super) const fn told(self, outcome: Outcome) -> Told {
        match (self, outcome) {
            (Self::Await, Outcome::Ok) => Told::Stands(TaskStatus::Completed),
            (Self::Await, Outcome::ToolError) => Told::Stands(TaskStatus::Failed),
            (Self::Await, Outcome::RpcError(code::CANCELLED)) => Told::Stands(TaskStatus::Cancelled),
            (Self::Cancel | Self::Answer, Outcome::Ok) => Told::Done,
            (Self::Cancel | Self::Answer, Outcome::RpcError(code::INVALID_PARAMS)) => Told::Refused,
            _ => Told::Nothing,
        }
    }

    /// Whether it changes the task, so that it may have done so where nobody knows.
    pub(super) const fn changes(self) -> bool {
        matches!(self, Self::Cancel | Self::Answer)
    }
}
