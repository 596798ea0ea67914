//! What nodes say to each other, beside consensus: an edge asks the owner of a session or a task, an owner tells the edges
//! that hold one, and everybody asks the control group.
//!
//! Enums that only grow at their end (postcard numbers variants by place), each message behind one byte that says which
//! family it is of. Bodies of clients travel as they are.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ids::{Executor, GroupId, Incarnation, NodeId, SessionId, StreamId, TaskId};
use crate::jsonrpc::Raw;
use crate::seal::Principal;
use crate::task::RequestId;

/// Whose turn it is to read a stream. A later turn is larger, across changes of the owner too: sessions only ever move to
/// groups of higher numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) struct Turn {
    /// The owner's group.
    pub(crate) group: GroupId,
    /// The owner's term.
    pub(crate) term: u64,
    /// Counted within it.
    pub(crate) number: u64,
}

/// What an edge asks the owner of a group. Every command carries a request id, so each may be asked again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// Opens a session.
    Open { request: RequestId, id: SessionId, principal: Principal, client: Bytes },
    /// Who a session is, for a node that serves it for the length of a lease.
    Attach { id: SessionId, principal: Principal, holder: NodeId },
    /// Ends a session.
    End { request: RequestId, id: SessionId },
    /// Sets the least level of messages.
    SetLogLevel { request: RequestId, id: SessionId, level: u8 },
    /// Subscribes to a resource, or takes it back.
    Subscribe { request: RequestId, id: SessionId, uri: Arc<str>, on: bool },
    /// Opens a stream for a request of the client, or a batch of them; who asks will read it first.
    OpenStream { request: RequestId, id: SessionId, calls: Vec<Raw>, executor: Executor },
    /// Appends events to a call's stream, numbered by its executor; with them these requests are answered.
    Append {
        id: SessionId,
        stream: StreamId,
        first: u64,
        events: Vec<Bytes>,
        answered: Vec<Raw>,
        finish: bool,
    },
    /// Appends to the standalone stream.
    Offer { request: RequestId, id: SessionId, topic: Option<Arc<str>>, data: Bytes },
    /// Takes the turn of reading a stream: from where the last reader stopped, or after an event.
    Take { id: SessionId, stream: StreamId, after: Option<u64> },
    /// Waits for events. Stays unanswered while there are none.
    Read { id: SessionId, stream: StreamId, after: u64, turn: Turn },
    /// Has the reader of a stream close its connection, to come back after a while.
    CloseReader { id: SessionId, stream: StreamId, retry_ms: u64 },
    /// Cancels a call wherever it runs.
    Cancel { id: SessionId, call: Bytes },
    /// A command on tasks.
    Tasks { request: RequestId, command: crate::task::Command },
    /// Waits until a task is no longer as it was at `seen`. Stays unanswered while it is.
    WatchTask { principal: Principal, id: TaskId, seen: Option<u64> },
    /// Waits until one of these topics is newer than known. Stays unanswered while none is.
    Topics { known: Vec<(Box<str>, u64)> },
    /// A resource changed.
    Publish { uri: Box<str> },
    /// Takes a piece of what the group is to have: how many bytes stand before it, and the piece.
    Receive { at: u64, bytes: Bytes },
    /// Goes on from what was received: how much that is, and what.
    Adopt { len: u64, digest: u128 },
}

/// What the owner answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// This node does not lead the group; perhaps that one does.
    NotOwner { leader: Option<NodeId> },
    /// It did not happen: no quorum in time, or no room. Later may be better.
    Unavailable,
    /// It may have happened.
    Unknown,
    /// Done.
    Done,
    /// There is no such session, or it is somebody else's.
    NoSession,
    /// There is no such stream, or what was asked of it is no longer kept.
    NoStream(Box<str>),
    /// Refused, in words for the client.
    Refused(Box<str>),
    /// A session.
    Attached { client: Bytes, log_level: u8, lease_ms: u64 },
    /// A stream was opened.
    Opened { stream: StreamId, turn: Turn },
    /// The turn is taken; reading goes on after this event.
    Taken { turn: Turn, after: u64 },
    /// Events of a stream, in order. After the last of a finished stream there are none.
    Events { events: Vec<(u64, Bytes)>, finished: bool },
    /// The reader is to close its connection, and come back after a while.
    Close { retry_ms: u64 },
    /// Somebody else reads the stream now.
    Superseded,
    /// A reply of the tasks.
    Tasks(crate::task::Reply),
    /// How a task stands; `None` when it is gone.
    TaskStamp(Option<crate::task::Stamp>),
    /// Topics that are newer than known.
    Topics(Vec<(Box<str>, u64)>),
    /// It did not happen: this is, or will be, another group's to answer. Which one the map will say.
    Moved,
}

