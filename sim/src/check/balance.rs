//! What is opened is closed, once: connections and calls of a node, by the time that it has drained. What a killed process
//! had open died with it. Sessions are the cluster's: they outlive processes, may be closed at another node than the one
//! that opened them, and may be left to idle out; but none ends twice.

use std::collections::BTreeSet;

use switchboard::event::Event;
use switchboard::ids::SessionId;

use super::{Breach, Checker, Entry, Fact, Violation};
use crate::node::NodeId;

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct Balance {
    /// Nodes that stay broken to the end: what they hold nobody closes.
    rest: Vec<NodeId>,
    /// Whether nodes drain before the end.
    drains: bool,
    open: BTreeSet<(NodeId, &'static str, u128)>,
    sessions: BTreeSet<SessionId>,
    found: Vec<Violation>,
}

impl Balance {
    /// Of a run in which these nodes stay broken to the end, and the others drain before it, or do not.
    #[must_use]
    pub fn new(rest: Vec<NodeId>, drains: bool) -> Self {
        Self { rest, drains, ..Self::default() }
    }

    fn blame(&mut self, at: u64, breach: Breach, what: String) {
        self.found.push(Violation { check: "balance", breach, at, client: None, what });
    }
}

/// What an event opens (true) or closes (false).
fn turn(event: &Event) -> Option<(&'static str, u128, bool)> {
    Some(match event {
        Event::ConnectionOpened(id) => ("connection", u128::from(id.0), true),
        Event::ConnectionClosed(id) => ("connection", u128::from(id.0), false),
        Event::CallStarted(id) => ("call", u128::from(id.0), true),
        Event::CallEnded(id, _) => ("call", u128::from(id.0), false),
        _ => return None,
    })
}

impl Checker for Balance {
    fn on_event(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Booted(node) => self.open.retain(|(other, ..)| other != node),
            Fact::Node(node, Event::SessionOpened(id)) if !self.sessions.insert(*id) => {
                self.blame(entry.at, Breach::Safety, format!("{id:?} was opened once more, at {node}"));
            }
            Fact::Node(node, Event::SessionClosed(id)) if !self.sessions.remove(id) => {
                self.blame(entry.at, Breach::Safety, format!("{id:?} was closed once more, at {node}"));
            }
            Fact::Node(node, event) => {
                let Some((kind, id, opens)) = turn(event) else { return };
                let key = (*node, kind, id);
                let is_fair = if opens { self.open.insert(key) } else { self.open.remove(&key) };
                if !is_fair {
                    let what = if opens { "opened" } else { "closed" };
                    let what = format!("{kind} {id:x} of {node} was {what} once more");
                    self.blame(entry.at, Breach::Safety, what);
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, at: u64) -> Vec<Violation> {
        self.open.retain(|(node, ..)| self.drains && !self.rest.contains(node));
        for (node, kind, id) in std::mem::take(&mut self.open) {
            self.blame(
                at,
                Breach::Liveness,
                format!("{kind} {id:x} of {node} is still open after its drain"),
            );
        }
        std::mem::take(&mut self.found)
    }
}
