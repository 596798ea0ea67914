//! What the map tells: to whoever routes, answers an operator or stops a node.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::keys::KeyChain;
use super::map::{ClusterMap, ListVersions, Move, Node, NodeState};
use crate::ids::{ClusterId, Epoch, GroupId, Incarnation, NodeId};

/// Why a node must not stop now. Stopping it anyway loses no data, but what the group does waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unsafe {
    /// Without it the group would have no majority of replicas that are up and have all that was agreed on.
    #[error("group {group} would be left with {left} of {replicas} replicas")]
    Majority {
        /// Which; 0 is the control group.
        group: GroupId,
        /// How many would be left.
        left: usize,
        /// How many it has.
        replicas: usize,
    },
    /// There is no such node, or it is not up: what it holds is unknown here.
    #[error("no such node is up")]
    NotUp,
}

impl ClusterMap {
    /// The number of this state of the map. 0 before the cluster is founded.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The newest time that a command brought, in Unix milliseconds.
    #[must_use]
    pub const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Which cluster this is; `None` before it is founded.
    #[must_use]
    pub const fn cluster(&self) -> Option<ClusterId> {
        self.cluster
    }

    /// Every node, those that left included for as long as they are remembered.
    #[must_use]
    pub const fn nodes(&self) -> &BTreeMap<NodeId, Node> {
        &self.nodes
    }

    /// A node.
    #[must_use]
    pub fn node(&self, node: NodeId) -> Option<&Node> {
        self.nodes.get(&node)
    }

    /// The voters of the control group.
    #[must_use]
    pub const fn voters(&self) -> &BTreeSet<NodeId> {
        &self.voters
    }

    /// The keys; `None` before the cluster is founded.
    #[must_use]
    pub const fn keys(&self) -> Option<&KeyChain> {
        self.keys.as_ref()
    }

    /// How often the lists changed.
    #[must_use]
    pub const fn lists(&self) -> ListVersions {
        self.lists
    }

    /// What every node of the cluster understands. Never goes back.
    #[must_use]
    pub const fn feature_level(&self) -> u16 {
        self.feature_level
    }

    /// The replicas of a data group; empty where it is not placed yet or there is no such group.
    #[must_use]
    pub fn replicas(&self, group: GroupId) -> &[NodeId] {
        self.index(group).map_or(&[], |index| &self.places[index].replicas)
    }

    /// The change of a data group's replicas that is under way.
    #[must_use]
    pub fn change_of(&self, group: GroupId) -> Option<Move> {
        self.places[self.index(group)?].change
    }

    /// Where other nodes reach a node; also one that is down, for it may be back already.
    #[must_use]
    pub fn address(&self, node: NodeId) -> Option<SocketAddr> {
        self.nodes.get(&node).filter(|node| !node.state.has_ended()).map(Node::mesh)
    }

    /// Whether a node's process runs, as far as is known.
    #[must_use]
    pub fn runs(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.state.is_running())
    }

    /// Whether a node is in this life of its and takes part.
    #[must_use]
    pub fn live(&self, node: NodeId, incarnation: Incarnation) -> bool {
        let serves = |state| matches!(state, NodeState::Up | NodeState::Draining);
        self.nodes.get(&node).is_some_and(|node| node.incarnation == incarnation && serves(node.state))
    }

    /// Whether what a node began in this life of its will never be finished by it: it was lost in that life, has a newer
    /// one, or left. A life that the map has not heard of yet is not over.
    #[must_use]
    pub fn is_executor_gone(&self, node: NodeId, incarnation: Incarnation) -> bool {
        let Some(known) = self.nodes.get(&node) else {
            return node.0 < self.next_node;
        };
        match known.state {
            NodeState::Up | NodeState::Draining | NodeState::Left { running: true } => {
                known.incarnation > incarnation
            }
            NodeState::Down { .. } => known.incarnation >= incarnation,
            NodeState::Left { running: false } => true,
        }
    }

    /// Whether nothing names a node any more: one that leaves may stop then.
    #[must_use]
    pub fn is_free(&self, node: NodeId) -> bool {
        !self.is_named(node)
    }

    /// Whether a node may stop and every group that it holds go on. `lagging` are replicas that are up but have not all
    /// of their group's log yet; the control group is group 0 there. A node that drains is about to stop itself, so it
    /// holds up nothing for another: where two may not stop together, the one that drains first goes first.
    ///
    /// # Errors
    /// [`Unsafe`]: the first group that would stand still, in order of groups.
    pub fn safe_to_stop(&self, node: NodeId, lagging: &BTreeSet<(GroupId, NodeId)>) -> Result<(), Unsafe> {
        if !matches!(self.state(node), NodeState::Up | NodeState::Draining) {
            return Err(Unsafe::NotUp);
        }
        let check = |group: GroupId, replicas: &[NodeId]| {
            let holds = |id: &&NodeId| {
                **id != node && self.state(**id) == NodeState::Up && !lagging.contains(&(group, **id))
            };
            let left = replicas.iter().filter(holds).count();
            if !replicas.contains(&node) || left * 2 > replicas.len() {
                return Ok(());
            }
            Err(Unsafe::Majority { group, left, replicas: replicas.len() })
        };
        let voters: Vec<NodeId> = self.voters.iter().copied().collect();
        check(GroupId(0), &voters)?;
        for (group, place) in self.groups() {
            check(group, &place.replicas)?;
            // Half way through a move both sets must agree.
            if let Some(change) = place.change {
                check(group, &change.result(&place.replicas))?;
            }
        }
        Ok(())
    }
}
