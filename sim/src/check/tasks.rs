//! The history of every task is linearizable (S3): what clients were told of it, at whatever nodes and at whatever time, can
//! have happened one operation after the other, between when it was asked and when it was answered. So a task is there at
//! every node from the moment on that its handle was answered (S2), nobody is told how it stood before once somebody was
//! told how it stands, an acknowledged cancellation or answer holds, and how it ended never changes (S4).
//!
//! Beside what clients do, a task moves by itself: it asks, completes, fails. An operation whose outcome is not known may
//! take effect at any time after it was begun, or never.

use std::collections::BTreeMap;

use super::linear::{Moment, Verdict, explain};
use super::task_model::{Deed, Nature, Operation, State, Told};
use super::{Breach, Checker, Entry, Fact, Mark, RequestNumber, Violation};
use crate::client::Errand;

const NAME: &str = "tasks linearize";
/// So many operations are shown that came before one that nothing explains.
const SHOWN: usize = 8;

/// One task's history.
#[derive(Debug, Default)]
struct Story {
    asks: bool,
    operations: Vec<Operation>,
    moments: Vec<Moment>,
}

impl Story {
    fn is_there(&self) -> bool {
        self.operations.first().is_some_and(|first| first.deed == Deed::Create && first.told != Told::Nothing)
    }

    fn verdict(&self) -> Verdict {
        let awaited = self.operations.iter().any(|operation| operation.deed == Deed::Await);
        let nature = Nature { asks: self.asks, awaited };
        // Of several whose outcome is not known the first can do whatever the others could, and later too.
        let mut unknown = Vec::new();
        let moments = self.moments.iter().copied().filter(|moment| {
            let (Moment::Invoked(number) | Moment::Returned(number)) = *moment;
            let Operation { deed, told, .. } = self.operations[number];
            let is_first = told != Told::Nothing || (deed.changes() && !unknown.contains(&deed));
            if told == Told::Nothing && is_first {
                unknown.push(deed);
            }
            is_first
        });
        let moments: Vec<Moment> = moments.collect();
        explain(State::Absent, &self.operations, &moments, |state, operation| nature.step(state, operation))
    }
}

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct TasksLinearize {
    tasks: BTreeMap<Mark, Story>,
    open: BTreeMap<RequestNumber, (Mark, usize)>,
}

