//! Who a message is about: a node, its life, and how often that life had to take a new identity because it was held for
//! dead. Whoever is newer in that order wins.

use serde::{Deserialize, Serialize};

use crate::ids::{Incarnation, NodeId};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) node: NodeId,
    pub(super) incarnation: Incarnation,
    renewal: u32,
}

impl Identity {
    pub(super) const fn new(node: NodeId, incarnation: Incarnation) -> Self {
        Self { node, incarnation, renewal: 0 }
    }

    /// A name for whatever life the node is in: a call reaches it by its number alone.
    pub(super) const fn unknown(node: NodeId) -> Self {
        Self::new(node, Incarnation(0))
    }
}

impl foca::Identity for Identity {
    type Addr = NodeId;

    fn renew(&self) -> Option<Self> {
        self.renewal.checked_add(1).map(|renewal| Self { renewal, ..*self })
    }

    fn addr(&self) -> NodeId {
        self.node
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        (self.incarnation, self.renewal) > (adversary.incarnation, adversary.renewal)
    }
}
