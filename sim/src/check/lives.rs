//! No two processes live one life of a node: each life has a larger number than all before it, and no id goes to another host.
//! What a process began in a life that was given up carries that life's number, so others can tell it (S10, S11).

use std::collections::BTreeMap;

use switchboard::event::Event;
use switchboard::ids::{self, Executor, Incarnation};

use super::{Breach, Checker, Entry, Fact, Violation};
use crate::node::NodeId;

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct OneLife {
    /// The last life of each node of the cluster, and the host that lives it.
    lives: BTreeMap<ids::NodeId, (Incarnation, NodeId)>,
    found: Vec<Violation>,
}

impl Checker for OneLife {
    fn on_event(&mut self, entry: &Entry) {
        let Fact::Node(host, Event::LifeBegan(Executor { node, incarnation })) = &entry.fact else { return };
        let before = self.lives.insert(*node, (*incarnation, *host));
        if let Some((last, other)) = before
            && (last >= *incarnation || other != *host)
        {
            self.found.push(Violation {
                check: "one life",
                breach: Breach::Safety,
                at: entry.at,
                client: None,
                what: format!("{host} lives as {incarnation} of {node}, after {other} lived as {last}"),
            });
        }
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}
