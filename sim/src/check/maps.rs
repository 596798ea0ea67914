//! No node goes back to an older map of its cluster, for as long as its process lives one life (S10). A process that starts anew may
//! begin with the map that was last on its disk.

use std::collections::BTreeMap;

use switchboard::event::Event;
use switchboard::ids::Epoch;

use super::{Breach, Checker, Entry, Fact, Violation};
use crate::node::NodeId;

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct MapsRise {
    taken: BTreeMap<NodeId, Epoch>,
    found: Vec<Violation>,
}

impl Checker for MapsRise {
    fn on_event(&mut self, entry: &Entry) {
        let Fact::Node(node, event) = &entry.fact else { return };
        match event {
            Event::LifeBegan(_) => drop(self.taken.remove(node)),
            Event::MapTaken(epoch) => {
                let before = self.taken.insert(*node, *epoch);
                if let Some(before) = before.filter(|before| before >= epoch) {
                    let what = format!("{node} took map {epoch} after {before}");
                    let (check, breach) = ("maps rise", Breach::Safety);
                    self.found.push(Violation { check, breach, at: entry.at, client: None, what });
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}
