//! What an owner does for the nodes around it before it answers, and what nodes pass on to each other: ends of sessions,
//! cancellations, answers, messages of channels.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;

use super::owner::{LEASE_MS, Owner};
use super::wire::{self, Answer, Ask, EdgeAsk, Message, question_home};
use super::{Cluster, Inner, Trouble};
use crate::env::{Env, Instant, flawed, reachable};
use crate::group::Command;
use crate::ids::{Executor, NodeId, SessionId};
use crate::jsonrpc::{Id, answer_message};
use crate::mesh::Channel;
use crate::seal::Principal;
use crate::task::RequestId;

/// Why a session ended, in the group's log.
pub(super) const ENDED_BY_CLIENT: u8 = 1;
/// See [`ENDED_BY_CLIENT`].
pub(super) const ENDED_IDLE: u8 = 2;

/// How long a node may take to hear of something that is told once.
const TELL_MS_MAX: u64 = 1_000;
/// How long before a node that did not hear is told again.
const TELL_PAUSE_MS: u64 = 100;

impl<E: Env> Inner<E> {
    /// Answers an ask as the owner, with what it means for other nodes. What takes more than a look at the state is boxed:
    /// readers wait here in tens of thousands.
    pub(super) async fn answer(self: &Arc<Self>, owner: &Arc<Owner<E>>, from: NodeId, ask: Ask) -> Answer {
        match ask {
            Ask::Open { .. } => self.lent(from, owner.serve(from, ask).await),
            Ask::Attach { holder, .. } => self.lent(holder, owner.serve(from, ask).await),
            Ask::End { request, id } => Box::pin(self.end_session(owner, request, id, ENDED_BY_CLIENT)).await,
            Ask::Adopt { len, digest } => Box::pin(self.adopt(owner, len, digest)).await,
            Ask::Cancel { id, .. } | Ask::CloseReader { id, .. } if !owner.kept().state.holds(id.slot()) => {
                Answer::Moved
            }
            Ask::Cancel { id, ref call } => {
                if let Some(answer) = owner.turn_away(&ask) {
                    return answer;
                }
                let told = EdgeAsk::Cancel { id, call: call.clone() };
                // An owner of the past knows only who asked it.
                if let Err(answer) = owner.barrier().await {
                    return answer;
                }
                let holders = self.holders(owner, id).into_iter().map(|(node, _)| node);
                // Acknowledged once all have heard that serve the session and are there.
                match Box::pin(self.tell(holders, &told)).await {
                    true => Answer::Done,
                    false => Answer::Unknown,
                }
            }
            Ask::SetLogLevel { id, .. } => {
                let answer = owner.serve(from, ask).await;
                if matches!(answer, Answer::Done) {
                    let holders = self.holders(owner, id).into_iter().map(|(node, _)| node);
                    // Told, not waited for: a node that does not hear goes on with the old level until its lease ends.
                    Box::pin(self.tell(holders.filter(|node| *node != from), &EdgeAsk::Changed { id })).await;
                }
                answer
            }
            Ask::Subscribe { ref uri, on: true, .. } => {
                let uri = uri.clone();
                let answer = owner.serve(from, ask).await;
                if !matches!(answer, Answer::Done) {
                    return answer;
                }
                // Acknowledged once changes are heard here, so that none behind the acknowledgement is missed (S8).
                let cluster = Cluster(self.clone());
                match Box::pin(cluster.heard(&uri, self.env.now().after_ms(TELL_MS_MAX * 2))).await {
                    Ok(()) => answer,
                    Err(_) => Answer::Unavailable,
                }
            }
            other => owner.serve(from, other).await,
        }
    }

    /// A node that counts as gone is lent nothing, and asks before each use: an owner that follows this one tells of ends those
    /// nodes alone that run.
    fn lent(&self, holder: NodeId, mut answer: Answer) -> Answer {
        if let Answer::Attached { lease_ms, .. } = &mut answer
            && !self.view().runs(holder)
        {
            reachable!(self.env, LentNothing);
            *lease_ms = 0;
        }
        answer
    }

    /// Ends a session, and answers once no node serves it any more: each that might has said so, or its lease is over.
    pub(super) async fn end_session(
        self: &Arc<Self>,
        owner: &Arc<Owner<E>>,
        request: RequestId,
        id: SessionId,
        reason: u8,
    ) -> Answer {
        let Some(term) = owner.leading() else { return Answer::NotOwner { leader: owner.leader() } };
        owner.soft().enter(term, self.env.now());
        let answer = owner.propose(request, Command::End { id, reason }).await;
        if !matches!(answer, Answer::Done | Answer::NoSession) {
            return answer;
        }
        let holders = self.holders(owner, id);
        let told = holders.into_iter().map(|(node, until)| self.tell_ended(node, id, until));
        join_all(told).await;
        owner.soft().forget(id);
        answer
    }

