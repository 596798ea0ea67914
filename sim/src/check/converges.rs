//! Once trouble is over a cluster is one again: every node answers and is up, all have one map, every group has a leader
//! and as many replicas as there can be, and nothing is on the move or half way through a split (S12, S15).

use std::collections::BTreeMap;

use super::standing::Member;
use super::{Breach, Checker, Entry, Fact, Standing, Violation};
use crate::node::NodeId;

/// Replicas of a group where there are nodes enough.
const REPLICAS: usize = 3;

/// See the [module](self) page.
#[derive(Debug)]
pub struct Converges {
    nodes: u32,
    /// Nodes that are gone for good: the map still knows them, and nothing is left to them.
    replaced: u32,
    /// Nodes that stay broken to the end: whether they are still there is nobody's to say, and the others do without them.
    rest: Vec<NodeId>,
    level: u64,
    groups: usize,
    said: BTreeMap<NodeId, u64>,
    found: Vec<Violation>,
}

impl Converges {
    /// For a cluster of so many nodes, all of which understand `level` at the end, so many that are gone for good, and so many
    /// groups.
    #[must_use]
    pub const fn new(nodes: u32, replaced: u32, level: u64, groups: usize) -> Self {
        let rest = Vec::new();
        Self { nodes, replaced, rest, level, groups, said: BTreeMap::new(), found: Vec::new() }
    }

    /// The same of what is left of it without these nodes, which stay broken to the end.
    #[must_use]
    pub fn without(mut self, rest: Vec<NodeId>) -> Self {
        let count = u32::try_from(rest.len()).expect("so many nodes must fit");
        (self.nodes, self.rest) = (self.nodes - count, rest);
        self
    }

    fn blame(&mut self, at: u64, what: String) {
        let (check, breach) = ("converges", Breach::Liveness);
        self.found.push(Violation { check, breach, at, client: None, what });
    }

    fn look(&mut self, at: u64, node: NodeId, standing: &Standing) {
        let mut wrong = Vec::new();
        if standing.leader.is_none() {
            wrong.push("the control group has no leader".to_owned());
        }
        if standing.feature_level != self.level {
            wrong.push(format!("the feature level is {} instead of {}", standing.feature_level, self.level));
        }
        let is_gone = |member: &&Member| !member.answers && matches!(&*member.state, "down" | "left");
        let gone_max = self.replaced as usize + self.rest.len();
        let (gone, here): (Vec<&Member>, Vec<&Member>) = match gone_max {
            0 => (Vec::new(), standing.nodes.iter().collect()),
            _ => standing.nodes.iter().partition(is_gone),
        };
        if here.len() != self.nodes as usize || gone.len() != gone_max {
            wrong.push(format!("there are {} nodes, and {} are gone for good", here.len(), gone.len()));
        }
        if standing.groups.len() != self.groups {
            wrong.push(format!("there are {} groups instead of {}", standing.groups.len(), self.groups));
        }
        for member in here {
            if !member.answers || member.state != "up" || member.epoch != Some(standing.epoch) {
                wrong.push(format!("{member:?} beside epoch {}", standing.epoch));
            }
        }
        let replicas = REPLICAS.min(self.nodes as usize);
        // Too few are left to take their place.
        let keeps_gone = !self.rest.is_empty() && replicas < REPLICAS;
        for group in &standing.groups {
            let is_left = gone.iter().any(|member| group.replicas.contains(&member.id));
            let is_whole = keeps_gone || group.replicas.len() == replicas && !is_left;
            if group.leader.is_none() || !is_whole || group.moving || group.splits_off.is_some() {
                wrong.push(format!("{group:?}"));
            }
        }
        for what in wrong {
            self.blame(at, format!("asked how the cluster stands, {node} says: {what}"));
        }
    }
}

impl Checker for Converges {
    fn on_event(&mut self, entry: &Entry) {
        let Fact::Stands(node, standing) = &entry.fact else { return };
        match standing {
            None => self.blame(entry.at, format!("{node} did not say how its cluster stands")),
            Some(standing) => {
                self.look(entry.at, *node, standing);
                self.said.insert(*node, standing.epoch);
            }
        }
    }

    fn finish(&mut self, at: u64) -> Vec<Violation> {
        let mut epochs: Vec<u64> = self.said.values().copied().collect();
        epochs.dedup();
        if epochs.len() != 1 || self.said.len() != self.nodes as usize {
            self.blame(at, format!("the nodes must have one map, and have these epochs: {:?}", self.said));
        }
        std::mem::take(&mut self.found)
    }
}
