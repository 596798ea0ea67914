//! The closed list of things that happen in a node: what checkers and traces read. Metrics count; events tell.
//!
//! An event says what a client or a neighbour could have noticed, never how the node went about it.

use crate::ids::{CallId, ConnectionId, Executor, SessionId, StreamId};

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
}