    /// Nodes that may serve a session now, each with when its lease ends or ended. An owner that is new does not know to whom the one
    /// before gave a lease, and one that stood still not who went on without: for as long as that matters it may be anybody.
    fn holders(&self, owner: &Owner<E>, id: SessionId) -> Vec<(NodeId, Instant)> {
        let (now, grace_ms) = (self.env.now(), self.settings.session_grace_ms);
        let mut soft = owner.soft();
        let known = soft.holders(id, now, grace_ms);
        let since = soft.since().max(self.stood_still());
        if now >= since.after_ms(LEASE_MS + grace_ms) {
            return known;
        }
        reachable!(self.env, EndedUnderNewOwner);
        let (view, until) = (self.view(), since.after_ms(LEASE_MS));
        let running = view.nodes().iter().filter(|(_, node)| node.state.is_running()).map(|(id, _)| *id);
        // One that stood still is counted out, and may go on with what it was lent.
        let mut holders: BTreeMap<NodeId, Instant> = running.map(|node| (node, until)).collect();
        for (node, own) in known {
            holders.entry(node).and_modify(|until| *until = own.max(*until)).or_insert(own);
        }
        holders.into_iter().collect()
    }

    /// Tells a node that a session ended, until it has heard or its lease is over. One whose lease is over is told for a moment: it
    /// may serve the session in its grace, though it can be reached again.
    async fn tell_ended(&self, node: NodeId, id: SessionId, until: Instant) {
        let ask = EdgeAsk::Ended { id };
        let until = until.max(self.env.now().after_ms(TELL_MS_MAX));
        loop {
            let due = until.min(self.env.now().after_ms(TELL_MS_MAX));
            if self.tell_one(node, &ask, due).await || self.env.now() >= until {
                return;
            }
            reachable!(self.env, EndToldAgain);
            let pause = self.env.now().after_ms(TELL_PAUSE_MS).min(until);
            self.env.sleep_until(pause).await;
        }
    }

    /// Tells nodes something, once; true where all have heard that are not counted out.
    async fn tell(&self, nodes: impl Iterator<Item = NodeId>, ask: &EdgeAsk) -> bool {
        let due = self.env.now().after_ms(TELL_MS_MAX);
        let told =
            nodes.map(|node| async move { self.tell_one(node, ask, due).await || !self.view().runs(node) });
        join_all(told).await.into_iter().all(|is_well| is_well)
    }

    /// Tells a node something; true once it has heard.
    async fn tell_one(&self, node: NodeId, ask: &EdgeAsk, due: Instant) -> bool {
        if node == self.me.node {
            return self.hear(ask.clone());
        }
        let Some(mesh) = &self.mesh else { return false };
        let body = Message::Edge(ask.clone()).encode();
        match mesh.request(node, Channel::Traffic, body, due).await {
            Ok(bytes) => wire::decode(&bytes).unwrap_or(false),
            Err(_) => false,
        }
    }

    /// Hears what another node, or this one, tells.
    pub(super) fn hear(&self, ask: EdgeAsk) -> bool {
        let Some(edge) = self.edge() else { return true };
        match ask {
            EdgeAsk::Ended { .. } if flawed!(self.env, GhostSession) => {}
            EdgeAsk::Ended { id } => edge.session_ended(id),
            EdgeAsk::Changed { id } => edge.session_changed(id),
            EdgeAsk::Cancel { id, call } => edge.cancel(id, &call),
            EdgeAsk::Answered { id, answer } => edge.answered(id, &answer),
            EdgeAsk::Channel { id, principal, message } => {
                return edge.channel_message(id, principal, &message);
            }
        }
        true
    }
}

impl<E: Env> Cluster<E> {
    /// The node at which an answer is waited for, where that is not this one.
    pub(crate) fn question_elsewhere(&self, id: &Id) -> Option<Executor> {
        let Id::Text(text) = id else { return None };
        let (node, incarnation) = question_home(text)?;
        let home = Executor { node, incarnation };
        (!self.0.me.is(home)).then_some(home)
    }

    /// Passes an answer on to the node where it is waited for. A process that was counted out comes back as another life, and
    /// still waits for what it asked before: it is given until `due` to do so. Where it does not, nobody waits any more.
    ///
    /// # Errors
    /// [`Trouble::Unknown`] when that node could not be told in time, and may still wait.
    pub(crate) async fn pass_answer(
        &self,
        home: Executor,
        id: SessionId,
        answer: &crate::jsonrpc::Answer,
        due: Instant,
    ) -> Result<(), Trouble> {
        let ask = EdgeAsk::Answered { id, answer: answer_message(answer) };
        let env = &self.0.env;
        while !self.0.tell_one(home.node, &ask, due).await {
            let again = env.now().after_ms(TELL_PAUSE_MS);
            if again >= due {
                let view = self.0.view();
                // One that is up and was not reached may have lived anew, and still wait; and where most seem to be gone, it is this
                // node that is, with a map of the past.
                let is_cut_off = !self.0.sees_majority(&view.nodes().keys().copied().collect());
                let is_gone = !view.runs(home.node) && view.is_executor_gone(home.node, home.incarnation);
                let is_over = is_gone && !is_cut_off;
                return if is_over { Ok(()) } else { Err(Trouble::Unknown) };
            }
            env.sleep_until(again).await;
        }
        reachable!(env, AnswerPassedOn);
        Ok(())
    }

    /// Passes a message of a client on to the node that holds its channel.
    ///
    /// # Errors
    /// [`Trouble::NoSession`] where that node has no such channel, or cannot be reached.
    pub(crate) async fn pass_to_channel(
        &self,
        node: NodeId,
        id: SessionId,
        principal: Principal,
        message: Bytes,
        due: Instant,
    ) -> Result<(), Trouble> {
        let ask = EdgeAsk::Channel { id, principal, message };
        if self.0.tell_one(node, &ask, due).await { Ok(()) } else { Err(Trouble::NoSession) }
    }
}
