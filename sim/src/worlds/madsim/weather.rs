//! What lies between hosts: cuts, and hosts without power. madsim holds back what a cut stops; that a dead host's streams
//! end is not a message to it and would arrive at once, so the streams ask here whether they may know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use madsim::runtime::{Handle, NodeHandle};
use madsim::task;

use crate::node::NodeId;
use crate::worlds::life::{Ground, lock};

#[derive(Default)]
struct State {
    hosts: BTreeMap<NodeId, task::NodeId>,
    /// Directions in which nothing passes, and the fault that cut them.
    cuts: BTreeMap<(NodeId, NodeId), usize>,
    dark: BTreeSet<NodeId>,
}

/// See the [module](self) page.
pub(super) struct Weather {
    ground: Arc<Ground>,
    state: Mutex<State>,
}

impl Weather {
    pub(super) fn new(ground: &Arc<Ground>) -> Arc<Self> {
        Arc::new(Self { ground: Arc::clone(ground), state: Mutex::default() })
    }

    /// From now on this host is that of madsim.
    pub(super) fn settle(&self, node: NodeId, host: task::NodeId) {
        lock(&self.state).hosts.insert(node, host);
    }

    pub(super) fn id(&self, node: NodeId) -> task::NodeId {
        *lock(&self.state).hosts.get(&node).expect("a host must be booted before it is used")
    }

    pub(super) fn hosts(&self) -> Vec<task::NodeId> {
        lock(&self.state).hosts.values().copied().collect()
    }

    pub(super) fn host(&self, node: NodeId) -> NodeHandle {
        Handle::current().get_node(self.id(node)).expect("a booted host must be known")
    }

    pub(super) fn cut(&self, from: NodeId, to: NodeId, fault: usize) {
        lock(&self.state).cuts.insert((from, to), fault);
    }

    /// Whether there was a cut to end.
    pub(super) fn heal(&self, from: NodeId, to: NodeId) -> bool {
        lock(&self.state).cuts.remove(&(from, to)).is_some()
    }

    pub(super) fn set_dark(&self, node: NodeId, is_dark: bool) {
        let dark = &mut lock(&self.state).dark;
        if is_dark {
            dark.insert(node);
        } else {
            dark.remove(&node);
        }
    }

    /// Whether `to` hears nothing of `from`, not even its end.
    pub(super) fn is_silent(&self, from: NodeId, to: NodeId) -> bool {
        let state = lock(&self.state);
        state.dark.contains(&from) || state.cuts.contains_key(&(from, to))
    }

    /// A message sets out. Touches the cut that holds it back.
    pub(super) fn sent(&self, from: NodeId, to: NodeId) {
        let cut = lock(&self.state).cuts.get(&(from, to)).copied();
        if let Some(fault) = cut {
            self.ground.touch(fault, 1);
        }
    }
}
