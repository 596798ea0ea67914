//! What a node says must always hold, holds: `always!` in its code.

use switchboard::event::Event;

use super::{Breach, Checker, Entry, Fact, Violation};

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct AlwaysHolds {
    found: Vec<Violation>,
}

impl Checker for AlwaysHolds {
    fn on_event(&mut self, entry: &Entry) {
        let Fact::Node(node, Event::Broken(promise)) = &entry.fact else { return };
        self.found.push(Violation {
            check: "always holds",
            breach: Breach::Safety,
            at: entry.at,
            client: None,
            what: format!("not at {node}: {promise}"),
        });
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}
