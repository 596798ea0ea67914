//! Finding the owner of a group, and asking until it answers or time is up.

use std::sync::Arc;

use bytes::Bytes;

use super::Inner;
use super::wire::{self, Answer, Ask, Message};
use super::{Cluster, Trouble};
use crate::env::{Env, Instant, deadline, reachable, sometimes};
use crate::ids::{GroupId, NodeId};
use crate::mesh::{Channel, MeshError};
use crate::seal::slot_of;
use crate::task::RequestId;

/// The first pause before another replica is asked; doubled up to the longest.
const PAUSE_MS_MIN: u64 = 10;
const PAUSE_MS_MAX: u64 = 250;
/// How long one node may take to answer before another is asked. Its answer may still come, and counts for nothing.
const ATTEMPT_MS_MAX: u64 = 3_500;
/// How long a question that waits for something to happen stays with one owner before it is put again. A link that dies
/// ends it sooner.
const PATIENT_MS_MAX: u64 = 600_000;
/// How long an owner that cannot be found is looked for on behalf of somebody who can wait.
const PATIENCE_MS: u64 = 15_000;

/// The slot of a topic.
pub(crate) fn slot_of_topic(uri: &str) -> u16 {
    slot_of(xxhash_rust::xxh3::xxh3_64(uri.as_bytes()))
}

/// Whose owner is to answer.
#[derive(Clone, Copy)]
enum Whom {
    /// The group that has this slot, whichever that is at the time.
    Slot(u16),
    /// This group.
    Group(GroupId),
}

/// How long somebody waits for an answer.
#[derive(Clone, Copy)]
pub(super) enum Wait {
    /// Until then, at the longest.
    Until(Instant),
    /// As long as it takes; only the search for an owner has a bound.
    Patiently,
}

impl<E: Env> Cluster<E> {
    /// Asks the owner of a slot.
    ///
    /// # Errors
    /// [`Trouble`]. After `Unknown` the ask may have been carried out.
    pub(super) async fn ask(&self, slot: u16, ask: Ask, wait: Wait) -> Result<Answer, Trouble> {
        self.search(Whom::Slot(slot), ask, wait).await
    }

    /// Asks the owner of a group.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(super) async fn ask_group(&self, group: GroupId, ask: Ask, wait: Wait) -> Result<Answer, Trouble> {
        self.search(Whom::Group(group), ask, wait).await
    }

    /// Asks who was last heard to lead, or was just said to lead (the hint: what others note meanwhile does not undo it), then each
    /// replica in turn.
    async fn search(&self, whom: Whom, mut ask: Ask, wait: Wait) -> Result<Answer, Trouble> {
        let inner = &self.0;
        let (mut asked, mut encoded, mut hint) = (None, None, None);
        let (mut pause_ms, mut turn, mut unknown) = (PAUSE_MS_MIN, 0, false);
        let mut give_up = match wait {
            Wait::Until(due) => due,
            Wait::Patiently => inner.env.now().after_ms(PATIENCE_MS),
        };
        loop {
            let Some(group) = inner.group_for(whom) else { return Err(Trouble::Unavailable) };
            if asked.replace(group) != Some(group) {
                (turn, encoded) = (0, None);
            }
            let target = inner.reads_here(group, &ask).or_else(|| hint.take());
            let target = target.or_else(|| inner.target(group, turn)).ok_or(Trouble::Unavailable)?;
            let begun = inner.env.now();
            let answer = if target == inner.me.node {
                inner.ask_here(group, ask.clone(), wait, give_up).await
            } else {
                let body = encoded.get_or_insert_with(|| Message::Ask(group, ask.clone()).encode()).clone();
                inner.ask_there(target, body, wait, give_up).await
            };
            match answer {
                Ok(Answer::NotOwner { leader }) => {
                    // A leader that says it is none, names nobody: the next replica may know more.
                    hint = leader.filter(|leader| *leader != target && inner.view().runs(*leader));
                    inner.lead(group, hint);
                    turn += usize::from(hint.is_none());
                    if hint.is_some() && pause_ms == PAUSE_MS_MIN {
                        pause_ms = PAUSE_MS_MIN + 1;
                        continue;
                    }
                }
                Ok(Answer::Unavailable) => turn += 1,
                // The next look at the map may find whose it is.
                Ok(Answer::Moved) => reachable!(inner.env, SlotsMoved),
                Ok(Answer::Unknown) => {
                    unknown = true;
                    if inner.ask_again(&mut ask) {
                        encoded = None;
                    }
                }
                Ok(answer) => {
                    inner.lead(group, Some(target));
                    sometimes!(inner.env, unknown, UnknownAskAnswered);
                    return Ok(answer);
                }
                Err(lost) => {
                    unknown |= lost;
                    if lost && inner.ask_again(&mut ask) {
                        encoded = None;
                    }
                    inner.lead(group, None);
                    turn += 1;
                }
            }
            let now = inner.env.now();
            if matches!(wait, Wait::Patiently) && now.since(begun).as_millis() > u128::from(ATTEMPT_MS_MAX) {
                // It answered for long, so this is a new search.
                give_up = now.after_ms(PATIENCE_MS);
                pause_ms = PAUSE_MS_MIN;
            }
            if now.after_ms(pause_ms) >= give_up {
                return Err(if unknown { Trouble::Unknown } else { Trouble::Unavailable });
            }
            let jitter = inner.below(pause_ms);
            inner.env.sleep_until(now.after_ms(pause_ms / 2 + jitter)).await;
            pause_ms = (pause_ms * 2).min(PAUSE_MS_MAX);
        }
    }
}

