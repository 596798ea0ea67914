//! One log (S1): a term of a group has one leader, and the entry that one replica took at an index is the one that every other
//! replica takes there. Two entries with the same index and the same term are the same entry (Raft, section 5.3), so the term
//! stands for it.

use std::collections::BTreeMap;

use switchboard::event::Event;
use switchboard::ids::GroupId;

use super::{Breach, Checker, Entry, Fact, Violation};
use crate::node::NodeId;

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct OneLog {
    /// Who led a group in a term.
    led: BTreeMap<(GroupId, u64), NodeId>,
    /// The term of an entry, and who took it first.
    taken: BTreeMap<(GroupId, u64), (u64, NodeId)>,
    found: Vec<Violation>,
}

impl Checker for OneLog {
    fn on_event(&mut self, entry: &Entry) {
        let what = match &entry.fact {
            Fact::Node(node, Event::LeadershipBegan(group, term)) => {
                let first = *self.led.entry((*group, *term)).or_insert(*node);
                (first != *node).then(|| format!("{first} and {node} led {group} in term {term}"))
            }
            Fact::Node(node, Event::EntryTaken(group, index, term)) => {
                let (first_term, first) = *self.taken.entry((*group, *index)).or_insert((*term, *node));
                (first_term != *term).then(|| {
                    format!(
                        "entry {index} of {group} was one of term {first_term} at {first}, and of term {term} at {node}"
                    )
                })
            }
            _ => None,
        };
        if let Some(what) = what {
            let (check, breach) = ("one log", Breach::Safety);
            self.found.push(Violation { check, breach, at: entry.at, client: None, what });
        }
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}
