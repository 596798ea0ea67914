//! In the end nodes hold what there is, and nothing else (S12). Of sessions the groups keep as many as were opened and have not
//! ended; a request that opens or ends one and whose outcome nobody knows may have made one more, or one less. And what nodes did
//! for clients leaves nothing behind: when all are gone a process has no more tasks than its groups and its links need.

use std::collections::BTreeSet;

use switchboard::event::Event;
use switchboard::ids::SessionId;

use super::{Breach, Checker, Entry, Fact, Holding, RequestNumber, Standing, Violation};
use crate::client::{Errand, Outcome};
use crate::node::NodeId;

/// Tasks of a process without groups,
const TASKS_ALONE_MAX: usize = 64;
/// of each other node: the links to it and from it,
const TASKS_A_PEER_MAX: usize = 8;
/// and of each replica: its log, its machine, what it tells others.
const TASKS_A_REPLICA_MAX: usize = 14;

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct Census {
    tasks_max: usize,
    open: BTreeSet<SessionId>,
    /// Requests under way that open or end a session.
    asked: BTreeSet<RequestNumber>,
    /// How many of these ended in a way that leaves open what came of them.
    unknown: usize,
    found: Vec<Violation>,
}

impl Census {
    /// Of a cluster that has so many replicas in all, on so many nodes, which hold half as many again as they should at most.
    #[must_use]
    pub fn of(replicas: usize, nodes: usize) -> Self {
        let held_max = (replicas * 3).div_ceil(nodes.max(1) * 2);
        let tasks_max = TASKS_ALONE_MAX + TASKS_A_PEER_MAX * nodes + TASKS_A_REPLICA_MAX * held_max;
        Self { tasks_max, ..Self::default() }
    }

    fn blame(&mut self, at: u64, what: String) {
        let (check, breach) = ("census", Breach::Safety);
        self.found.push(Violation { check, breach, at, client: None, what });
    }

    fn count(&mut self, at: u64, node: NodeId, standing: &Standing) {
        let kept: usize = standing.groups.iter().map(|group| group.sessions).sum();
        let (open, unknown) = (self.open.len(), self.unknown + self.asked.len());
        if kept.abs_diff(open) > unknown {
            let what =
                format!("{node} says that {kept} sessions are kept; {open} are open, give or take {unknown}");
            self.blame(at, what);
        }
    }
}

impl Checker for Census {
    fn on_event(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Node(_, Event::SessionOpened(id)) => drop(self.open.insert(*id)),
            Fact::Node(_, Event::SessionClosed(id)) => drop(self.open.remove(id)),
            Fact::Sent { request, errand: Errand::Initialize | Errand::Delete, .. } => {
                self.asked.insert(*request);
            }
            Fact::Ended { request, outcome, .. } => {
                let is_in_doubt = self.asked.remove(request) && *outcome != Outcome::Ok;
                self.unknown += usize::from(is_in_doubt);
            }
            Fact::Stands(node, Some(standing)) => self.count(entry.at, *node, standing),
            Fact::Holds(node, Holding { tasks, .. }) if tasks.len() > self.tasks_max => {
                let what = format!(
                    "{node} has {} tasks with no client left, and needs {} at most",
                    tasks.len(),
                    self.tasks_max
                );
                self.blame(entry.at, what);
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}