impl<E: Env> Inner<E> {
    fn group_for(&self, whom: Whom) -> Option<GroupId> {
        match whom {
            Whom::Slot(slot) => self.view().group_of(slot),
            Whom::Group(group) => Some(group),
        }
    }

    /// Whom to ask for a group: who is known to lead, then one replica after the other. One that is counted out comes last: an
    /// answer of it may be waited for until there is no time left, while the others have another leader.
    fn target(&self, group: GroupId, turn: usize) -> Option<NodeId> {
        let view = self.view();
        let runs = |node: &NodeId| view.runs(*node);
        let known = || self.leaders.get(&group).filter(runs);
        if turn == 0
            && let Some(leader) = known().or_else(|| self.owner(group)?.leader().filter(runs))
        {
            return Some(leader);
        }
        let replicas = view.replicas(group);
        let running = replicas.iter().filter(|node| runs(node)).count();
        let in_turn = || match running {
            0 => replicas.get(turn % replicas.len().max(1)),
            _ => replicas.iter().filter(|node| runs(node)).nth(turn % running),
        };
        known().or_else(|| in_turn().copied())
    }

    /// Notes who leads a group.
    fn lead(&self, group: GroupId, leader: Option<NodeId>) {
        match leader {
            Some(leader) => drop(self.leaders.insert(group, leader)),
            None => drop(self.leaders.remove(&group)),
        }
    }

    /// Asks this node. `Err` says whether the ask may have been carried out.
    async fn ask_here(
        self: &Arc<Self>,
        group: GroupId,
        ask: Ask,
        wait: Wait,
        give_up: Instant,
    ) -> Result<Answer, bool> {
        let Some(owner) = self.owner(group) else { return Ok(Answer::NotOwner { leader: None }) };
        match wait {
            Wait::Patiently => Ok(self.answer(&owner, self.me.node, ask).await),
            Wait::Until(_) => {
                let due = give_up.min(self.env.now().after_ms(ATTEMPT_MS_MAX));
                deadline(&self.env, due, self.answer(&owner, self.me.node, ask)).await.map_err(|_| true)
            }
        }
    }

    async fn ask_there(
        &self,
        target: NodeId,
        body: Bytes,
        wait: Wait,
        give_up: Instant,
    ) -> Result<Answer, bool> {
        let Some(mesh) = &self.mesh else { return Err(false) };
        let now = self.env.now();
        let answer = match wait {
            Wait::Patiently => {
                let due = now.after_ms(PATIENT_MS_MAX + self.below(PATIENT_MS_MAX / 4));
                mesh.request_patiently(target, Channel::Traffic, body, due).await
            }
            Wait::Until(_) => {
                let due = give_up.min(now.after_ms(ATTEMPT_MS_MAX));
                mesh.request(target, Channel::Traffic, body, due).await
            }
        };
        match answer {
            Ok(bytes) => wire::decode(&bytes).map_err(|_| true),
            Err(MeshError::Unreachable | MeshError::Overloaded | MeshError::TooLarge) => Err(false),
            Err(error) => {
                sometimes!(self.env, error == MeshError::Broken, LinkBrokeUnderway);
                Err(true)
            }
        }
    }

    /// A request id: 128 random bits.
    pub(super) fn request_id(&self) -> RequestId {
        RequestId(self.random.lock().expect("entropy must not be poisoned").next_u128())
    }

    /// A random number below a bound.
    pub(super) fn below(&self, bound: u64) -> u64 {
        self.random.lock().expect("entropy must not be poisoned").below(bound.max(1))
    }
}
