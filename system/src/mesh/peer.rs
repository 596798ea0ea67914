//! What the mesh tells its user: who is at the other end, what became of a request, how a link ended.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::config::{APPLICANT, ClusterId, WireRange};
use super::shield::Bond;
use crate::ids::{Epoch, Incarnation, NodeId};

/// What a link is for. Each kind has a connection of its own, so that a snapshot never delays a vote.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Channel {
    /// Votes, log entries, heartbeats, probes.
    Consensus,
    /// Requests on behalf of clients.
    Traffic,
    /// Snapshots and other large bodies.
    Bulk,
}

/// The proven other end of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its id; [`APPLICANT`] where it has none yet.
    pub node: NodeId,
    /// Which life of its process.
    pub incarnation: Incarnation,
    /// The state of the map that it knew when the link was made.
    pub epoch: Epoch,
    /// The wire version that both ends speak.
    pub wire: u16,
    /// The far address of the connection. Only for a dialled peer is it where the peer listens.
    pub address: SocketAddr,
    /// What it is bound to, by the name that it proved; `None` without a shield.
    pub bond: Option<Bond>,
}

impl Peer {
    /// Whether it knows the secret but has no id yet: it may ask to be taken in, and nothing else.
    #[must_use]
    pub fn is_applicant(&self) -> bool {
        self.node == APPLICANT
    }
}

/// How a link that stood came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// The peer's host said that nobody is there any more, the stream failed, or a newer life of the peer came.
    Reset,
    /// Nothing was heard in time.
    Silent,
    /// The peer closed it without a word: its process has ended. One that is killed looks like this too, where it had read
    /// everything that was sent to it.
    Closed,
}

/// Why a peer that proved itself says no.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Too much is under way there; the request was not looked at.
    #[error("the peer is busy")]
    Busy,
    /// The request was served, but its answer is larger than a body may be.
    #[error("the answer is too large")]
    AnswerTooLarge,
    /// The two share no wire version.
    #[error("no wire version in common: the peer speaks {0}")]
    Version(WireRange),
    /// The peer belongs to another cluster.
    #[error("the peer belongs to cluster {0}")]
    Cluster(ClusterId),
    /// A newer life of this node was seen.
    #[error("{0} of this node was seen already: this process is an older one")]
    Stale(Incarnation),
    /// Another node is at that address.
    #[error("the node at that address is {0}")]
    OtherNode(NodeId),
    /// The peer knows as many nodes as it can.
    #[error("the peer has no room for another node")]
    Full,
    /// The name that was proven is not the one that this node joined with.
    #[error("{0} joined with a certificate of another name")]
    OtherName(NodeId),
}

/// Why there is no answer. What is known of the request is what tells the cases apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MeshError {
    /// It never left this node: no address, no connection, or a full queue. It may be asked elsewhere.
    #[error("the node cannot be reached")]
    Unreachable,
    /// The link's queue or its places for requests are full, so the request never left this node.
    #[error("too much is waiting for that node")]
    Overloaded,
    /// The link broke, or the service there did. The request may have been served.
    #[error("the link broke; the request may have been served")]
    Broken,
    /// The deadline passed. The request may have been served.
    #[error("no answer in time; the request may have been served")]
    Elapsed,
    /// The peer said no.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The body is larger than a body may be; nothing was sent.
    #[error("the body is too large")]
    TooLarge,
}

/// What a node does with what others send it.
pub trait Service: Send + Sync + 'static {
    /// A request of another node. The future is polled once in the link's own task, and moves to a task of its own only
    /// where it has to wait: neither this call nor a poll may take long. It is dropped when the asker stops waiting or
    /// the link ends.
    fn request(&self, from: Peer, channel: Channel, body: Bytes) -> BoxFuture<'static, Bytes>;

    /// A message that expects no answer. It may be lost, or overtaken by later ones. Must not take long.
    fn tell(&self, from: Peer, channel: Channel, body: Bytes);

    /// A link to or from a node ended that had stood: a hint, for others of the same node may stand. Not called for
    /// links that were unused for long, nor for those of applicants.
    fn link_lost(&self, node: NodeId, how: Lost);
}
