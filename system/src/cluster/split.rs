//! More groups while the cluster serves: how a part of one group becomes another group.
//!
//! The control group's plan adds the next group when the nodes are worth it (`control::split`); which slots it takes, and
//! from which group, follows from its number (`seal::slot`). Whoever leads that *parent* carries the split out. Each step is
//! an entry of a log that is right to repeat, so a new leader begins at the first step and finds done what is done:
//!
//! 1. **Split** (map): the new group is there, with its first replicas, and is *splitting*: its slots are still the parent's.
//! 2. The new group and the control group commit something. Before both can, nothing has stopped.
//! 3. **Freeze** (parent's log): what is in the slots is taken out of the parent's state, at one point of its log, and kept
//!    as bytes. From here until 6 the slots are nobody's: whoever asks is told to look again ([`Answer::Moved`]), and asks
//!    until the map says where, or its time is up.
//! 4. **Receive**, piece by piece (new group's log).
//! 5. **Adopt** (new group's log): it is what it received, where that is whole. Its owner takes up its duties anew, as after
//!    a change of leader: to it anybody may hold a lease that the parent gave, and topics are told once more.
//! 6. **FinishSplit** (map): the slots are the new group's.
//! 7. **Shed** (parent's log): the parent drops the bytes. That it gave the slots away it never forgets: to an edge with an
//!    old map it says what it said in 3.
//!
//! Why nothing is lost or done twice: until 3 the parent alone answers for the slots, from 5 on the new group does, and in
//! between nobody. A command that was proposed to the parent before is in its log before 3, and went along with its memory
//! of requests; or behind, and was refused there. What reads without the log proves first that it leads, so it knows of a
//! freeze that was acknowledged before it was asked.
//!
//! What it costs: for the time of 3 to 6, mostly some round trips, requests for these slots wait. The part is in memory
//! once more, on the replicas of both groups: no more than half of what a snapshot of the parent takes.
//!
//! [`Answer::Moved`]: super::wire::Answer::Moved

use std::sync::Arc;

use bytes::Bytes;

use super::owner::Owner;
use super::route::Wait;
use super::wire::{Answer, Ask};
use super::{Cluster, Inner, Trouble, calls};
use crate::control::{self, ClusterMap, Command as MapCommand};
use crate::env::{Env, Instant, reachable};
use crate::group::{Command, PIECE_BYTES_MAX, digest_of_part};
use crate::ids::GroupId;
use crate::task::RequestId;

/// How long one attempt at a split may take. What it did stays done, and the next sweep goes on.
const SPLIT_MS_MAX: u64 = 30_000;

/// These commands are known by what they say, so any request id will do.
const ANY: RequestId = RequestId(0);

impl<E: Env> Cluster<E> {
    /// Sees to it that a group which this node leads gives away what is another group's by the map.
    pub(super) async fn split_off(&self, view: &ClusterMap, owner: &Arc<Owner<E>>) {
        let leaving = owner.kept().state.leaving().map(|(child, _)| *child);
        if let Some(child) = leaving.filter(|child| view.is_whole(*child)) {
            // Where it is not committed, the next sweep does it again.
            let _ = owner.propose(ANY, Command::Shed { child }).await;
        }
        let Some(child) = view.splitting_off(owner.id) else { return };
        if !self.0.life.splits.begin(child) {
            return;
        }
        let (cluster, owner) = (self.clone(), owner.clone());
        self.0.env.spawn("split", async move {
            if let Err(error) = cluster.give_to(child, &owner).await {
                tracing::info!("{child} does not split off {} yet: {error}", owner.id);
            }
            cluster.0.life.splits.end(child);
        });
    }

    /// Steps 2 to 7.
    ///
    /// # Errors
    /// [`Trouble`]: how far it came is unknown, and it can begin again.
    async fn give_to(&self, child: GroupId, owner: &Owner<E>) -> Result<(), Trouble> {
        let due = self.0.env.now().after_ms(SPLIT_MS_MAX);
        self.have_done(child, Ask::Receive { at: 0, bytes: Bytes::new() }, due).await?;
        self.decide(MapCommand::Split { group: child, replicas: Vec::new() }, due).await?;
        done(owner.propose(ANY, Command::Freeze { child }).await)?;
        let part = {
            let kept = owner.kept();
            match kept.state.leaving() {
                Some((leaving, part)) if *leaving == child => part.clone(),
                // Another leader has carried it through.
                _ => return Ok(()),
            }
        };
        for at in (0..part.len()).step_by(PIECE_BYTES_MAX) {
            let bytes = part.slice(at..part.len().min(at + PIECE_BYTES_MAX));
            self.have_done(child, Ask::Receive { at: at as u64, bytes }, due).await?;
        }
        let adopt = Ask::Adopt { len: part.len() as u64, digest: digest_of_part(&part) };
        self.have_done(child, adopt, due).await?;
        self.decide(MapCommand::FinishSplit { group: child }, due).await?;
        reachable!(self.0.env, GroupSplit);
        done(owner.propose(ANY, Command::Shed { child }).await)
    }

    /// Has the control group decide something.
    async fn decide(&self, command: MapCommand, due: Instant) -> Result<(), Trouble> {
        match self.control(command, due).await? {
            control::Reply::Done(_) => Ok(()),
            other => Err(Trouble::Refused(format!("{other:?}").into())),
        }
    }

    /// Has the owner of the new group do something.
    async fn have_done(&self, child: GroupId, ask: Ask, due: Instant) -> Result<(), Trouble> {
        done(self.ask_group(child, ask, Wait::Until(due)).await?)
    }
}

impl<E: Env> Inner<E> {
    /// Step 5, at the owner of the new group.
    pub(super) async fn adopt(&self, owner: &Owner<E>, len: u64, digest: u128) -> Answer {
        let Some(term) = owner.leading() else { return Answer::NotOwner { leader: owner.leader() } };
        owner.soft().enter(term, self.env.now());
        let answer = owner.propose(ANY, Command::Adopt { len, digest }).await;
        if matches!(answer, Answer::Done) {
            // Before it is acknowledged, so before anybody can ask for what came.
            owner.soft().begin_anew(self.env.now());
            self.topics.inherit(owner.interest());
        }
        answer
    }
}

fn done(answer: Answer) -> Result<(), Trouble> {
    if matches!(answer, Answer::Done) { Ok(()) } else { Err(calls::unexpected(answer)) }
}
