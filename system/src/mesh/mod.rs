//! Links between nodes: requests, answers and one-way messages over TCP, and word of links that broke.
//!
//! A node dials another when it has something to send, once for each [`Channel`], and the connection belongs to who dialled
//! it: the dialler asks and tells, the other end answers. So two nodes that ask each other have two connections a channel,
//! neither end ever waits for the other's buffers, and there is nothing to agree on about who dials.
//!
//! What the mesh promises, and what not:
//!
//! - A request has one outcome, by its deadline at the latest, and the error tells whether it may have been served.
//! - It is never sent twice. Who sends it again must be able to tell the copies apart.
//! - Messages of one link may overtake each other: long bodies travel in pieces, between which others pass.
//! - Only who knows the cluster's secret gets a byte of the cluster out of a node. What is sent after the handshake is
//!   not sealed, unless there is a [`Shield`]; with one, who claims a node's id must prove the name that it joined with.
//! - Whatever a peer does, or fails to do, a link holds no more than [`MeshLimits`] says.
//! - A link that nobody uses costs no traffic, no buffer and one alarm; it closes after a while.
//!
//! The files, from the wire up: `frame` (format and reader), `outgoing` (queue and writes), `shield` (the seam for
//! encryption), `proof` and `hello` (the handshake), `pump` (the task of a link), `ask` and `answer` (its two ends), `book` (who is where), `link` (making
//! links), `core` (what the node calls).

mod answer;
mod ask;
mod book;
mod config;
mod core;
mod counters;
mod frame;
mod hello;
mod link;
mod outgoing;
mod peer;
mod proof;
mod pump;
mod shield;
#[cfg(test)]
mod tests;

pub use self::core::Mesh;
pub use config::{APPLICANT, ClusterId, Identity, MeshConfig, MeshLimits, Secret, WireRange};
pub use counters::{Count, Counters};
pub use peer::{Channel, Lost, MeshError, Peer, Refusal, Service};
pub use shield::{Bond, Shield, Shielded};
