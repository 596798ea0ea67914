//! The proof that a leader still led when a read began, by what its members promised.
//!
//! The engine has one of its own: a heartbeat through every member's log. A read here asks no log. It asks as many members
//! as it takes for a majority, which newest term they promised anything to; they answer without their engine, and a group
//! that sleeps sleeps on.
//!
//! Why that is enough (ReadIndex, Raft dissertation 6.4, with promises in the place of heartbeats): a later leader needs the
//! promises of a majority before it is one. Where a majority says, after the read began, that it made none, nobody was a
//! later leader when the read began, and whatever was acknowledged until then was so by this leader or by earlier ones.
//! This one acknowledges what its machine took; what earlier ones acknowledged lies in the log before this one's first
//! entry, so the machine must have taken an entry of this one's own term.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt;
use futures_util::stream::{FuturesUnordered, Stream};
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{LinearizableReadError, RaftError};
use openraft::{ReadPolicy, ServerState};

use super::Group;
use super::wire::{Request, Response};
use crate::env::{Either, Instant, buggify, race};
use crate::ids::NodeId;

/// A read cannot be answered now.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BarrierError {
    /// Another node leads.
    #[error("another node leads")]
    NotLeader {
        /// Who, as far as is known.
        leader: Option<NodeId>,
    },
    /// No majority confirmed the leader in time, or the group has stopped.
    #[error("no majority answers")]
    Unavailable,
}

/// The newest term that a member promised anything to, as seen before the promise is on the disk: nobody hears of a promise
/// that is not counted here.
#[derive(Clone, Debug)]
pub(super) struct Promised(Arc<AtomicU64>);

/// No member promised anything to it.
const NO_TERM: u64 = 0;

impl Promised {
    pub(super) fn new(term: Option<u64>) -> Self {
        Self(Arc::new(AtomicU64::new(term.unwrap_or(NO_TERM))))
    }

    pub(super) fn promise(&self, term: u64) {
        self.0.fetch_max(term, Ordering::AcqRel);
    }

    /// `None` for a member that promised nothing yet. It may have forgotten what it once did: it proves nothing.
    pub(super) fn term(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Acquire)).filter(|term| *term != NO_TERM)
    }
}

/// What a member's proofs hang on, beside the engine.
pub(super) struct Proofs {
    pub(super) promised: Promised,
    /// The member that last kept a read waiting.
    slow: AtomicU64,
}

/// No node has this id.
const NOBODY: u64 = u64::MAX;

impl Proofs {
    pub(super) fn new(promised: Promised) -> Self {
        Self { promised, slow: AtomicU64::new(NOBODY) }
    }
}

/// What is to be proven: that this node leads in a term, to a majority of each set of voters.
struct Claim {
    term: u64,
    sets: Vec<BTreeSet<NodeId>>,
    sure: BTreeSet<NodeId>,
}

impl Claim {
    fn is_proven(&self) -> bool {
        self.would_be_proven(&[])
    }

    fn would_be_proven(&self, by: &[NodeId]) -> bool {
        self.sets.iter().all(|set| {
            let sure = set.iter().filter(|voter| self.sure.contains(voter) || by.contains(voter));
            sure.count() > set.len() / 2
        })
    }

    /// Everybody else who votes; who kept a read waiting comes last.
    fn others(&self, me: NodeId, slow: NodeId) -> Vec<NodeId> {
        let voters: BTreeSet<NodeId> = self.sets.iter().flatten().copied().collect();
        let mut others: Vec<NodeId> = voters.into_iter().filter(|voter| *voter != me).collect();
        others.sort_by_key(|voter| *voter == slow);
        others
    }

    /// Whether the answers prove it: who answered, and the newest term that it promised anything to, if it said so. `None`
    /// where all answered and it is still open.
    async fn verdict(
        &mut self,
        answers: &mut (impl Stream<Item = (NodeId, Option<u64>)> + Unpin),
    ) -> Option<bool> {
        while !self.is_proven() {
            match answers.next().await? {
                (_, Some(term)) if term > self.term => return Some(false),
                (member, Some(_)) => drop(self.sure.insert(member)),
                (_, None) => {}
            }
        }
        Some(true)
    }
}

impl Group {
    /// Returns once a read of this node's machine sees everything that was acknowledged anywhere before the call.
    ///
    /// # Errors
    /// [`BarrierError`]: the machine may be behind.
    pub async fn barrier(&self, deadline: Instant) -> Result<(), BarrierError> {
        let ground = &self.post().ground;
        let soon = ground.now().after_ms(self.options().timing.heartbeat_ms / 2).min(deadline);
        if !buggify!(ground, ProofByEngine) && Box::pin(self.is_proven(soon)).await {
            return Ok(());
        }
        // What the members do not prove, the engine finds out: it wakes who sleeps, and hears of a later term.
        let _work = self.work();
        let read = self.raft().ensure_linearizable(ReadPolicy::ReadIndex);
        match ground.run_until(deadline, read).await {
            Some(Ok(_)) => Ok(()),
            Some(Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(to)))) => {
                Err(BarrierError::NotLeader { leader: to.leader_id })
            }
            Some(Err(_)) | None => Err(BarrierError::Unavailable),
        }
    }

    /// Whether a read that begins now may be answered by this node's machine, as its members say. False proves nothing:
    /// they were not reached by `due`, or this leader is young, or was deposed.
    async fn is_proven(&self, due: Instant) -> bool {
        let Some(mut claim) = self.claim() else { return false };
        let ground = &self.post().ground;
        let slow = &self.proofs().slow;
        let others = claim.others(self.options().node, NodeId(slow.load(Ordering::Relaxed)));
        // As few as can be, at first: the answers of more would only be thrown away.
        let fewest = (0..=others.len()).find(|count| claim.would_be_proven(&others[..*count]));
        let (first, rest) = others.split_at(fewest.unwrap_or(others.len()));
        let soon = ground.now().after_ms(self.options().timing.heartbeat_ms / 10).min(due);
        let mut answers = FuturesUnordered::new();
        for (members, until) in [(first, soon), (rest, due)] {
            answers.extend(members.iter().map(|member| self.ask_promise(*member, due)));
            if let Either::Left(Some(verdict)) =
                race(claim.verdict(&mut answers), ground.sleep_until(until)).await
            {
                return verdict;
            }
            if let Some(silent) = members.iter().rfind(|member| !claim.sure.contains(member)) {
                slow.store(silent.0, Ordering::Relaxed);
            }
        }
        false
    }

    fn claim(&self) -> Option<Claim> {
        let metrics = self.raft().metrics();
        let metrics = metrics.borrow_watched();
        let term = metrics.current_term;
        let leads = metrics.state == ServerState::Leader && metrics.running_state.is_ok();
        let has_own = metrics.last_applied.is_some_and(|id| id.leader_id.term == term);
        if !leads || !has_own || self.proofs().promised.term() != Some(term) {
            return None;
        }
        let sets = metrics.membership_config.membership().get_joint_config().clone();
        let sure = BTreeSet::from([self.options().node]);
        (!sets.is_empty()).then_some(Claim { term, sets, sure })
    }

    async fn ask_promise(&self, member: NodeId, due: Instant) -> (NodeId, Option<u64>) {
        let patience = due.since(self.post().ground.now());
        let term = match self.post().call(member, &Request::Promised, patience).await {
            Ok(Response::Promised { term }) => Some(term),
            _ => None,
        };
        (member, term)
    }
}
