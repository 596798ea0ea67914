//! A process that has ended, be it drained, killed or given up, leaves nothing of itself: no task, and no memory, where that is
//! counted. In reality the system takes both; here it shows what would pile up in a node that goes on: what its parts cannot let go of
//! at the end, for they hold each other, they could not let go of before.

use switchboard_trap::tally::Held;

use super::{Breach, Checker, Entry, Fact, Violation};

/// Memory that the libraries of a node keep for the whole program, whichever node came first.
const SHARED_BYTES_MAX: usize = 64 * 1024;

/// What a node holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holding {
    /// The names of its tasks.
    pub tasks: Vec<&'static str>,
    /// Its memory; `None` in a program that does not count it.
    pub memory: Option<Held>,
}

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct NothingIsLeft(Vec<Violation>);

impl Checker for NothingIsLeft {
    fn on_event(&mut self, entry: &Entry) {
        let Fact::Leaves(node, Holding { tasks, memory }) = &entry.fact else { return };
        let bytes = memory.map_or(0, |held| held.bytes);
        if !tasks.is_empty() || bytes > SHARED_BYTES_MAX {
            self.0.push(Violation {
                check: "nothing is left",
                breach: Breach::Safety,
                at: entry.at,
                client: None,
                what: format!("{node} has ended, and left the tasks {tasks:?} and {bytes} bytes"),
            });
        }
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        std::mem::take(&mut self.0)
    }
}
