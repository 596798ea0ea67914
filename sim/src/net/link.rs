//! Links: how long a segment takes from node to node, and whether it arrives at all.
//!
//! A cut is checked when a segment arrives: it is lost where the link is cut now, or was cut at any moment since it was
//! sent. The check is a lookup in a matrix by node index, whose rows exist only for nodes that were ever cut off.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::entropy::{Draws, scale};
use crate::node::NodeId;

/// How long a segment takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Latency {
    /// At least this, in microseconds.
    pub base_us: u64,
    /// Up to this much more, uniformly, in microseconds.
    pub jitter_us: u64,
    /// So many segments in a million take a long time.
    pub tail_ppm: u32,
    /// Up to this much more for those, in microseconds.
    pub tail_us: u64,
}

impl Latency {
    /// Nanoseconds for one segment.
    pub(crate) fn sample(&self, draws: &mut Draws) -> u64 {
        let number = draws.next();
        let mut nanos = self.base_us * 1_000 + scale(number, self.jitter_us * 1_000 + 1);
        // The low half of the number is independent of what the jitter took from its top.
        if self.tail_ppm > 0 && scale(number << 32, 1_000_000) < u64::from(self.tail_ppm) {
            nanos += draws.below(self.tail_us * 1_000 + 1);
        }
        nanos
    }

    /// Nanoseconds for what is not worth a draw: acknowledgements.
    pub(crate) fn steady(&self) -> u64 {
        self.base_us * 1_000 + self.jitter_us * 500
    }
}

/// One direction between two nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Link {
    /// How long segments take.
    pub latency: Latency,
    /// So many segments in a million are lost and sent again after a wait.
    pub loss_ppm: u32,
}

/// A direction that was cut at least once.
#[derive(Clone, Copy, Default)]
struct Cut {
    is_cut: bool,
    healed_at: u64,
    /// Which fault cut it last.
    fault: usize,
}

/// A link with a setting of its own, and the fault that set it.
#[derive(Clone, Copy)]
struct Override {
    link: Link,
    fault: Option<usize>,
}

pub(crate) struct Links {
    default: Override,
    loopback: Link,
    overrides: BTreeMap<(NodeId, NodeId), Override>,
    cuts: Vec<Option<Vec<Cut>>>,
}

impl Links {
    pub(crate) fn new(default: Link, loopback: Link) -> Self {
        let default = Override { link: default, fault: None };
        Self { default, loopback, overrides: BTreeMap::new(), cuts: Vec::new() }
    }

    /// The link of this direction, and the fault that made it what it is.
    pub(crate) fn between(&self, from: NodeId, to: NodeId) -> (Link, Option<usize>) {
        if from == to {
            return (self.loopback, None);
        }
        if !self.overrides.is_empty()
            && let Some(found) = self.overrides.get(&(from, to))
        {
            return (found.link, found.fault);
        }
        (self.default.link, self.default.fault)
    }

    pub(crate) fn default_link(&self) -> Link {
        self.default.link
    }

    pub(crate) fn set_default(&mut self, link: Link, fault: usize) {
        self.default = Override { link, fault: Some(fault) };
    }

    /// Gives a direction a setting of its own, or takes it away. Whether one was taken away.
    pub(crate) fn set(&mut self, from: NodeId, to: NodeId, link: Option<Link>, fault: usize) -> bool {
        let before = match link {
            Some(link) => self.overrides.insert((from, to), Override { link, fault: Some(fault) }),
            None => self.overrides.remove(&(from, to)),
        };
        link.is_none() && before.is_some()
    }

    pub(crate) fn clear_overrides(&mut self) {
        self.overrides.clear();
    }

    /// The fault that swallows a segment sent at `sent_at`, if any does.
    pub(crate) fn lost_to(&self, from: NodeId, to: NodeId, sent_at: u64) -> Option<usize> {
        let cut = self.cuts.get(from.index())?.as_ref()?.get(to.index())?;
        (cut.is_cut || cut.healed_at > sent_at).then_some(cut.fault)
    }

    pub(crate) fn cut(&mut self, from: NodeId, to: NodeId, fault: usize) {
        if from == to {
            return;
        }
        if self.cuts.len() <= from.index() {
            self.cuts.resize(from.index() + 1, None);
        }
        let row = self.cuts[from.index()].get_or_insert_default();
        if row.len() <= to.index() {
            row.resize(to.index() + 1, Cut::default());
        }
        row[to.index()].is_cut = true;
        row[to.index()].fault = fault;
    }

    /// Ends a cut. True where there was one.
    pub(crate) fn heal(&mut self, from: NodeId, to: NodeId, now: u64) -> bool {
        let row = self.cuts.get_mut(from.index()).and_then(Option::as_mut);
        let Some(cut) = row.and_then(|row| row.get_mut(to.index())) else { return false };
        let was_cut = cut.is_cut;
        if was_cut {
            cut.is_cut = false;
            cut.healed_at = now;
        }
        was_cut
    }

    /// Ends every cut; how many there were.
    pub(crate) fn heal_all(&mut self, now: u64) -> u64 {
        let mut healed = 0;
        for cut in self.cuts.iter_mut().flatten().flatten().filter(|cut| cut.is_cut) {
            cut.is_cut = false;
            cut.healed_at = now;
            healed += 1;
        }
        healed
    }
}
