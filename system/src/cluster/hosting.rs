//! Keeping what this node runs as the map says: its seat in the control group, its replicas of data groups, the addresses
//! of the others, the keys.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::{Arc, Mutex};

use futures_util::future::try_join_all;

use super::council::{CONTROL, Council, MapMachine};
use super::kept::Kept;
use super::owner::{COMMIT_MS_MAX, Owner};
use super::service::Wires;
use super::{Cluster, Inner};
use crate::control::{ClusterMap, ListVersions, Place};
use crate::env::{Either, Env, always, buggify, flawed, race, sometimes};
use crate::event::Event;
use crate::ids::{GroupId, NodeId};
use crate::mesh::Bond;
use crate::raft::{Group, Machine, Options, StartError};
use crate::store::Scope;

/// Under which key a node keeps the map that it last saw: with it, it serves before the control group is heard.
pub(super) const MAP: &str = "map";

/// How long to wait before a group is asked again whether everything is applied.
const PAUSE_MS: u64 = 250;

/// A snapshot after so many entries, and so many that stay in the log, are early and few.
const SNAPSHOT_EARLY: (u64, u64) = (32, 4);

impl<E: Env> Cluster<E> {
    /// Follows the map for as long as the node lives.
    pub(super) async fn host(self) {
        let inner = &self.0;
        let mut epoch = inner.view.watch();
        let mut told = inner.view().lists();
        let (mut groups, mut last) = (0, inner.view());
        loop {
            let view = inner.view();
            inner.env.record(&Event::MapTaken(view.epoch()));
            let is_newer = view.epoch() >= last.epoch() && view.feature_level() >= last.feature_level();
            always!(inner.env, is_newer, "neither the map of a node nor its feature level goes back (S10)");
            inner.part_from_gone(&last, &view);
            last = view.clone();
            if let Err(error) = self.reconcile(&view).await {
                inner.life.fail(&format!("a group could not be started: {error}"));
                return;
            }
            inner.tell_lists(&view, &mut told);
            if std::mem::replace(&mut groups, view.groups_whole()) != groups {
                // Some topics have another owner now.
                inner.topics.changed();
            }
            inner.sweep_now();
            match race(epoch.changed(), inner.life.stopped()).await {
                Either::Left(Ok(())) => {}
                Either::Left(Err(_)) | Either::Right(()) => return,
            }
        }
    }

    /// Starts and stops what the map says.
    ///
    /// # Errors
    /// [`StartError`]: the disk or its content; what was started stays.
    pub(super) async fn reconcile(&self, view: &ClusterMap) -> Result<(), StartError> {
        let inner = &self.0;
        if view.cluster().is_none() {
            return Ok(());
        }
        inner.learn_addresses(view);
        if let Some(keys) = view.keys() {
            inner.keys.install(keys.ring().clone());
        }
        inner.store.put_lazily(Scope::Node, MAP, view.encode().into());
        self.reconcile_council(view).await?;
        let held: BTreeSet<GroupId> =
            view.groups().filter(|(_, place)| holds(place, inner.me.node)).map(|(id, _)| id).collect();
        self.host_more(held.iter().copied().filter(|id| inner.owner(*id).is_none())).await?;
        for owner in inner.owners_sorted().into_iter().filter(|owner| !held.contains(&owner.id)) {
            inner.owners.remove(&owner.id);
            owner.group.stop().await;
            owner.kept().wake_all();
            // It is no member any more. Should it become one again, it begins as one that knows nothing.
            if let Err(error) = inner.store.forget(owner.id).await {
                tracing::warn!("what was kept of {} could not be removed: {error}", owner.id);
            }
        }
        Ok(())
    }

    /// Starts replicas. All at once: each reads what the disk has of it, and on a slow one a node would be long in coming back.
    async fn host_more(&self, groups: impl Iterator<Item = GroupId>) -> Result<(), StartError> {
        let inner = &self.0;
        for owner in try_join_all(groups.map(|id| inner.start_group(id))).await? {
            inner.owners.insert(owner.id, owner.clone());
            let cluster = self.clone();
            inner.env.spawn("leadership", async move { cluster.follow_leader(owner).await });
        }
        Ok(())
    }

