//! What the map holds. Values only: what changes them is in `apply`, what reads them in `query`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::command::Card;
use super::keys::KeyChain;
use crate::ids::{ClusterId, Epoch, GroupId, Incarnation, NodeId};
use crate::seal::SLOTS;

/// Replicas of a group in a cluster that has the nodes for it. Two of three are a majority: one may be lost.
pub const REPLICAS: usize = 3;
/// Voters of the control group at the most.
pub const VOTERS_MAX: usize = 5;
/// Nodes in one map, those that left included while something still names them.
pub const NODES_MAX: usize = 1_000;
/// Data groups in one map: no group without a slot.
pub const GROUPS_MAX: u16 = SLOTS;
/// Changes of lists whose ids are remembered. One that is proposed again after as many others counts twice, and clients
/// then fetch a list that did not change: harmless.
pub(super) const LIST_CHANGES_MAX: usize = 128;

/// The map of a cluster. [`Default`] is the map before the cluster is founded: it refuses all but that.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClusterMap {
    pub(super) epoch: Epoch,
    /// The newest stamp of a command, in Unix milliseconds. Never goes back.
    pub(super) now_ms: u64,
    pub(super) cluster: Option<ClusterId>,
    pub(super) nodes: BTreeMap<NodeId, Node>,
    pub(super) next_node: u64,
    pub(super) voters: BTreeSet<NodeId>,
    /// Group `g` stands at `g - 1`; group 0 is the control group, whose replicas are the voters.
    pub(super) places: Vec<Place>,
    pub(super) keys: Option<KeyChain>,
    pub(super) lists: ListVersions,
    pub(super) list_changes: VecDeque<u128>,
    pub(super) feature_level: u16,
}

impl Default for ClusterMap {
    fn default() -> Self {
        Self {
            epoch: Epoch(0),
            now_ms: 0,
            cluster: None,
            nodes: BTreeMap::new(),
            next_node: 1,
            voters: BTreeSet::new(),
            places: Vec::new(),
            keys: None,
            lists: ListVersions::default(),
            list_changes: VecDeque::new(),
            feature_level: 0,
        }
    }
}

/// A node, as the cluster knows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Node {
    /// What it says of itself.
    pub card: Card,
    /// Its present life, or its last.
    pub incarnation: Incarnation,
    /// Whether it takes part.
    pub state: NodeState,
    /// What it joined with: asked again with the same, the answer is the same id.
    pub(super) nonce: u128,
}

impl Node {
    /// Where other nodes reach it.
    #[must_use]
    pub const fn mesh(&self) -> SocketAddr {
        self.card.mesh
    }

    /// What it joined with, which no other node did. A node that proves a name made this of it.
    #[must_use]
    pub const fn joined_with(&self) -> u128 {
        self.nonce
    }
}

/// Whether a node takes part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum NodeState {
    /// It does.
    Up,
    /// Its process is gone, or nobody reaches it. It may come back.
    Down {
        /// Since when, in Unix milliseconds.
        since_ms: u64,
    },
    /// It is up and will soon stop: it keeps what it has and is given nothing more.
    Draining,
    /// It is out for good. Its id is never used again.
    Left {
        /// Whether its process was up when last heard of: until its replicas have moved it still votes in their groups.
        running: bool,
    },
}

impl NodeState {
    /// Whether the node's process runs, as far as is known: it votes and answers.
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Up | Self::Draining | Self::Left { running: true })
    }

    /// Whether the node is out for good.
    #[must_use]
    pub const fn has_left(self) -> bool {
        matches!(self, Self::Left { .. })
    }

    /// Whether the node left and its process has ended, too: nobody needs to reach it any more.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Left { running: false })
    }

    /// Whether the node is counted out: it left, or was down for as long as `replace_after_ms`.
    pub(super) const fn is_gone(self, now_ms: u64, replace_after_ms: u64) -> bool {
        match self {
            Self::Up | Self::Draining => false,
            Self::Down { since_ms } => now_ms.saturating_sub(since_ms) >= replace_after_ms,
            Self::Left { .. } => true,
        }
    }
}

/// The versions of the wire between nodes, and of the log, that a node speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Wire {
    /// The oldest.
    pub min: u16,
    /// The newest.
    pub max: u16,
}

/// Where a group is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    /// Who holds it: none before it is placed, at most [`REPLICAS`] after.
    pub replicas: Vec<NodeId>,
    /// The change of replicas that is under way. One at a time: two could lose a majority between them.
    pub change: Option<Move>,
    /// Whether it does not have its slots yet: the group that it takes them from answers for them until it has.
    pub splitting: bool,
}

/// A change of the replicas of a group by one. At least one of the two is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Move {
    /// Who becomes a replica.
    pub add: Option<NodeId>,
    /// Who ceases to be one, once the other has all that it had.
    pub remove: Option<NodeId>,
}

impl Move {
    /// The replicas after it.
    #[must_use]
    pub fn result(self, replicas: &[NodeId]) -> Vec<NodeId> {
        let kept = replicas.iter().copied().filter(|node| Some(*node) != self.remove);
        kept.chain(self.add).collect()
    }
}

/// How often the lists of the catalogue changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ListVersions {
    /// The list of tools.
    pub tools: u64,
    /// The list of prompts.
    pub prompts: u64,
    /// The list of resources, and of their templates.
    pub resources: u64,
}

impl ClusterMap {
    /// The position of a data group.
    pub(super) fn index(&self, group: GroupId) -> Option<usize> {
        let index = usize::try_from(group.0.checked_sub(1)?).ok()?;
        (index < self.places.len()).then_some(index)
    }

    /// Every data group with its place, in order.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, &Place)> {
        (1..).map(GroupId).zip(&self.places)
    }

    /// The state of a node; one that was never in the map counts as left, and as not running.
    pub(super) fn state(&self, node: NodeId) -> NodeState {
        self.nodes.get(&node).map_or(NodeState::Left { running: false }, |node| node.state)
    }

    /// Whether most of these nodes run. Not so for none.
    pub(super) fn has_majority<'a>(&self, nodes: impl IntoIterator<Item = &'a NodeId>) -> bool {
        let (mut all, mut running) = (0_usize, 0_usize);
        for node in nodes {
            all += 1;
            running += usize::from(self.state(*node).is_running());
        }
        running * 2 > all
    }

    /// The nodes that have not left.
    pub(super) fn members(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        let all = self.nodes.iter().map(|(id, node)| (*id, node));
        all.filter(|(_, node)| !node.state.has_left())
    }

    /// The newest feature level that every node which has not left speaks.
    pub(super) fn feature_level_possible(&self) -> u16 {
        self.members().map(|(_, node)| node.card.wire.max).min().unwrap_or(self.feature_level)
    }

    /// Whether anything in the map still names this node as a holder.
    pub(super) fn is_named(&self, node: NodeId) -> bool {
        let in_place = |place: &Place| {
            let moving = place.change.is_some_and(|change| change.add == Some(node));
            moving || place.replicas.contains(&node)
        };
        self.voters.contains(&node) || self.places.iter().any(in_place)
    }
}
