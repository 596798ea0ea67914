//! What the leader of a group sees to by itself: its first membership, moves, splits, sessions that nobody uses, work whose node is
//! gone, lists that changed, things past their time. And what the leader of the control group does: the next step of its
//! plan.
//!
//! Looked at once a second, and at once when the map changed or this node came to lead. Every step is a command that is
//! right to repeat, so nothing is remembered of those under way.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::council::Council;
use super::owner::Owner;
use super::passing::ENDED_IDLE;
use super::{Cluster, Inner};
use crate::control::{self, ClusterMap, Command as MapCommand, Facts, KeyChain};
use crate::env::{Either, Env, Instant, buggify, race, reachable, sometimes};
use crate::group::{Command, Reply};
use crate::ids::{NodeId, SessionId};
use crate::jsonrpc::{ErrorObject, Raw};
use crate::raft::{self, Status};

/// How often everything is looked at.
const PERIOD_MS: u64 = 1_000;
/// How long a change of members may take before it is begun again.
const MOVE_MS_MAX: u64 = 30_000;
/// How long a proposal on the map may take.
const PROPOSE_MS_MAX: u64 = 5_000;
/// How long a group waits for its first replica to give it its first membership, for each place in the list.
const FOUND_WAIT_MS: u64 = 3_000;
/// Sessions that are ended for idleness in one sweep of a group.
const IDLE_BATCH: usize = 64;
/// How often sessions are looked through, in parts of the time that one may idle.
const IDLE_LOOKS: u64 = 16;
/// How long a group is led by whoever came to lead it, before it is handed to the replica that should.
const SETTLED_MS: u64 = 10_000;
/// How long a group has nothing to do before it sleeps.
const QUIET_MS: u64 = 10_000;
/// Steps of the plan in one go.
const PLAN_STEPS_MAX: usize = 64;

impl<E: Env> Cluster<E> {
    /// Sweeps for as long as the node lives.
    pub(super) async fn sweep(self) {
        let inner = &self.0;
        let mut nudged = inner.life.nudges();
        let mut entropy = inner.env.entropy("control keys");
        loop {
            let view = inner.view();
            for owner in inner.owners_sorted() {
                self.sweep_group(&view, &owner).await;
            }
            self.come_back(&view).await;
            if let Some(council) = inner.council()
                && council.leads(inner.me.node)
            {
                self.plan(&council, &mut entropy).await;
            }
            let next = inner.env.sleep_until(inner.env.now().after_ms(PERIOD_MS));
            match race(race(nudged.changed(), next), inner.life.stopped()).await {
                Either::Left(_) => {}
                Either::Right(()) => return,
            }
        }
    }

    /// Comes back, where the map takes this node for lost.
    async fn come_back(&self, view: &ClusterMap) {
        let me = self.0.me.executor();
        // A later life in the map is one that this node began: whether it was taken was not heard.
        let lost = view.node(me.node).is_some_and(|node| {
            node.incarnation > me.incarnation
                || node.incarnation == me.incarnation && matches!(node.state, control::NodeState::Down { .. })
        });
        if lost {
            // Where it does not get through, the next sweep tries again.
            self.live_anew().await;
        }
    }

    async fn sweep_group(&self, view: &ClusterMap, owner: &Arc<Owner<E>>) {
        let inner = &self.0;
        let status = owner.group.status();
        if let Some(failure) = &status.failure
            && !inner.life.is_stopping()
        {
            // One that was let go of since this sweep began was stopped, and did not break.
            if inner.owner(owner.id).is_some_and(|held| Arc::ptr_eq(&held, owner)) {
                // Its machine or its log broke: what it would say from here on is not to be trusted.
                inner.life.fail(&format!("{} stopped: {failure}", owner.id));
            }
            return;
        }
        if status.voters.is_empty() {
            // Each replica begins later than the one before it, so that one of them does it and the others are told. Also where
            // the map moves one of them already: nobody moves before the group has a leader.
            let replicas = view.replicas(owner.id);
            let rank = replicas.iter().position(|node| *node == inner.me.node);
            let due = rank.map(|rank| owner.hosted.after_ms(FOUND_WAIT_MS * rank as u64));
            if due.is_some_and(|due| inner.env.now() >= due) {
                let voters: BTreeSet<NodeId> = replicas.iter().copied().collect();
                if let Err(error) = owner.group.found(&voters).await {
                    tracing::debug!("{} was not founded: {error}", owner.id);
                }
            }
            return;
        }
        // What a leader proposes that nobody follows comes to nothing, and would hold up all other groups until that is known.
        if owner.leading().is_none() || !status.is_confirmed {
            return;
        }
        self.carry_out_move(view, owner).await;
        self.split_off(view, owner).await;
        self.end_gone_work(view, owner).await;
        self.tell_lists_to_sessions(view, owner).await;
        self.expire(owner).await;
        self.end_idle_sessions(owner).await;
        if !self.lead_where_it_belongs(view, owner, &status) {
            self.hibernate(owner, &status);
        }
    }

