//! Identities. Each is a type of its own, so that one is never passed for another; all of them are drawn from the
//! world's entropy or from counters that the node owns.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! counter_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u64);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

counter_id!(
    /// A connection of this node, counted from its boot.
    ConnectionId, "c"
);
counter_id!(
    /// A call in flight at this node, counted from its boot.
    CallId, "k"
);
counter_id!(
    /// A node of a cluster: given once by the control group, and never to another node.
    NodeId, "n"
);
counter_id!(
    /// One life of a node's process. Rises with each start.
    Incarnation, "i"
);
counter_id!(
    /// A state of the cluster's map. Rises with each change.
    Epoch, "e"
);
counter_id!(
    /// A consensus group: 0 is the control group, the others hold data.
    GroupId, "g"
);
counter_id!(
    /// A stream within its session: 0 is the standalone GET stream, others belong to one POST each.
    StreamId, "s"
);

/// A session of a stateful client: 128 random bits. What a client sees is this id sealed, never these bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u128);

impl SessionId {
    /// Half of its bits: enough to tell sessions apart where no secret hangs on it.
    #[must_use]
    pub const fn digest(self) -> u64 {
        (self.0 >> 64) as u64
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}…", self.0 >> 96)
    }
}

/// A task (the protocol's long-running kind): 128 random bits, sealed on the wire like a session's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId(pub u128);

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{:08x}…", self.0 >> 96)
    }
}

/// One life of a node, as the place where a call or a task is carried out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Executor {
    /// The node.
    pub node: NodeId,
    /// Which of its lives: what began in one does not go on in the next.
    pub incarnation: Incarnation,
}

/// A cluster: 128 random bits, drawn when it is founded. A node of another cluster is turned away by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub u128);

impl fmt::Debug for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cluster {:08x}…", self.0 >> 96)
    }
}
