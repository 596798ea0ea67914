//! Which hosts a plan strikes so that connections to them, or from them, may fail, and when: a connection that fails at any other
//! node is that node's fault, whatever goes wrong elsewhere.

use std::collections::BTreeMap;

use super::setup::{Setup, nanos};
use crate::check::Spells;
use crate::fault::Fault;
use crate::node::NodeId;
use crate::plan::Step;

/// How long after a host is well again a connection from before may still wait to be sent on: as long as a host waits at most
/// between two tries.
const TRIED_AGAIN_MS: u64 = 5_000;

/// What is wrong with a host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Process,
    Links,
}

impl Setup {
    /// When connections to a host may fail because of what is done to it, in nanoseconds.
    pub(crate) fn struck(&self) -> Spells {
        let mut open = BTreeMap::<(Why, NodeId), u64>::new();
        let mut spells = Spells::default();
        let mut end = |open: &mut BTreeMap<(Why, NodeId), u64>, key: (Why, NodeId), at_ms: u64| {
            let from_ms = open.remove(&key).unwrap_or(at_ms);
            spells.add(key.1, nanos(from_ms)..nanos(at_ms.saturating_add(self.lingers_ms())));
        };
        for step in self.faults.in_time() {
            for key in self.begins(&step.fault) {
                open.entry(key).or_insert(step.at_ms);
            }
            for key in self.ends(&step.fault).into_iter().filter(|key| self.is_final(*key, step.at_ms)) {
                end(&mut open, key, step.at_ms);
            }
        }
        for (node, at_ms) in &self.joins {
            open.insert((Why::Process, *node), 0);
            end(&mut open, (Why::Process, *node), *at_ms);
        }
        for (node, at_ms) in &self.restarts {
            end(&mut open, (Why::Process, *node), *at_ms);
        }
        open.extend(self.leaves.iter().map(|(node, at_ms)| ((Why::Process, *node), *at_ms)));
        for ((_, host), from_ms) in open {
            spells.add(host, nanos(from_ms)..u64::MAX);
        }
        spells
    }

    /// Whether nothing more is wrong with a host afterwards: on a disk that is sick a process may not stay.
    fn is_final(&self, (why, host): (Why, NodeId), at_ms: u64) -> bool {
        let restarts = |step: &Step| step.fault == Fault::Restart(host) && step.at_ms > at_ms;
        why == Why::Links || !self.is_sick(host, at_ms) || !self.faults.steps.iter().any(restarts)
    }

    /// How long a client may hold a connection without noticing what became of the other end.
    fn lingers_ms(&self) -> u64 {
        let pace_ms = self.groups.iter().map(|group| group.work.pace_ms.1).max().unwrap_or_default();
        TRIED_AGAIN_MS + pace_ms
    }

    /// Whom it strikes from now on.
    fn begins(&self, fault: &Fault) -> Vec<(Why, NodeId)> {
        match fault {
            Fault::Kill(node)
            | Fault::PowerLoss(node)
            | Fault::DiskLoss(node)
            | Fault::PowerLossInWrite { node, .. }
            | Fault::DiskFail { node, .. }
            | Fault::DiskCapacity { node, bytes: Some(_) }
            | Fault::DiskCorrupt { node, .. }
            | Fault::Pause(node) => vec![(Why::Process, *node)],
            Fault::SlowPolls { node, tax_us } if *tax_us > 0 => vec![(Why::Process, *node)],
            Fault::Partition { a, b } | Fault::PartitionOneWay { from: a, to: b } => self.apart(a, b),
            _ => Vec::new(),
        }
    }

    /// Who is well from now on, or was struck for a moment.
    fn ends(&self, fault: &Fault) -> Vec<(Why, NodeId)> {
        match fault {
            Fault::Restart(node) | Fault::Resume(node) | Fault::SlowPolls { node, tax_us: 0 } => {
                vec![(Why::Process, *node)]
            }
            Fault::Heal { a, b } => self.apart(a, b),
            Fault::HealAll => self.servers().into_iter().map(|node| (Why::Links, node)).collect(),
            Fault::ResetConnections { a, b } => self.apart(&[*a], &[*b]),
            _ => Vec::new(),
        }
    }

    /// The nodes that stand between two sides where clients are on the other one.
    fn apart(&self, a: &[NodeId], b: &[NodeId]) -> Vec<(Why, NodeId)> {
        let has_clients = |side: &[NodeId]| side.iter().any(|host| host.0 > self.nodes);
        [(a, b), (b, a)]
            .into_iter()
            .filter(|(_, other)| has_clients(other))
            .flat_map(|(side, _)| side.iter().filter(|host| host.0 < self.nodes))
            .map(|node| (Why::Links, *node))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whom_a_fault_strikes_may_fail_those_who_are_connected_and_not_for_long() {
        let mut setup = Setup::cluster(5, 60);
        setup.groups = Setup::on_cluster(10, 60, &[]);
        let lingers_ms = setup.lingers_ms();
        let [n0, n1, n2, n3, n4] = [0, 1, 2, 3, 4].map(NodeId);
        let client = setup.client_host(0);
        setup.fault(1_000, Fault::Kill(n0));
        setup.fault(2_000, Fault::Restart(n0));
        setup.fault(3_000, Fault::Partition { a: vec![n1], b: vec![n2] });
        setup.fault(4_000, Fault::Partition { a: vec![n2, n3], b: vec![client] });
        setup.fault(5_000, Fault::Heal { a: vec![n2, n3], b: vec![client] });
        setup.fault(6_000, Fault::Pause(n4));
        let struck = setup.struck();
        for (node, ms, expected) in [
            (n0, 999, false),
            (n0, 1_000, true),
            (n0, 2_000 + lingers_ms - 1, true),
            (n0, 2_000 + lingers_ms, false),
            (n1, 3_500, false),
            (n2, 3_500, false),
            (n2, 4_000, true),
            (n3, 5_000 + lingers_ms, false),
            (n4, 5_999, false),
            (n4, 1_000_000, true),
        ] {
            assert_eq!(struck.is_so(node, nanos(ms)), expected, "{node} at {ms} ms");
        }
        let was = |from, to| struck.was_so(n0, nanos(from), nanos(to));
        assert!(was(0, 1_000) && was(1_500, 1_600) && !was(0, 999));
    }
}
