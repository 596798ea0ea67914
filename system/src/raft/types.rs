//! The engine's types, and the plain ones that stand for them on the disk and on the wire: their layout is ours, and no
//! new version of the engine changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use openraft::entry::RaftEntry;
use openraft::impls::leader_id_std::LeaderId;
use openraft::vote::{RaftLeaderId, RaftVote};
use openraft::{EntryPayload, Membership, alias};
use serde::{Deserialize, Serialize};

use super::runtime::Runtime;
use crate::ids::NodeId;

openraft::declare_raft_types!(
    /// At most one leader a term, so that a term is a fencing token.
    pub(super) Types:
        D = Command,
        R = Reply,
        NodeId = NodeId,
        Node = (),
        LeaderId = LeaderId<Self::Term, Self::NodeId>,
        AsyncRuntime = Runtime,
);

pub(super) type LogId = alias::LogIdOf<Types>;
pub(super) type Vote = alias::VoteOf<Types>;
pub(super) type Entry = alias::EntryOf<Types>;
pub(super) type StoredMembers = alias::StoredMembershipOf<Types>;
pub(super) type SnapshotMeta = alias::SnapshotMetaOf<Types>;
pub(super) type Snapshot = alias::SnapshotOf<Types, Bytes>;

/// A command of the machine, and who led when it was proposed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) leader: NodeId,
    pub(super) bytes: Bytes,
}

/// What the machine answered.
pub(super) struct Reply(pub(super) Bytes);

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({} bytes by {})", self.bytes.len(), self.leader)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A vote: for whom, in which term, and whether a quorum gave it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Ballot {
    pub(super) term: u64,
    node: NodeId,
    is_committed: bool,
}

impl From<&Vote> for Ballot {
    fn from(vote: &Vote) -> Self {
        let leader = vote.leader_id();
        Self { term: leader.term(), node: *leader.node_id(), is_committed: vote.is_committed() }
    }
}

impl From<Ballot> for Vote {
    fn from(ballot: Ballot) -> Self {
        Self::from_leader_id(LeaderId::new(ballot.term, ballot.node), ballot.is_committed)
    }
}

/// The place of an entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) term: u64,
    pub(super) index: u64,
}

impl From<&LogId> for Position {
    fn from(id: &LogId) -> Self {
        Self { term: id.leader_id.term, index: id.index }
    }
}

impl From<Position> for LogId {
    fn from(position: Position) -> Self {
        // The node is no part of it: one term has one leader.
        let leader = LeaderId::new(position.term, NodeId(0)).to_committed();
        Self::new(leader, position.index)
    }
}

pub(super) fn position(id: Option<&LogId>) -> Option<Position> {
    id.map(Position::from)
}

pub(super) fn log_id(position: Option<Position>) -> Option<LogId> {
    position.map(LogId::from)
}

/// Who takes part.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Members {
    configs: Vec<BTreeSet<NodeId>>,
    nodes: BTreeSet<NodeId>,
}

impl From<&Membership<NodeId, ()>> for Members {
    fn from(members: &Membership<NodeId, ()>) -> Self {
        let nodes = members.nodes().map(|(node, ())| *node).collect();
        Self { configs: members.get_joint_config().clone(), nodes }
    }
}

impl From<Members> for Membership<NodeId, ()> {
    fn from(members: Members) -> Self {
        Self::new_with_defaults(members.configs, members.nodes)
    }
}

/// What a snapshot covers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Cover {
    last: Option<Position>,
    members_at: Option<Position>,
    members: Members,
}

impl From<&SnapshotMeta> for Cover {
    fn from(meta: &SnapshotMeta) -> Self {
        Self {
            last: position(meta.last_log_id.as_ref()),
            members_at: position(meta.last_membership.log_id().as_ref()),
            members: meta.last_membership.membership().into(),
        }
    }
}

impl From<Cover> for SnapshotMeta {
    fn from(cover: Cover) -> Self {
        Self {
            last_log_id: log_id(cover.last),
            last_membership: StoredMembers::new(log_id(cover.members_at), cover.members.into()),
        }
    }
}

/// An entry was not written by us.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an entry that this program did not write")]
pub(super) struct Foreign;

const BLANK: u8 = 0;
const COMMAND: u8 = 1;
const MEMBERS: u8 = 2;
const HEAD_BYTES: usize = 9;
const LEADER_BYTES: usize = 8;

/// An entry as it stands in the log and travels: its term, its kind, and the rest. The index is where it stands.
pub(super) fn encode(entry: &Entry) -> Bytes {
    let mut out = BytesMut::with_capacity(HEAD_BYTES + LEADER_BYTES);
    out.put_u64_le(entry.log_id.leader_id.term);
    match &entry.payload {
        EntryPayload::Blank => out.put_u8(BLANK),
        EntryPayload::Normal(command) => {
            out.reserve(1 + LEADER_BYTES + command.bytes.len());
            out.put_u8(COMMAND);
            out.put_u64_le(command.leader.0);
            out.put_slice(&command.bytes);
        }
        EntryPayload::Membership(members) => {
            out.put_u8(MEMBERS);
            let members = postcard::to_stdvec(&Members::from(members));
            out.put_slice(&members.expect("plain numbers must encode"));
        }
    }
    out.freeze()
}

/// The entry of these bytes at this index. Commands share the bytes.
pub(super) fn decode(index: u64, bytes: &Bytes) -> Result<Entry, Foreign> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or(Foreign)?;
    let (term, kind) = head.split_at(HEAD_BYTES - 1);
    let term = u64::from_le_bytes(term.try_into().map_err(|_| Foreign)?);
    let payload = match kind {
        [BLANK] => EntryPayload::Blank,
        [COMMAND] => {
            let leader = rest.first_chunk::<LEADER_BYTES>().ok_or(Foreign)?;
            EntryPayload::Normal(Command {
                leader: NodeId(u64::from_le_bytes(*leader)),
                bytes: bytes.slice(HEAD_BYTES + LEADER_BYTES..),
            })
        }
        [MEMBERS] => {
            EntryPayload::Membership(postcard::from_bytes::<Members>(rest).map_err(|_| Foreign)?.into())
        }
        _ => return Err(Foreign),
    };
    Ok(Entry::new(Position { term, index }.into(), payload))
}

/// The nodes of a set, as the engine wants to be told of them.
pub(super) fn nodes(nodes: impl IntoIterator<Item = NodeId>) -> BTreeMap<NodeId, ()> {
    nodes.into_iter().map(|node| (node, ())).collect()
}
