//! Hibernation: a group that has nothing to do sends nothing and waits for nothing.
//!
//! The leader asks every other member to sleep; one that has exactly the leader's log, all of it committed, in the
//! leader's term, stops its clock and says so. When all do, the leader stops its own. If one does not, the leader stays up
//! and its next heartbeat wakes the others. Only clocks stop: no vote, no entry and no promise is touched, so the worst
//! that a lost, doubled or late message can do is a sleeper too many, whom a heartbeat or [`Group::wake`] wakes.
//!
//! Whoever suspects a node wakes the groups that it may lead: a sleeper with a clock campaigns at once, for it has not
//! heard of its leader for long.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use openraft::ServerState;
use openraft::async_runtime::watch::WatchReceiver;

use super::Group;
use super::status::Role;
use super::types::{Position, position};
use super::wire::{Request, Response};
use crate::env::{Instant, reachable};
use crate::ids::NodeId;

/// Whether a group sleeps.
#[derive(Default)]
pub(super) struct Rest(Mutex<State>);

#[derive(Default)]
struct State {
    is_asleep: bool,
    /// When it was last woken.
    woken: Instant,
    /// Counts what kept the group awake, so that who decided to sleep notices what came in between.
    stirs: u64,
    /// Calls under way.
    busy: u32,
    /// The term in which this node hands its leadership over.
    handed_over: Option<u64>,
}

/// A call under way: while there is one, a leader does not fall asleep.
pub(super) struct Work<'a>(&'a Rest);

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.0.with(|state| state.busy -= 1);
    }
}

impl Rest {
    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// This node gives the leadership away that it has in a term.
    pub(super) fn hand_over(&self, term: u64) {
        self.with(|state| state.handed_over = Some(term));
    }

    pub(super) fn is_asleep(&self) -> bool {
        self.with(|state| state.is_asleep)
    }

    pub(super) fn woken(&self) -> Instant {
        self.with(|state| state.woken)
    }
}

impl Group {
    /// Wakes the group, if it sleeps: its clock runs again, and it campaigns soon if its leader is not heard of.
    pub fn wake(&self) {
        self.rest().with(|state| {
            state.stirs += 1;
            if state.is_asleep {
                state.is_asleep = false;
                state.woken = self.post().ground.now();
                reachable!(self.post().ground, GroupWoken);
                self.tick(true);
            }
        });
    }

    /// Begins a call, and wakes a leader for it. A follower that was asked by mistake sleeps on: awake, it would campaign.
    pub(super) fn work(&self) -> Work<'_> {
        let is_asleep = self.rest().with(|state| {
            state.stirs += 1;
            state.busy += 1;
            state.is_asleep
        });
        if is_asleep && self.status().role == Role::Leader {
            self.wake();
        }
        Work(self.rest())
    }

    /// Lets the group sleep, where this node leads it and everybody has everything. Returns whether it sleeps.
    pub async fn sleep(&self, deadline: Instant) -> bool {
        let stirs = self.rest().with(|state| state.stirs);
        let Some((term, last, others)) = self.quiet(true) else { return false };
        // It waits for another leader, and so must the others.
        if self.rest().with(|state| state.handed_over == Some(term)) {
            return false;
        }
        let patience = deadline.since(self.post().ground.now()).min(Duration::from_secs(5));
        for other in others {
            let request = Request::Sleep { term, last };
            let answer = self.post().call(other, &request, patience).await;
            if !matches!(answer, Ok(Response::Sleep { is_asleep: true })) {
                return false;
            }
        }
        self.quiet(true).is_some() && self.fall_asleep(Some(stirs))
    }

    /// A leader's request to sleep.
    pub(super) fn obey_sleep(&self, from: NodeId, term: u64, last: Option<Position>) -> bool {
        let is_its_follower = self.quiet(false).is_some_and(|(own_term, own_last, _)| {
            own_term == term && own_last == last && self.status().leadership.leader == Some(from)
        });
        is_its_follower && self.fall_asleep(None)
    }

    fn fall_asleep(&self, stirs: Option<u64>) -> bool {
        self.rest().with(|state| {
            let is_quiet = stirs.is_none_or(|stirs| stirs == state.stirs && state.busy == 0);
            if is_quiet && !state.is_asleep {
                state.is_asleep = true;
                self.tick(false);
            }
            is_quiet
        })
    }

    fn tick(&self, is_on: bool) {
        self.post().ground.enter(|| self.raft().runtime_config().tick(is_on));
    }

    /// The term, the last entry and the other members, where the node is what it is asked to be and there is nothing to do.
    fn quiet(&self, is_leader: bool) -> Option<(u64, Option<Position>, Vec<NodeId>)> {
        let metrics = self.raft().metrics();
        let metrics = metrics.borrow_watched();
        let applied = metrics.last_applied;
        let is_done = applied.map(|id| id.index) == metrics.last_log_index
            && metrics.membership_config == metrics.committed_membership_config;
        let is_right = is_leader == (metrics.state == ServerState::Leader) && metrics.running_state.is_ok();
        let have_all = metrics.replication.iter().flatten().all(|(node, matched)| {
            *node == metrics.id || matched.map(|id| id.index) == metrics.last_log_index
        });
        if !is_done || !is_right || !have_all {
            return None;
        }
        let members = metrics.membership_config.membership();
        let others = members.nodes().map(|(node, ())| *node).filter(|node| *node != metrics.id);
        Some((metrics.current_term, position(applied.as_ref()), others.collect()))
    }
}
