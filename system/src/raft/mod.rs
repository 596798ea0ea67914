//! Consensus: one log that a group of nodes agrees on, and a machine that each of them feeds from it.
//!
//! [`Group`] is this node's part in one group. Commands and replies are opaque bytes here; what they mean is the
//! [`Machine`]'s business, and how messages travel the [`Network`]'s. The engine underneath is openraft; nothing outside
//! of this module names it.
//!
//! What holds, and the simulator checks:
//! - What [`propose`](Group::propose) acknowledged is in the log of a majority, on disk, and is never lost or reordered.
//! - A term has at most one leader, so (term, index) orders everything that a leader ever did: it is the fencing token.
//! - After [`barrier`](Group::barrier), a read of the machine sees everything that was acknowledged before the call.
//! - **Timeout means unknown**: a proposal whose deadline passed may still be applied, once. The machine removes duplicates.
//!
//! What does not hold: that who believes to lead does lead. [`Leadership`] and [`Status`] are for routing and for people.
//!
//! A group that has nothing to do can [`sleep`](Group::sleep): no messages, no timers. Any call, any message, and
//! [`wake`](Group::wake) end that; a node that suspects a peer wakes the groups that the peer may lead.

mod applier;
mod channel;
mod ground;
mod group;
mod link;
mod log;
mod proof;
mod receive;
mod rest;
mod runtime;
mod status;
mod types;
mod wire;

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::env::Instant;
use crate::ids::{GroupId, NodeId};

pub use group::{ChangeError, FoundError, Group, Options, ProposeError, StartError, Timing};
pub use proof::BarrierError;
pub use status::{Leadership, Role, Status};

/// Where a command stands: no two of a group have the same index, and a later one has a higher.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct At {
    /// Its place in the log.
    pub index: u64,
    /// The term of the leader that put it there.
    pub term: u64,
    /// That leader.
    pub leader: NodeId,
}

/// What a group agrees on the state of. Deterministic: the same commands give the same state and the same replies on
/// every node, whatever the time, the place and the order of anything else.
pub trait Machine: Send + 'static {
    /// Takes a committed command and answers it. Called once for each, in order; after a restart, again for those since
    /// the last snapshot.
    fn apply(&mut self, at: At, command: &Bytes) -> Bytes;

    /// The whole state, versioned by the machine itself.
    fn snapshot(&self) -> Vec<u8>;

    /// Becomes what a snapshot says.
    ///
    /// # Errors
    /// [`Corrupt`] where it says nothing that this machine understands. The group stops then.
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Corrupt>;
}

/// A snapshot that its machine does not understand.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a snapshot that the machine does not understand: {0}")]
pub struct Corrupt(pub &'static str);

/// How a message reaches the same group on another node, which gives it to [`Group::handle`] and sends back what that
/// answers. Messages may be lost, doubled and reordered.
pub trait Network: Send + Sync + 'static {
    /// Sends a message and brings its answer, until `deadline` at the latest. `bulk` ones are large and may wait for
    /// others.
    fn send(
        &self,
        to: NodeId,
        group: GroupId,
        message: Bytes,
        bulk: bool,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<Bytes, Unreachable>> + Send>>;
}

/// No answer came: the message may have arrived all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the node does not answer")]
pub struct Unreachable;
