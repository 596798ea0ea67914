//! What a group says about itself. For routing, for operators and for tests, never for safety.

use std::collections::{BTreeMap, BTreeSet};

use openraft::{RaftMetrics, ServerState};

use super::rest::Rest;
use super::types::Types;
use crate::env::Instant;
use crate::ids::NodeId;

/// Who leads, as this node last heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Leadership {
    /// The newest term that this node knows of.
    pub term: u64,
    /// Its leader, once it has one.
    pub leader: Option<NodeId>,
}

/// What a node is in a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It keeps a copy and has no vote.
    Learner,
    /// It votes and follows.
    Follower,
    /// It asks for votes.
    Candidate,
    /// It leads, as far as it knows.
    Leader,
    /// It has stopped.
    Stopped,
}

/// A group as one of its nodes sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// What this node is.
    pub role: Role,
    /// The newest term, and who leads it.
    pub leadership: Leadership,
    /// Why the engine stopped, where it did so by itself.
    pub failure: Option<String>,
    /// Index of the last entry of the log.
    pub last: Option<u64>,
    /// Index of the last entry that is known to be committed.
    pub committed: Option<u64>,
    /// Index of the last entry that the machine has taken.
    pub applied: Option<u64>,
    /// Index of the last entry that the snapshot covers.
    pub snapshot: Option<u64>,
    /// Who votes; in the middle of a change, of both sets.
    pub voters: BTreeSet<NodeId>,
    /// Whether a change of voters is half done: it takes a majority of each set to agree on anything.
    pub is_joint: bool,
    /// Who only keeps a copy.
    pub learners: BTreeSet<NodeId>,
    /// For a leader: how many entries each other member has still to get.
    pub lags: BTreeMap<NodeId, u64>,
    /// No messages and no timers.
    pub is_asleep: bool,
    /// For a leader: whether a majority answered it within the time that followers wait for one, or had no reason to since
    /// it sleeps. One that is cut off goes on to believe that it leads.
    pub is_confirmed: bool,
}

impl Status {
    /// Whether a node is a member of the group, with a vote or without.
    #[must_use]
    pub fn names(&self, node: NodeId) -> bool {
        self.voters.contains(&node) || self.learners.contains(&node)
    }

    /// Whether these vote and nobody else, with no change of voters half done.
    #[must_use]
    pub fn is_of(&self, voters: &BTreeSet<NodeId>) -> bool {
        self.voters == *voters && !self.is_joint
    }
}

/// `recent` says of a moment whether it is within the time that followers wait for a leader.
pub(super) fn read(metrics: &RaftMetrics<Types>, rest: &Rest, recent: impl Fn(Instant) -> bool) -> Status {
    let is_asleep = rest.is_asleep();
    let last = metrics.last_log_index;
    let members = metrics.membership_config.membership();
    let failure = metrics.running_state.as_ref().err();
    let after = |index: Option<u64>| index.map_or(0, |index| index + 1);
    let lags = metrics.replication.iter().flatten();
    let lags = lags.filter(|(node, _)| **node != metrics.id).map(|(node, matched)| {
        (*node, after(last).saturating_sub(after(matched.as_ref().map(|matched| matched.index))))
    });
    let acked = metrics.last_quorum_acked.as_ref().map(|acked| acked.0);
    Status {
        is_confirmed: is_asleep
            || members.voter_ids().count() < 2
            || recent(rest.woken())
            || acked.is_some_and(recent),
        role: match metrics.state {
            ServerState::Learner => Role::Learner,
            ServerState::Follower => Role::Follower,
            ServerState::Candidate => Role::Candidate,
            ServerState::Leader => Role::Leader,
            ServerState::Shutdown => Role::Stopped,
        },
        leadership: Leadership { term: metrics.current_term, leader: metrics.current_leader },
        failure: failure.map(ToString::to_string),
        last,
        committed: metrics.local_committed.map(|id| id.index),
        applied: metrics.last_applied.map(|id| id.index),
        snapshot: metrics.snapshot.map(|id| id.index),
        voters: members.voter_ids().collect(),
        is_joint: members.get_joint_config().len() > 1,
        learners: members.learner_ids().collect(),
        lags: lags.collect(),
        is_asleep,
    }
}