    /// Hands a group to the replica that should lead it, where that one has all of the log: or a node that was there first
    /// would lead everything. True where it does so.
    fn lead_where_it_belongs(&self, view: &ClusterMap, owner: &Arc<Owner<E>>, status: &Status) -> bool {
        let inner = &self.0;
        let now = inner.env.now();
        if buggify!(inner.env, HandsOver)
            && let Some(heir) = self.heir(&owner.group, |_| true)
        {
            let owner = owner.clone();
            inner.env.spawn("hand-over", async move { owner.group.transfer(heir).await });
            return true;
        }
        // One that just came to lead may be in the middle of what others hurry to: a restart, an election.
        if view.change_of(owner.id).is_some() || now < owner.soft().since().after_ms(SETTLED_MS) {
            return false;
        }
        let is_up =
            |node: &&NodeId| view.node(**node).is_some_and(|node| node.state == control::NodeState::Up);
        let weight = |node: &&NodeId| {
            let mut key = [0; 16];
            key[..8].copy_from_slice(&owner.id.0.to_be_bytes());
            key[8..].copy_from_slice(&node.0.to_be_bytes());
            xxhash_rust::xxh3::xxh3_64(&key)
        };
        let first = view.replicas(owner.id).iter().filter(is_up).max_by_key(weight).copied();
        let Some(first) = first.filter(|node| *node != inner.me.node) else { return false };
        if status.lags.get(&first) != Some(&0) {
            return false;
        }
        reachable!(inner.env, HandedOver);
        let owner = owner.clone();
        inner.env.spawn("hand-over", async move { owner.group.transfer(first).await });
        true
    }

    /// Lets a group sleep that had nothing to do for a while: its members send nothing until it is used again, or until
    /// one of them is suspected.
    fn hibernate(&self, owner: &Arc<Owner<E>>, status: &Status) {
        let inner = &self.0;
        let quiet_ms = if buggify!(inner.env, SleepsEarly) { 0 } else { QUIET_MS };
        let quiet = owner.soft().is_quiet(status.last, inner.env.now(), quiet_ms);
        if inner.mesh.is_none() || !quiet || status.is_asleep || status.voters.len() < 2 {
            return;
        }
        let owner = owner.clone();
        let due = inner.env.now().after_ms(PERIOD_MS);
        inner.env.spawn("hibernation", async move {
            // Where a member does not agree, it is tried again.
            let sleeps = owner.group.sleep(due).await;
            sometimes!(owner.env, sleeps, GroupSlept);
        });
    }

    /// Changes the members of a group as the map says, then says so.
    async fn carry_out_move(&self, view: &ClusterMap, owner: &Arc<Owner<E>>) {
        let inner = &self.0;
        let Some(change) = view.change_of(owner.id) else { return };
        let target: BTreeSet<NodeId> = change.result(view.replicas(owner.id)).into_iter().collect();
        let (cluster, owner) = (self.clone(), owner.clone());
        if !inner.life.moves.begin(owner.id) {
            return;
        }
        inner.env.spawn("move of a replica", async move {
            let inner = &cluster.0;
            let due = inner.env.now().after_ms(MOVE_MS_MAX);
            let change_members = cluster.change_members(&owner.group, &target, due);
            // One that waits for a node which nobody wants there any more would hold up the one that is wanted instead.
            let given_up = cluster.until(|map| map.change_of(owner.id) != Some(change));
            if matches!(race(change_members, given_up).await, Either::Left(true)) {
                let done = MapCommand::FinishMove { group: owner.id, change };
                let due = inner.env.now().after_ms(PROPOSE_MS_MAX);
                // Whoever leads next finds the members as they should be, and says so again.
                let told = cluster.control(done, due).await;
                sometimes!(inner.env, told.is_ok(), ReplicaMoved);
            }
            inner.life.moves.end(owner.id);
        });
    }

    /// Changes the members of a group that this node leads. True once they are as they should be.
    ///
    /// A leader that takes itself out leaves a group without one until others notice. So it hands over before, and who leads
    /// then sees it out; where nobody is there yet who stays, it goes once somebody is.
    async fn change_members(&self, group: &raft::Group, target: &BTreeSet<NodeId>, due: Instant) -> bool {
        if group.status().is_of(target) {
            return true;
        }
        let mut next = target.clone();
        if !target.contains(&self.0.me.node) {
            if let Some(heir) = self.heir(group, |node| target.contains(&node)) {
                reachable!(self.0.env, HandedOverToLeave);
                group.transfer(heir).await;
                return false;
            }
            next.insert(self.0.me.node);
        }
        match group.change(next.clone(), BTreeSet::new(), due).await {
            Ok(()) => next == *target,
            Err(error) => {
                tracing::info!("the members of {} are not changed yet: {error}", group.id());
                false
            }
        }
    }