/// What an owner, or another edge, tells a node that serves clients.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum EdgeAsk {
    /// A session has ended: nothing of it may be served any more.
    Ended { id: SessionId },
    /// A session is no longer as it was: ask again before the next use.
    Changed { id: SessionId },
    /// A call is cancelled by its client.
    Cancel { id: SessionId, call: Bytes },
    /// The client answered a question of a call that runs here.
    Answered { id: SessionId, answer: Bytes },
    /// The client of a channel that is held here sent a message.
    Channel { id: SessionId, principal: Principal, message: Bytes },
}

/// What a node asks of the control group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ControlAsk {
    /// Carries out a command on the map; the command is encoded as the control group keeps it.
    Propose { command: Bytes },
    /// Waits until the map is newer than this epoch. Stays unanswered while it is not.
    Watch { seen: u64 },
    /// Reads the map now.
    Map,
}

/// What is answered to [`ControlAsk`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ControlAnswer {
    /// Ask another voter; perhaps that one leads.
    NotLeader { leader: Option<NodeId>, address: Option<std::net::SocketAddr> },
    /// It did not happen, or it is not known whether it did: commands on the map may be sent again.
    Unavailable,
    /// The reply to a command, encoded as the control group keeps it.
    Reply(Bytes),
    /// The map, encoded as the control group keeps it.
    Map(Bytes),
    /// This node is in no cluster yet.
    NoCluster,
}

/// One message between nodes.
#[derive(Debug)]
pub(crate) enum Message {
    /// Consensus within a group.
    Raft(GroupId, Bytes),
    /// To the owner of a group.
    Ask(GroupId, Ask),
    /// To a node that serves clients.
    Edge(EdgeAsk),
    /// To the control group.
    Control(ControlAsk),
    /// Of the failure detector.
    Gossip(Bytes),
    /// How a node stands: for operators.
    Status,
}

const RAFT: u8 = 1;
const ASK: u8 = 2;
const EDGE: u8 = 3;
const CONTROL: u8 = 4;
const GOSSIP: u8 = 5;
const STATUS: u8 = 6;

/// The bytes are no message of this version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a message of this version")]
pub(crate) struct Garbled;

impl Message {
    /// The bytes that [`decode`](Self::decode) reads.
    pub(crate) fn encode(&self) -> Bytes {
        match self {
            Self::Raft(group, body) => {
                let mut bytes = BytesMut::with_capacity(9 + body.len());
                bytes.put_u8(RAFT);
                bytes.put_u64(group.0);
                bytes.put_slice(body);
                bytes.freeze()
            }
            Self::Ask(group, ask) => tagged(ASK, &(group, ask)),
            Self::Edge(ask) => tagged(EDGE, ask),
            Self::Control(ask) => tagged(CONTROL, ask),
            Self::Gossip(body) => {
                let mut bytes = BytesMut::with_capacity(1 + body.len());
                bytes.put_u8(GOSSIP);
                bytes.put_slice(body);
                bytes.freeze()
            }
            Self::Status => Bytes::from_static(&[STATUS]),
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`Garbled`] for anything else.
    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, Garbled> {
        let (tag, body) = bytes.split_first().ok_or(Garbled)?;
        match *tag {
            RAFT => {
                let (group, _) = body.split_first_chunk().ok_or(Garbled)?;
                Ok(Self::Raft(GroupId(u64::from_be_bytes(*group)), bytes.slice(9..)))
            }
            ASK => decode(body).map(|(group, ask)| Self::Ask(group, ask)),
            EDGE => decode(body).map(Self::Edge),
            CONTROL => decode(body).map(Self::Control),
            GOSSIP => Ok(Self::Gossip(bytes.slice(1..))),
            STATUS if body.is_empty() => Ok(Self::Status),
            _ => Err(Garbled),
        }
    }
}

fn tagged<T: Serialize>(tag: u8, value: &T) -> Bytes {
    let bytes = postcard::to_extend(value, vec![tag]).expect("a message must encode");
    bytes.into()
}

/// The bytes of an answer.
pub(crate) fn encode<T: Serialize>(value: &T) -> Bytes {
    postcard::to_stdvec(value).expect("an answer must encode").into()
}

/// Reads what [`encode`] wrote, to the last byte.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Garbled> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(Garbled),
    }
}

/// Names a life of a node in questions to clients: `ask-node.incarnation.number`.
pub(crate) fn question_prefix(node: NodeId, incarnation: Incarnation) -> String {
    format!("ask-{}.{}.", node.0, incarnation.0)
}

/// The node and incarnation of a question's id.
pub(crate) fn question_home(id: &str) -> Option<(NodeId, Incarnation)> {
    let (node, rest) = id.strip_prefix("ask-")?.split_once('.')?;
    let (incarnation, _) = rest.split_once('.')?;
    Some((NodeId(node.parse().ok()?), Incarnation(incarnation.parse().ok()?)))
}