    async fn reconcile_council(&self, view: &ClusterMap) -> Result<(), StartError> {
        let inner = &self.0;
        let seated = inner.council();
        match (view.voters().contains(&inner.me.node), seated) {
            (true, None) => self.seat_council().await?,
            // A learner may be made a voter by a change that began before the map changed its mind. Had it given up its seat,
            // those that count on its vote could be too few to ever agree on anything again, that change included.
            (false, Some(council)) if !council.group.status().names(inner.me.node) => {
                *inner.council.lock().expect("the council must not be poisoned") = None;
                council.group.stop().await;
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes this node's seat in the control group.
    pub(super) async fn seat_council(&self) -> Result<(), StartError> {
        let council = start_council(&self.0).await?;
        *self.0.council.lock().expect("the council must not be poisoned") = Some(council);
        Ok(())
    }

    /// Follows who leads a group that this node holds.
    async fn follow_leader(self, owner: Arc<Owner<E>>) {
        let mut leader = owner.group.watch_leader();
        let (mut led, mut is_new) = (None, false);
        loop {
            let leads = owner.leading();
            if leads != led {
                led = leads;
                is_new = leads.is_some();
                if let Some(term) = leads {
                    owner.soft().enter(term, self.0.env.now());
                    self.0.sweep_now();
                } else {
                    // Whoever waits here must look for the new owner.
                    owner.kept().wake_all();
                    self.0.topics.changed();
                }
            }
            let taken_over = async { if is_new { self.take_over(&owner).await } else { pending().await } };
            match race(leader.changed(), taken_over).await {
                Either::Left(Ok(())) => {}
                Either::Left(Err(_)) => return,
                Either::Right(()) => is_new = false,
            }
        }
    }

    /// Sees to the sessions that a new leader finds: what changed while nobody led them, nobody may have told them. A leader may
    /// begin before it has applied what the one before it left, so it waits until it knows all of them.
    async fn take_over(&self, owner: &Owner<E>) {
        let env = &self.0.env;
        while owner.group.barrier(env.now().after_ms(COMMIT_MS_MAX)).await.is_err() {
            env.sleep_until(env.now().after_ms(PAUSE_MS)).await;
        }
        let topics = owner.interest();
        sometimes!(env, !topics.is_empty(), TopicsInherited);
        self.0.topics.inherit(topics);
    }
}

/// Whether a node runs a replica of a group: also while it becomes one, and until it ceases to be one.
fn holds(place: &Place, node: NodeId) -> bool {
    place.replicas.contains(&node) || place.change.is_some_and(|change| change.add == Some(node))
}

/// Starts this node's part in the control group.
async fn start_council<E: Env>(inner: &Arc<Inner<E>>) -> Result<Council, StartError> {
    let told = {
        let inner = Arc::downgrade(inner);
        move |map| {
            if let Some(inner) = inner.upgrade() {
                inner.view.take(map);
            }
        }
    };
    let machine = Arc::new(Mutex::new(MapMachine::new(told)));
    let group = inner.start_raft(CONTROL, machine.clone()).await?;
    Ok(Council { group, machine })
}

impl<E: Env> Inner<E> {
    pub(super) async fn start_raft(
        &self,
        group: GroupId,
        machine: Arc<Mutex<dyn Machine>>,
    ) -> Result<Group, StartError> {
        let plain = Options::new(group, self.me.node);
        let is_early = buggify!(self.env, SnapshotEarly);
        let (snapshot_after, keep_after_snapshot) =
            if is_early { SNAPSHOT_EARLY } else { (plain.snapshot_after, plain.keep_after_snapshot) };
        let options = Options {
            snapshot_after,
            keep_after_snapshot,
            timing: self.settings.timing,
            counts_unwritten: flawed!(self.env, Unwritten),
            ..plain
        };
        let network = Arc::new(Wires(self.mesh.clone()));
        Group::start(self.env.clone(), options, self.store.clone(), machine, network).await
    }

    async fn start_group(&self, id: GroupId) -> Result<Arc<Owner<E>>, StartError> {
        let kept = Kept::new(self.settings.group.clone(), self.topics.sender(), Arc::new(self.env.clone()));
        let kept = Arc::new(Mutex::new(kept));
        let group = self.start_raft(id, kept.clone()).await?;
        let owner = Owner::new(self.env.clone(), self.me.node, id, group, kept, &self.settings);
        Ok(Arc::new(owner))
    }

    fn learn_addresses(&self, view: &ClusterMap) {
        let Some(mesh) = &self.mesh else { return };
        let mut known: BTreeSet<NodeId> = BTreeSet::new();
        for (id, node) in view.nodes().iter().filter(|(id, _)| **id != self.me.node) {
            // One that leaves is needed until it has gone: it hands over what it holds, and finishes its calls.
            if node.state.has_ended() {
                mesh.forget(*id);
            } else {
                known.insert(*id);
                mesh.know(*id, node.mesh(), Bond(node.joined_with()));
            }
        }
        self.detect(known);
    }

    /// Whoever waits at a node that is counted out since the map before turns elsewhere: a detector that began anew meanwhile does
    /// not know that node to be gone.
    fn part_from_gone(&self, last: &ClusterMap, view: &ClusterMap) {
        let Some(mesh) = &self.mesh else { return };
        let is_counted_out = |id: &&NodeId| last.runs(**id) && !view.runs(**id) && **id != self.me.node;
        view.nodes().keys().filter(is_counted_out).for_each(|id| mesh.part(*id));
    }

    /// Tells the edge of lists that changed since it was told.
    fn tell_lists(&self, view: &ClusterMap, told: &mut ListVersions) {
        let now = view.lists();
        let kinds = super::ListKinds {
            tools: now.tools > told.tools,
            prompts: now.prompts > told.prompts,
            resources: now.resources > told.resources,
        };
        if let Some(edge) = self.edge()
            && kinds != super::ListKinds::default()
        {
            edge.lists_changed(kinds);
            *told = now;
        }
    }
}