    /// Ends what was begun by lives of nodes that are over: nobody waits for ever.
    async fn end_gone_work(&self, view: &ClusterMap, owner: &Arc<Owner<E>>) {
        let executors = owner.kept().state.executors();
        for executor in executors {
            if view.is_executor_gone(executor.node, executor.incarnation) {
                let error = Raw::encode(&gone()).expect("an error object must encode");
                let command = Command::ExecutorGone { executor, error };
                reachable!(self.0.env, GoneWorkEnded);
                // Where it is not committed, the next sweep does it again.
                let _ = owner.propose(self.0.request_id(), command).await;
            }
        }
    }

    async fn tell_lists_to_sessions(&self, view: &ClusterMap, owner: &Arc<Owner<E>>) {
        let lists = view.lists();
        let version = lists.tools + lists.prompts + lists.resources;
        let Some(edge) = self.0.edge() else { return };
        let told = owner.kept().state.lists_version();
        if version > told {
            // Which of the lists changed since is not known here; to hear of one that did not costs a client one request.
            let notices = edge.list_notices(super::ListKinds {
                tools: lists.tools > 0,
                prompts: lists.prompts > 0,
                resources: lists.resources > 0,
            });
            let _ = owner.propose(self.0.request_id(), Command::ListsChanged { version, notices }).await;
        }
    }

    async fn expire(&self, owner: &Arc<Owner<E>>) {
        let now = self.0.env.wall();
        while owner.kept().state.next_due().is_some_and(|due| due <= now) {
            match owner.submit(self.0.request_id(), Command::Expire).await {
                Ok(Reply::Expired { more: true }) => {}
                _ => return,
            }
        }
    }

    /// Ends sessions that nobody used for long: clients mostly do not say goodbye.
    async fn end_idle_sessions(&self, owner: &Arc<Owner<E>>) {
        let inner = &self.0;
        let idle_ms_max = inner.settings.session_idle_ms_max;
        let now = inner.env.now();
        if !owner.soft().look_again(now, (idle_ms_max / IDLE_LOOKS).max(1)) {
            return;
        }
        let idle: Vec<SessionId> = {
            let kept = owner.kept();
            let mut soft = owner.soft();
            soft.retain_readers(|id, stream| kept.state.next_of(id, stream).is_some());
            soft.forget_moved(now, |id| kept.state.holds(id.slot()));
            let idle = kept.state.session_ids().filter(|id| soft.is_idle(*id, now, idle_ms_max));
            idle.take(IDLE_BATCH).collect()
        };
        for id in idle {
            inner.end_session(owner, inner.request_id(), id, ENDED_IDLE).await;
        }
    }

    /// Takes the next steps of the control group's plan.
    async fn plan(&self, council: &Council, entropy: &mut crate::env::Entropy) {
        let inner = &self.0;
        let voters = inner.view().voters().clone();
        // Before the cluster is founded the map names none, and a group without voters is no group.
        let is_other = !voters.is_empty() && !council.group.status().is_of(&voters);
        if is_other && inner.life.moves.begin(super::council::CONTROL) {
            let (cluster, council) = (self.clone(), council.clone());
            inner.env.spawn("change of voters", async move {
                let due = cluster.0.env.now().after_ms(MOVE_MS_MAX);
                let change_members = cluster.change_members(&council.group, &voters, due);
                race(change_members, cluster.until(|map| *map.voters() != voters)).await;
                cluster.0.life.moves.end(super::council::CONTROL);
            });
        }
        if inner.view().keys().is_some_and(KeyChain::is_changing) {
            let cluster = self.clone();
            inner.env.spawn("epochs", async move { cluster.ask_epochs().await });
        }
        let settings = inner.settings.plan();
        for _ in 0..PLAN_STEPS_MAX {
            let map = council.machine.lock().expect("the map must not be poisoned").map().clone();
            let seen = inner.seen_epochs(map.epoch());
            let facts = Facts { now_ms: inner.env.wall().unix_ms(), seen: &seen };
            let step = control::plan(&map, facts, &settings, entropy);
            let lost =
                || inner.lost_node(&map).map(|(node, incarnation)| MapCommand::Down { node, incarnation });
            let Some(step) = lost().or(step) else { return };
            let due = inner.env.now().after_ms(PROPOSE_MS_MAX);
            sometimes!(inner.env, matches!(step, MapCommand::MakeCurrent { .. }), KeyChanged);
            match self.control(step, due).await {
                Ok(control::Reply::Done(_) | control::Reply::Joined(..)) => {}
                Ok(control::Reply::Refused(refusal)) => {
                    tracing::debug!("a step of the plan was refused: {refusal}");
                    return;
                }
                Err(_) => return,
            }
        }
    }
}

/// What clients are told of work whose node is gone: an internal error, in JSON-RPC's numbers.
fn gone() -> ErrorObject {
    let message = "the node that carried this out is gone; whether it was done is unknown".to_owned();
    ErrorObject { code: -32603, message, data: None }
}

impl<E: Env> Inner<E> {
    /// Has everything looked at soon.
    pub(super) fn sweep_now(&self) {
        self.life.nudge();
    }
}
