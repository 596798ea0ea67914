//! Faults over time, and what of them belongs together.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::node::NodeId;

/// A fault at its time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Virtual time since the world began, in milliseconds.
    pub at_ms: u64,
    /// What happens then.
    pub fault: Fault,
}

/// On one line.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6} ms  {:?}", self.at_ms, self.fault)
    }
}

/// Faults over time. Steps of one time are applied in their order here.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan {
    /// The faults.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The steps in the order of their times.
    #[must_use]
    pub fn in_time(&self) -> Vec<&Step> {
        let mut steps: Vec<&Step> = self.steps.iter().collect();
        steps.sort_by_key(|step| step.at_ms);
        steps
    }

    /// The times of the first and the last step; `None` where nothing goes wrong.
    #[must_use]
    pub fn span_ms(&self) -> Option<(u64, u64)> {
        let times = || self.steps.iter().map(|step| step.at_ms);
        times().min().zip(times().max())
    }

    /// The steps by what belongs together, each as numbers of steps: something that goes wrong, and what puts it right again.
    /// What puts several things right is part of each of them.
    #[must_use]
    pub fn episodes(&self) -> Vec<Vec<usize>> {
        let mut in_time: Vec<usize> = (0..self.steps.len()).collect();
        in_time.sort_by_key(|number| self.steps[*number].at_ms);
        let mut ended: BTreeSet<usize> = BTreeSet::new();
        let mut episodes = Vec::new();
        for (place, begin) in in_time.iter().enumerate() {
            let fault = &self.steps[*begin].fault;
            let end = in_time[place + 1..].iter().find(|end| self.steps[**end].fault.undoes(fault));
            // What only puts right what was wrong before has no episode of its own.
            if !ended.contains(begin) {
                episodes.push([begin].into_iter().chain(end).copied().collect::<Vec<usize>>());
                ended.extend(end);
            }
        }
        episodes
    }

    /// The plan of these episodes alone.
    #[must_use]
    pub fn only(&self, episodes: &[Vec<usize>]) -> Self {
        let kept: BTreeSet<usize> = episodes.iter().flatten().copied().collect();
        Self { steps: kept.into_iter().map(|number| self.steps[number].clone()).collect() }
    }

    /// Looks at every node that is named, and may name another instead.
    pub fn each_node(&mut self, mut each: impl FnMut(&mut NodeId)) {
        for step in &mut self.steps {
            step.fault.each_node(&mut each);
        }
    }
}

impl Fault {
    /// Whether it puts right what the other one did.
    fn undoes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Restart(node), Self::Kill(other) | Self::PowerLoss(other) | Self::DiskLoss(other))
            | (
                Self::Restart(node),
                Self::PowerLossInWrite { node: other, .. } | Self::DiskFail { node: other, .. },
            )
            | (Self::Resume(node), Self::Pause(other)) => node == other,
            (
                Self::HealAll,
                Self::Partition { .. } | Self::PartitionOneWay { .. } | Self::Link { link: Some(_), .. },
            ) => true,
            (Self::Heal { a, b }, Self::Partition { a: from, b: to })
            | (Self::Heal { a, b }, Self::PartitionOneWay { from, to }) => {
                (a, b) == (from, to) || (a, b) == (to, from)
            }
            (
                Self::Link { from, to, link: None },
                Self::Link { from: other_from, to: other_to, link: Some(_) },
            ) => (from, to) == (other_from, other_to),
            (Self::TinyIo { node, bytes_max: None }, Self::TinyIo { node: other, bytes_max: Some(_) })
            | (
                Self::DiskCapacity { node, bytes: None },
                Self::DiskCapacity { node: other, bytes: Some(_) },
            ) => node == other,
            (Self::SlowBlocking { node, extra_us: 0 }, Self::SlowBlocking { node: other, extra_us }) => {
                node == other && *extra_us > 0
            }
            (Self::SlowPolls { node, tax_us: 0 }, Self::SlowPolls { node: other, tax_us }) => {
                node == other && *tax_us > 0
            }
            _ => false,
        }
    }

    /// Whether it is done to this node, among others.
    pub(crate) fn names(&self, node: NodeId) -> bool {
        let mut is_named = false;
        self.clone().each_node(&mut |other| is_named |= *other == node);
        is_named
    }

    pub(crate) fn each_node(&mut self, each: &mut impl FnMut(&mut NodeId)) {
        match self {
            Self::Partition { a, b } | Self::Heal { a, b } => a.iter_mut().chain(b).for_each(each),
            Self::PartitionOneWay { from, to } | Self::Link { from, to, .. } => {
                from.iter_mut().chain(to).for_each(each);
            }
            Self::HealAll | Self::DefaultLink(_) => {}
            Self::Kill(node)
            | Self::PowerLoss(node)
            | Self::DiskLoss(node)
            | Self::Restart(node)
            | Self::Pause(node)
            | Self::Resume(node)
            | Self::PowerLossInWrite { node, .. }
            | Self::ClockStep { node, .. }
            | Self::ClockDrift { node, .. }
            | Self::DiskFail { node, .. }
            | Self::DiskCapacity { node, .. }
            | Self::DiskCorrupt { node, .. }
            | Self::SlowBlocking { node, .. }
            | Self::SlowPolls { node, .. }
            | Self::TinyIo { node, .. } => each(node),
            Self::ResetConnections { a, b } => [a, b].into_iter().for_each(each),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_belongs_to_the_start_after_it_and_one_healing_to_all_that_it_heals() {
        let cut = |a, b| Fault::Partition { a: vec![NodeId(a)], b: vec![NodeId(b)] };
        let faults = [
            (20, Fault::HealAll),
            (1, Fault::Kill(NodeId(1))),
            (2, cut(1, 2)),
            (3, Fault::Restart(NodeId(1))),
            (4, cut(2, 3)),
            (9, Fault::Restart(NodeId(1))),
        ];
        let plan = Plan { steps: faults.map(|(at_ms, fault)| Step { at_ms, fault }).to_vec() };
        assert_eq!(plan.episodes(), [vec![1, 3], vec![2, 0], vec![4, 0], vec![5]]);
        let left: Vec<u64> = plan.only(&[vec![4, 0]]).steps.iter().map(|step| step.at_ms).collect();
        assert_eq!(left, [20, 4], "what heals stays for as long as anything needs it");
    }
}