impl Checker for TasksLinearize {
    fn on_event(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Sent { request, mark, errand } => {
                let Some(deed) = Deed::of(*errand) else { return };
                let story = self.tasks.entry(*mark).or_default();
                let number = story.operations.len();
                story.asks |= *errand == Errand::Quiz;
                story.operations.push(Operation { request: *request, deed, told: Told::Nothing, ended: 0 });
                story.moments.push(Moment::Invoked(number));
                self.open.insert(*request, (*mark, number));
            }
            Fact::Task { request, status, .. } => {
                let Some((mark, number)) = self.open.get(request) else { return };
                let told = status.map_or(Told::NotThere, Told::Stands);
                self.tasks.entry(*mark).or_default().operations[*number].told = told;
            }
            Fact::Ended { request, outcome, .. } => {
                let Some((mark, number)) = self.open.remove(request) else { return };
                let story = self.tasks.entry(mark).or_default();
                let operation = &mut story.operations[number];
                operation.ended = entry.at;
                if operation.told == Told::Nothing {
                    operation.told = operation.deed.told(*outcome);
                }
                if operation.told != Told::Nothing {
                    story.moments.push(Moment::Returned(number));
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, at: u64) -> Vec<Violation> {
        let mut found = Vec::new();
        for (mark, story) in self.tasks.iter().filter(|(_, story)| story.is_there()) {
            let client = Some(mark.client);
            let (number, what) = match story.verdict() {
                Verdict::Explained => {
                    let ended = |told| matches!(told, Told::Stands(status) if status.is_terminal());
                    if !story.operations.iter().any(|operation| ended(operation.told)) {
                        let what = format!("task {mark} was never seen to end");
                        found.push(Violation { check: NAME, breach: Breach::Liveness, at, client, what });
                    }
                    continue;
                }
                Verdict::Contradicted(number) => (number, "no order of what was done explains"),
                Verdict::TooMuch(number) => (number, "too much was under way to judge"),
            };
            let operation = story.operations[number];
            let before = &story.operations[number.saturating_sub(SHOWN)..number];
            let before: Vec<String> = before.iter().map(ToString::to_string).collect();
            let what = format!("task {mark}: {what} {operation}; before it: {}", before.join(", "));
            let (breach, at) = (Breach::Safety, operation.ended);
            found.push(Violation { check: NAME, breach, at, client, what });
        }
        self.tasks.clear();
        found
    }
}

#[cfg(test)]
mod tests {
    use switchboard::protocol::TaskStatus;
    use switchboard::protocol::fault::code;

    use super::*;
    use crate::check::ClientId;
    use crate::client::Outcome;

    const MARK: Mark = Mark { client: ClientId(1), session: 1, call: 1 };

    /// A history in which each step is begun and ended before the next one.
    struct Steps(TasksLinearize, u64);

    impl Steps {
        fn new() -> Self {
            Self(TasksLinearize::default(), 0)
        }

        fn begin(&mut self, errand: Errand) -> RequestNumber {
            self.1 += 1;
            let request = RequestNumber(self.1);
            self.0.on_event(&Entry { at: self.1, fact: Fact::Sent { request, mark: MARK, errand } });
            request
        }

        fn end(&mut self, request: RequestNumber, status: Option<TaskStatus>, outcome: Outcome) {
            if let Some(status) = status {
                let fact = Fact::Task { request, mark: MARK, status: Some(status) };
                self.0.on_event(&Entry { at: self.1, fact });
            }
            let fact = Fact::Ended { request, client: MARK.client, outcome, server: None };
            self.0.on_event(&Entry { at: self.1, fact });
        }

        fn step(mut self, errand: Errand, status: Option<TaskStatus>, outcome: Outcome) -> Self {
            let request = self.begin(errand);
            self.end(request, status, outcome);
            self
        }

        fn told(self, errand: Errand, status: TaskStatus) -> Self {
            self.step(errand, Some(status), Outcome::Ok)
        }

        fn holds(mut self) -> bool {
            self.0.finish(self.1).is_empty()
        }
    }

    #[test]
    fn a_cancellation_that_was_acknowledged_holds_and_one_of_unknown_outcome_may_come_late() {
        use TaskStatus::{Cancelled, Completed, Working};
        let begun = || Steps::new().told(Errand::Task(4), Working);
        let acknowledged = || begun().step(Errand::Cancel, None, Outcome::Ok);
        assert!(acknowledged().told(Errand::Look, Cancelled).holds());
        // It may have ended by itself before.
        assert!(acknowledged().told(Errand::Look, Completed).holds());
        assert!(!acknowledged().told(Errand::Look, Working).holds());
        let unknown = begun().step(Errand::Cancel, None, Outcome::Timeout);
        assert!(unknown.told(Errand::Look, Working).told(Errand::Look, Cancelled).holds());
        assert!(!begun().told(Errand::Look, Cancelled).holds(), "nobody cancelled it");
        let told = begun().told(Errand::Cancel, Cancelled);
        assert!(!told.told(Errand::Look, Completed).holds());
    }

    #[test]
    fn an_answer_that_was_acknowledged_is_no_longer_asked_for() {
        use TaskStatus::{Completed, InputRequired, Working};
        let asked = || Steps::new().told(Errand::Quiz, Working).told(Errand::Look, InputRequired);
        let answered = || asked().step(Errand::Update, None, Outcome::Ok);
        assert!(answered().told(Errand::Look, Working).told(Errand::Look, Completed).holds());
        assert!(!answered().told(Errand::Look, InputRequired).told(Errand::Look, Completed).holds());
        assert!(!asked().told(Errand::Look, Completed).holds(), "nobody answered");
        let lost = asked().step(Errand::Update, None, Outcome::Timeout);
        assert!(lost.told(Errand::Look, InputRequired).told(Errand::Look, Completed).holds());
    }

    #[test]
    fn two_that_look_at_once_may_be_told_in_either_order_and_one_that_looks_later_may_not() {
        use TaskStatus::{Completed, Working};
        let begun = || Steps::new().told(Errand::Task(4), Working);
        let mut steps = begun();
        let (first, second) = (steps.begin(Errand::Look), steps.begin(Errand::Look));
        steps.end(second, Some(Completed), Outcome::Ok);
        steps.end(first, Some(Working), Outcome::Ok);
        assert!(steps.holds());
        assert!(!begun().told(Errand::Look, Completed).told(Errand::Look, Working).holds());
    }

    #[test]
    fn a_task_must_be_there_once_its_handle_was_answered_and_be_seen_to_end() {
        let begun = || Steps::new().told(Errand::Task(4), TaskStatus::Working);
        assert!(!begun().holds());
        let mut steps = begun();
        let request = steps.begin(Errand::Look);
        steps.0.on_event(&Entry { at: 2, fact: Fact::Task { request, mark: MARK, status: None } });
        steps.end(request, None, Outcome::RpcError(code::INVALID_PARAMS));
        assert!(!steps.told(Errand::Look, TaskStatus::Completed).holds());
    }
}
