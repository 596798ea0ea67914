//! When something is the case of which host, in virtual time.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::node::NodeId;

/// See the [module](self) page.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spells(BTreeMap<NodeId, Vec<Range<u64>>>);

impl Spells {
    /// It is the case of this host for so long, in nanoseconds.
    pub fn add(&mut self, host: NodeId, when: Range<u64>) {
        self.0.entry(host).or_default().push(when);
    }

    /// Whether it is the case of a host at this moment.
    #[must_use]
    pub fn is_so(&self, host: NodeId, at: u64) -> bool {
        self.was_so(host, at, at)
    }

    /// Whether it was the case of a host at any moment from the one to the other.
    #[must_use]
    pub fn was_so(&self, host: NodeId, from: u64, to: u64) -> bool {
        let spells = self.0.get(&host);
        spells.is_some_and(|spells| spells.iter().any(|when| when.start <= to && from < when.end))
    }
}
