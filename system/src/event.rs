//! The closed list of things that happen in a node: what checkers and traces read. Metrics count; events tell.
//!
//! An event says what a client or a neighbour could have noticed, never how the node went about it; but for the last two,
//! which are there for whoever simulates it.

use crate::ids::{CallId, ConnectionId, Epoch, Executor, GroupId, SessionId, StreamId};
use crate::probe::Point;

/// One thing that happened. Recorded by [`Env::record`](crate::env::Env::record).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// A connection was taken in.
    ConnectionOpened(ConnectionId),
    /// A connection ended, in whichever way.
    ConnectionClosed(ConnectionId),
    /// A connection was turned away because the node is full.
    ConnectionShed,
    /// A session was created.
    SessionOpened(SessionId),
    /// A session ended: deleted, expired or drained.
    SessionClosed(SessionId),
    /// A call reached its handler.
    CallStarted(CallId),
    /// A call ended, with whether its outcome was a success.
    CallEnded(CallId, bool),
    /// A process began a life of a node, at its start or because the one before was given up.
    LifeBegan(Executor),
    /// As far as the node knows, it leads a group from now on, in this term.
    LeadershipBegan(GroupId, u64),
    /// It leads that group in that term no more, as far as it knows.
    LeadershipEnded(GroupId, u64),
    /// A replica took the entry of a group's log at this index, written in this term: a majority has it on disk.
    EntryTaken(GroupId, u64, u64),
    /// The owner of a group told whoever asked that a command was carried out.
    CommandAcknowledged(GroupId),
    /// The node goes by this state of its cluster's map from now on.
    MapTaken(Epoch),
    /// An event was appended to the log of a stream.
    StreamAppended(SessionId, StreamId, u64),
    /// An event was handed to a connection.
    StreamDelivered(SessionId, StreamId, u64),
    /// A bounded queue reached a length; `bound` is its limit.
    QueueLength {
        /// Which queue.
        name: &'static str,
        /// Its length now, in its own unit (bytes or entries).
        length: u64,
        /// What it may not pass.
        bound: u64,
    },
    /// A point was reached.
    Reached(Point),
    /// Something does not hold that always must.
    Broken(&'static str),
}
