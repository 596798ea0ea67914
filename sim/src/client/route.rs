//! Which node a client turns to: any, chosen anew for each connection, and after a failure another one.
//!
//! Where there is but one node there is no choice and no dice are thrown.

use std::net::SocketAddr;
use std::sync::Arc;

use switchboard::env::{Entropy, Env};

use crate::node::NodeId;

/// See the [module](self) page.
pub(crate) struct Route {
    servers: Arc<[SocketAddr]>,
    /// None where there is no choice.
    dice: Option<Entropy>,
    /// The node of the last connection, where the next one must go elsewhere.
    avoid: Option<usize>,
    now: usize,
    /// Whether every connection goes to another node than the one before.
    roams: bool,
    /// Whether it goes to no other node any more.
    stays: bool,
}

impl Route {
    /// A way to any of these nodes, of which there must be one. `label` names whose dice they are.
    pub(crate) fn new<E: Env>(env: &E, servers: Arc<[SocketAddr]>, label: &str, roams: bool) -> Self {
        assert!(!servers.is_empty(), "a client must have somewhere to go");
        let dice = (servers.len() > 1).then(|| env.entropy(&format!("route of {label}")));
        Self { servers, dice, avoid: None, now: 0, roams, stays: false }
    }

    /// Where the next connection goes.
    pub(crate) fn next(&mut self) -> SocketAddr {
        if let (Some(dice), false) = (&mut self.dice, self.stays) {
            let count = self.servers.len() as u64;
            let pick = |number: u64| usize::try_from(number).expect("a small number must fit");
            self.now = match self.avoid.take() {
                None => pick(dice.below(count)),
                Some(avoided) => (avoided + 1 + pick(dice.below(count - 1))) % self.servers.len(),
            };
            self.avoid = self.roams.then_some(self.now);
        }
        self.servers[self.now]
    }

    /// Every connection goes to this node from now on.
    pub(crate) fn stay_at(&mut self, node: NodeId) {
        assert!(node.index() < self.servers.len(), "a client must turn to a node that there is");
        (self.now, self.stays) = (node.index(), true);
    }

    /// The node of the last connection.
    pub(crate) fn last(&self) -> NodeId {
        NodeId(u32::try_from(self.now).expect("nodes must be fewer than 2^32"))
    }

    /// The last connection was of no use: the next goes elsewhere.
    pub(crate) fn failed(&mut self) {
        self.avoid = self.dice.is_some().then_some(self.now);
    }

    /// The next connection goes elsewhere than that of another route to the same nodes.
    pub(crate) fn go_elsewhere(&mut self, than: &Self) {
        self.avoid = self.dice.is_some().then_some(than.now);
    }

    /// Whether no two requests in a row go to one node.
    pub(crate) const fn roams(&self) -> bool {
        self.roams && self.dice.is_some()
    }

    /// Whether there is another node to go to.
    pub(crate) const fn has_choice(&self) -> bool {
        self.dice.is_some()
    }

    /// Every node.
    pub(crate) fn servers(&self) -> Arc<[SocketAddr]> {
        self.servers.clone()
    }

    /// What clients call the cluster, whichever node they turn to.
    pub(crate) fn name(&self) -> String {
        self.servers[0].to_string()
    }
}
