//! Which nodes a plan puts out of reach of other nodes, and when: what a promise forgives a node that is cut off, it forgives
//! no other one.

use std::collections::{BTreeMap, BTreeSet};

use super::setup::{Setup, nanos};
use crate::check::Spells;
use crate::fault::Fault;
use crate::node::NodeId;

/// How long after a link was healed what was sent before may still wait to be sent again: as long as a host waits at most
/// between two tries.
const REACHED_AGAIN_MS: u64 = 5_000;

/// Directions in which something is wrong with a link between two nodes.
#[derive(Default)]
struct Links(BTreeSet<(NodeId, NodeId)>);

impl Links {
    fn set(&mut self, from: &[NodeId], to: &[NodeId], is_bad: bool) {
        for pair in from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to))) {
            if is_bad {
                self.0.insert(pair);
            } else {
                self.0.remove(&pair);
            }
        }
    }

    fn take(&mut self, fault: &Fault, nodes: &[NodeId]) {
        match fault {
            Fault::Partition { a, b } => {
                self.set(a, b, true);
                self.set(b, a, true);
            }
            Fault::PartitionOneWay { from, to } => self.set(from, to, true),
            Fault::Heal { a, b } => {
                self.set(a, b, false);
                self.set(b, a, false);
            }
            Fault::HealAll => self.0.clear(),
            Fault::Link { from, to, link } => self.set(from, to, link.is_some()),
            Fault::DefaultLink(link) => self.set(nodes, nodes, link.loss_ppm > 0),
            _ => {}
        }
    }

    /// Whether this node has a bad link to, or from, another node.
    fn touch(&self, node: NodeId, nodes: &[NodeId]) -> bool {
        let is_other = |other: NodeId| other != node && nodes.contains(&other);
        self.0.iter().any(|(from, to)| (*from == node && is_other(*to)) || (*to == node && is_other(*from)))
    }
}

impl Setup {
    /// When each node may be out of reach of another one, in nanoseconds. One that stands still, is slow or dies is not.
    pub(crate) fn absences(&self) -> Spells {
        let nodes = self.servers();
        let (mut links, mut since) = (Links::default(), BTreeMap::new());
        let mut absences = Spells::default();
        for step in self.faults.in_time() {
            links.take(&step.fault, &nodes);
            for node in &nodes {
                if links.touch(*node, &nodes) {
                    since.entry(*node).or_insert(step.at_ms);
                } else if let Some(from_ms) = since.remove(node) {
                    absences.add(*node, nanos(from_ms)..nanos(step.at_ms + REACHED_AGAIN_MS));
                }
            }
        }
        for (node, from_ms) in since {
            absences.add(node, nanos(from_ms)..u64::MAX);
        }
        absences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_cut_off_is_out_of_reach_and_for_as_long_as_it_is() {
        let mut setup = Setup::cluster(4, 60);
        let [n0, n1, n2, n3] = [0, 1, 2, 3].map(NodeId);
        let client = setup.client_host(0);
        setup.fault(1_000, Fault::Kill(n3));
        setup.fault(2_000, Fault::Partition { a: vec![n0], b: vec![n1, client] });
        setup.fault(3_000, Fault::Heal { a: vec![n0], b: vec![client] });
        setup.fault(4_000, Fault::Heal { a: vec![n0], b: vec![n1] });
        setup.fault(20_000, Fault::Partition { a: vec![n2], b: vec![client] });
        let absences = setup.absences();
        let away = |node, ms: u64| absences.is_so(node, nanos(ms));
        for (node, ms, expected) in [
            (n0, 1_999, false),
            (n0, 2_000, true),
            (n1, 3_500, true),
            (n0, 4_000 + REACHED_AGAIN_MS - 1, true),
            (n0, 4_000 + REACHED_AGAIN_MS, false),
            (n3, 2_000, false),
            (n2, 20_001, false),
        ] {
            assert_eq!(away(node, ms), expected, "{node} at {ms} ms");
        }
    }
}
