//! What can be asked of the map, and what it answers. Plain values: they go into a log and over the wire, with a version
//! byte first (`codec`). A variant is never moved or changed within a version; new ones stand last.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::map::{Move, Wire};
use crate::ids::{ClusterId, Epoch, GroupId, Incarnation, NodeId};
use crate::seal::Secret;

/// The longest name of a zone, in bytes.
pub(super) const ZONE_LEN_MAX: usize = 64;
/// The longest address for people, in bytes.
pub(super) const HTTP_LEN_MAX: usize = 256;

/// A command and the time that goes for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stamped {
    /// The proposer's wall clock, in Unix milliseconds.
    pub at_ms: u64,
    /// The command.
    pub command: Command,
}

/// What a node says of itself when it joins and each time that it boots.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Card {
    /// Where other nodes reach it.
    pub mesh: SocketAddr,
    /// Where people reach it, for lists and links; nothing connects to it. At most 256 bytes.
    pub http: Option<String>,
    /// What fails together with it (a rack, a data centre). Replicas go to different ones. At most 64 bytes.
    pub zone: String,
    /// What it speaks.
    pub wire: Wire,
    /// Its share of the groups beside other nodes' weights. Not zero.
    pub weight: u16,
}

impl Card {
    pub(super) fn is_sound(&self) -> bool {
        let short = self.zone.len() <= ZONE_LEN_MAX
            && self.http.as_ref().is_none_or(|http| http.len() <= HTTP_LEN_MAX);
        short && self.weight > 0 && self.wire.min <= self.wire.max
    }
}

/// A key that was drawn just now. It does not show itself in logs.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fresh(pub Secret);

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fresh(..)")
    }
}

/// Which lists changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Lists {
    /// The list of tools.
    pub tools: bool,
    /// The list of prompts.
    pub prompts: bool,
    /// The list of resources, or of their templates.
    pub resources: bool,
}

/// A command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Makes the cluster, of one node and with no group placed yet. Answered by [`Reply::Joined`].
    Found {
        /// Its id, drawn by the first node.
        cluster: ClusterId,
        /// The first node.
        card: Card,
        /// Its life.
        incarnation: Incarnation,
        /// As in `Join`.
        nonce: u128,
        /// How many data groups there are at first.
        groups: u16,
        /// The first key.
        key: Fresh,
    },
    /// Takes a node in and gives it an id. Answered by [`Reply::Joined`].
    Join {
        /// What it says of itself.
        card: Card,
        /// Its life.
        incarnation: Incarnation,
        /// 128 bits that are this node's alone, and kept until it has its id: asked again with them, the id is the same.
        /// Where nodes prove names, they are made of a random number and of the node's name.
        nonce: u128,
    },
    /// A node is up again, with a new life.
    Boot {
        /// Which.
        node: NodeId,
        /// Its new life.
        incarnation: Incarnation,
        /// What it says of itself now.
        card: Card,
    },
    /// A node was lost in this life of its.
    Down {
        /// Which.
        node: NodeId,
        /// The life that was lost; a newer one is not touched.
        incarnation: Incarnation,
    },
    /// A node that was taken for lost is there, in the same life.
    Up {
        /// Which.
        node: NodeId,
        /// Its life.
        incarnation: Incarnation,
    },
    /// A node is going to stop.
    Drain {
        /// Which.
        node: NodeId,
    },
    /// A node that was going to stop goes on.
    Undrain {
        /// Which.
        node: NodeId,
    },
    /// A node goes for good, or is given up.
    Leave {
        /// Which.
        node: NodeId,
    },
    /// Says who votes in the control group.
    SetVoters {
        /// All of them.
        voters: Vec<NodeId>,
    },
    /// Gives groups that have no replicas their first ones; all of them or, where one is refused, none.
    Place {
        /// Which groups, and who holds them.
        places: Vec<(GroupId, Vec<NodeId>)>,
    },
    /// Begins to change the replicas of a group.
    StartMove {
        /// Which.
        group: GroupId,
        /// How.
        change: Move,
    },
    /// The replicas of a group have changed.
    FinishMove {
        /// Which.
        group: GroupId,
        /// The move that is done.
        change: Move,
    },
    /// The replicas of a group stay as they were.
    AbortMove {
        /// Which.
        group: GroupId,
        /// The move that is given up.
        change: Move,
    },
    /// The catalogue of a node changed.
    ListsChanged {
        /// Which lists.
        lists: Lists,
        /// 128 random bits, one for each change: proposed again with the same, it counts once.
        id: u128,
    },
    /// Adds a key that opens and does not yet seal.
    AddKey {
        /// The key.
        key: Fresh,
    },
    /// Seals with a key that was added before.
    MakeCurrent {
        /// Its number.
        key: u8,
    },
    /// Forgets a key: what it sealed never opens again.
    RetireKey {
        /// Its number.
        key: u8,
    },
    /// Permits what nodes of an older version do not understand.
    RaiseFeatureLevel {
        /// The new level.
        level: u16,
    },
    /// Adds the next group, which is to take its slots from one that is there.
    Split {
        /// The group: its number is one more than there are.
        group: GroupId,
        /// Who holds it.
        replicas: Vec<NodeId>,
    },
    /// A group has what was in its slots, and answers for them from now on.
    FinishSplit {
        /// Which.
        group: GroupId,
    },
}

/// An answer. The map has the epoch that it names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// It is so, now or since before.
    Done(Epoch),
    /// The node is in, and this is its id.
    Joined(NodeId, Epoch),
    /// It was refused; but for the time, nothing changed.
    Refused(Refusal),
}

/// Why nothing was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The cluster is not founded yet.
    #[error("the cluster is not founded")]
    NotFounded,
    /// There is a cluster already.
    #[error("the cluster is founded already")]
    Founded,
    /// No such number of groups, or no such group.
    #[error("no such group")]
    NoGroup,
    /// What the node says of itself is too long, or contradicts itself.
    #[error("the node's description is not valid")]
    BadCard,
    /// The node does not speak what the cluster speaks; its version is too old or too new.
    #[error("the node does not speak the cluster's feature level {level}")]
    Wire {
        /// The cluster's level.
        level: u16,
    },
    /// No room for another node.
    #[error("too many nodes")]
    TooManyNodes,
    /// There never was such a node, or it is long gone.
    #[error("no such node")]
    NoNode,
    /// The node left for good. Its process needs a new id.
    #[error("the node has left")]
    HasLeft,
    /// The node has a newer life.
    #[error("the node has the newer incarnation {newest}")]
    OldIncarnation {
        /// The newest life.
        newest: Incarnation,
    },
    /// The node is not in a state that this goes with.
    #[error("the node is not up")]
    NotUp,
    /// The last node cannot leave.
    #[error("the last node cannot leave")]
    LastNode,
    /// No set of nodes, or one with a node twice, too many or unfit ones.
    #[error("not a set of nodes that may hold this")]
    BadSet,
    /// The group has replicas already.
    #[error("the group is placed already")]
    Placed,
    /// Another move, or a split, of the group is under way.
    #[error("another move or a split of the group is under way")]
    Moving,
    /// That move of the group is not under way.
    #[error("the move is not under way")]
    NotMoving,
    /// After it, less than a majority would be running.
    #[error("the group would lose its majority")]
    Majority,
    /// Another key waits to be made current, or there is no room for one.
    #[error("no room for a key now")]
    KeysFull,
    /// No such key, or the one that seals.
    #[error("no such key, or it is in use")]
    NoKey,
    /// The level is not above the present one, or a node does not speak it.
    #[error("not every node speaks that feature level")]
    FeatureLevel,
}
