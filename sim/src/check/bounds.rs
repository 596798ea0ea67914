//! No queue passes its bound: those that a node tells of, and its connections and sessions, counted here anew.

use std::collections::BTreeMap;

use switchboard::event::Event;
use switchboard::limits::Limits;

use super::{Breach, Checker, Entry, Fact, Violation};
use crate::node::NodeId;

/// See the [module](self) page.
#[derive(Debug)]
pub struct InBounds {
    connections_max: usize,
    /// `None` where sessions are the cluster's, and a node knows only those that it opened.
    sessions_max: Option<usize>,
    open: BTreeMap<NodeId, (usize, usize)>,
    found: Vec<Violation>,
}

impl InBounds {
    /// For nodes with these limits, be they one cluster.
    #[must_use]
    pub const fn new(limits: &Limits, is_cluster: bool) -> Self {
        Self {
            connections_max: limits.connections_max,
            sessions_max: if is_cluster { None } else { Some(limits.sessions_max) },
            open: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    fn look(&mut self, at: u64, node: NodeId, what: &str, length: u64, bound: u64) {
        if length > bound {
            self.found.push(Violation {
                check: "in bounds",
                breach: Breach::Safety,
                at,
                client: None,
                what: format!("{node} holds {length} {what}, of which it may hold {bound}"),
            });
        }
    }
}

impl Checker for InBounds {
    fn on_event(&mut self, entry: &Entry) {
        let (node, event) = match &entry.fact {
            Fact::Booted(node) => {
                self.open.remove(node);
                return;
            }
            Fact::Node(node, event) => (*node, event),
            _ => return,
        };
        let open = self.open.entry(node).or_default();
        match event {
            Event::ConnectionOpened(_) => open.0 += 1,
            Event::ConnectionClosed(_) => open.0 = open.0.saturating_sub(1),
            Event::SessionOpened(_) => open.1 += 1,
            Event::SessionClosed(_) => open.1 = open.1.saturating_sub(1),
            Event::QueueLength { name, length, bound } => {
                self.look(entry.at, node, name, *length, *bound);
                return;
            }
            _ => return,
        }
        let (connections, sessions) = *open;
        self.look(entry.at, node, "connections", connections as u64, self.connections_max as u64);
        if let Some(sessions_max) = self.sessions_max {
            self.look(entry.at, node, "sessions", sessions as u64, sessions_max as u64);
        }
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}
