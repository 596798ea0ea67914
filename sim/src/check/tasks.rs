//! A task that was acknowledged is there whenever it is asked for, at any node, and how it ended never changes (S2, S4).

use std::collections::BTreeMap;

use switchboard::protocol::TaskStatus;

use super::{Breach, Checker, Entry, Fact, Mark, Violation};

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct TasksStay {
    tasks: BTreeMap<Mark, TaskStatus>,
    found: Vec<Violation>,
}

impl Checker for TasksStay {
    fn on_event(&mut self, entry: &Entry) {
        let Fact::Task { mark, status } = &entry.fact else { return };
        let before = self.tasks.get(mark).copied();
        let what = match (before, *status) {
            (None, None) => Some(format!("task {mark} was never there")),
            (Some(before), None) => Some(format!("task {mark}, which was {before:?}, is no longer there")),
            (Some(before), Some(now)) if before.is_terminal() && now != before => {
                Some(format!("task {mark}, which was {before:?}, is {now:?} now"))
            }
            _ => None,
        };
        if let Some(status) = status {
            self.tasks.insert(*mark, *status);
        }
        if let Some(what) = what {
            let (check, breach, client) = ("tasks stay", Breach::Safety, Some(mark.client));
            self.found.push(Violation { check, breach, at: entry.at, client, what });
        }
    }

    fn finish(&mut self, at: u64) -> Vec<Violation> {
        for (mark, status) in self.tasks.iter().filter(|(_, status)| !status.is_terminal()) {
            self.found.push(Violation {
                check: "tasks stay",
                breach: Breach::Liveness,
                at,
                client: Some(mark.client),
                what: format!("task {mark} was {status:?} when it was last looked at"),
            });
        }
        std::mem::take(&mut self.found)
    }
}
