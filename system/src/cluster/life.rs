//! Becoming a member, being one, and ceasing to be one.
//!
//! Each life of a node has a number that is larger than any before, and is written down before it begins. A node that lost
//! its disk has no identity, and so comes as another node; an id is never used again.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::enter::{
    Written, card, check_name, enter, identity, joins_with, read_identity, read_map, start_mesh,
    write_identity,
};
use super::pulse::Pulse;
use super::service::Port;
use super::settings::{GROUPS_ALONE, Settings};
use super::wire::{self, ControlAnswer, ControlAsk};
use super::{Cluster, Inner, Trouble, detecting, topics, view};
use crate::control::{ClusterMap, Command, Fresh, Refusal, Reply, Stamped};
use crate::env::{Either, Entropy, Env, Instant, Task as _, always, deadline, race, reachable};
use crate::event::Event;
use crate::ids::{ClusterId, Executor, GroupId, Incarnation, NodeId};
use crate::mesh::{APPLICANT, Mesh};
use crate::raft::StartError;
use crate::seal::{Keys, Ring};
use crate::store::{Failed, OpenError, Store, StoreOptions};
use crate::table::Table;
use crate::watch;

/// How long a node that is alone may take until all of its groups can commit.
const READY_MS_MAX: u64 = 30_000;
/// How long a proposal on the map may take.
const PROPOSE_MS_MAX: u64 = 5_000;
const PAUSE_MS: u64 = 200;
/// How long a node waits for leaders of its groups before it takes requests without: most need none.
const SETTLE_MS_MAX: u64 = 30_000;
/// How long a duty that broke rests before it begins again.
const RESTART_MS_MIN: u64 = 100;
const RESTART_MS_MAX: u64 = 30_000;

/// Why a node did not become a member. Nothing is served; what was written of its identity stays, and is used next time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    /// The file of the state directory could not be opened.
    #[error("cannot open the state: {0}")]
    Open(#[from] OpenError),
    /// The file could not be read or written.
    #[error("cannot keep the state: {0}")]
    Store(#[from] Failed),
    /// A group could not be started.
    #[error("cannot start a group: {0}")]
    Group(#[from] StartError),
    /// Other nodes cannot be listened for.
    #[error("cannot listen for other nodes at {0}: {1}")]
    Listen(std::net::SocketAddr, std::io::Error),
    /// The state directory is of another cluster, or of a node that left.
    #[error("{0}")]
    Foreign(String),
    /// No seed let this node in.
    #[error("none of the seeds let this node into cluster {0:?} within {1} s; the last one said: {2}")]
    NoSeed(String, u64, String),
    /// The groups did not come to commit.
    #[error("the groups of this node do not commit: {0}")]
    NotReady(&'static str),
}

/// What ends a node's part, and what wakes its duties.
pub(super) struct Life {
    stop: watch::Sender<bool>,
    nudge: watch::Sender<u64>,
    failure: watch::Sender<Option<Arc<str>>>,
    /// Groups whose members are being changed.
    pub(super) moves: UnderWay,
    /// New groups that are being split off.
    pub(super) splits: UnderWay,
    /// How often a duty panicked.
    broken: AtomicU64,
    begun: Instant,
    /// Whether all groups of this node have had a leader.
    settled: AtomicBool,
}

impl Life {
    fn new(now: Instant) -> Self {
        Self {
            stop: watch::channel(false).0,
            nudge: watch::channel(0).0,
            failure: watch::channel(None).0,
            moves: UnderWay::default(),
            splits: UnderWay::default(),
            broken: AtomicU64::new(0),
            begun: now,
            settled: AtomicBool::new(false),
        }
    }

    /// Waits until the member stops.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stop = self.stop.subscribe();
        async move {
            // An error would mean that the member itself is gone.
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }

    /// Whether the member stops, or has stopped.
    pub(super) fn is_stopping(&self) -> bool {
        *self.stop.subscribe().borrow()
    }

    /// How often a duty of this node panicked and was begun again.
    pub(super) fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }

    /// Has duties looked at soon.
    pub(super) fn nudge(&self) {
        self.nudge.send_modify(|count| *count += 1);
    }

    pub(super) fn nudges(&self) -> watch::Receiver<u64> {
        self.nudge.subscribe()
    }

    /// The node must stop, and why: the first cause stands.
    pub(super) fn fail(&self, cause: &str) {
        tracing::error!("this node must stop: {cause}");
        self.failure.send_if_modified(|failure| {
            let first = failure.is_none();
            if first {
                *failure = Some(cause.into());
            }
            first
        });
    }
}

/// Groups with which something is being done that is not to be begun twice.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<BTreeSet<GroupId>>);

impl UnderWay {
    /// Begins it with a group. False where that is under way.
    pub(super) fn begin(&self, group: GroupId) -> bool {
        self.0.lock().expect("what is under way must not be poisoned").insert(group)
    }

    /// Ends what [`begin`](Self::begin) began.
    pub(super) fn end(&self, group: GroupId) {
        self.0.lock().expect("what is under way must not be poisoned").remove(&group);
    }
}

impl<E: Env> Cluster<E> {
    /// Becomes a member: of a cluster of one, of one that this node founds, or of one that its seeds know.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub(crate) async fn start(env: E, settings: Settings) -> Result<Self, ClusterError> {
        let store = Store::open(&env, settings.state_dir.as_deref(), StoreOptions::default()).await?;
        let mut random = env.entropy("cluster");
        let before = read_identity(&store).await?;
        let port = Arc::new(Port::new());
        let next =
            before.map(|before| Written { incarnation: Incarnation(before.incarnation.0 + 1), ..before });
        let mesh = match &settings.cluster {
            Some(config) => Some(start_mesh(&env, config, next, port.clone()).await?),
            None => None,
        };
        let written = match next {
            Some(known) if known.node != APPLICANT => known,
            unfinished => {
                let nonce = unfinished.map_or_else(|| random.next_u128(), |unfinished| unfinished.nonce);
                enter(&env, &settings, &store, mesh.as_ref(), nonce).await?
            }
        };
        write_identity(&store, written).await?;
        if let (Some(mesh), Some(config)) = (&mesh, &settings.cluster) {
            mesh.identify(identity(config, written));
        }
        let map = read_map(&store).await?;
        check_name(&settings, written, &map)?;
        let cluster = Self::assemble(env, settings, (store, mesh), (written, map), random);
        port.connect(Arc::downgrade(&cluster.0));
        cluster.0.env.record(&Event::LifeBegan(cluster.me()));
        cluster.take_part(written).await?;
        Ok(cluster)
    }

    fn assemble(
        env: E,
        settings: Settings,
        (store, mesh): (Store, Option<Mesh<E>>),
        (written, map): (Written, ClusterMap),
        mut random: Entropy,
    ) -> Self {
        let me = Executor { node: written.node, incarnation: written.incarnation };
        // Until the map brings the cluster's own, nothing is sealed or opened.
        let ring = map
            .keys()
            .map_or_else(|| Ring::generate(&mut env.entropy("no keys")), |keys| keys.ring().clone());
        let hash_key = env.hash_key();
        let detecting = detecting::Detecting::new(&env, me, settings.detector.clone());
        Self(Arc::new(Inner {
            keys: Arc::new(Keys::new(ring, env.entropy("nonces"))),
            settings,
            me: super::Me::new(me),
            mesh,
            store,
            view: view::View::new(map),
            council: Mutex::default(),
            owners: Table::new(random.next_u64() ^ hash_key),
            leaders: Table::new(random.next_u64() ^ hash_key),
            edge: OnceLock::new(),
            topics: topics::Topics::new(),
            random: Mutex::new(random),
            epochs: Mutex::default(),
            detecting: Mutex::new(detecting),
            asks: wire::question_prefix(me.node, me.incarnation).into(),
            life: Life::new(env.now()),
            pulse: Pulse::default(),
            env,
        }))
    }

    /// Starts what the node holds, and everything that a member does by itself.
    async fn take_part(&self, written: Written) -> Result<(), ClusterError> {
        let inner = &self.0;
        if written.founds || inner.view().voters().contains(&written.node) {
            self.take_seat(written).await?;
        }
        let view = inner.view();
        self.reconcile(&view).await?;
        self.supervise("host", Self::host);
        self.supervise("sweep", Self::sweep);
        self.supervise("topics", Self::follow_topics);
        self.supervise("store", Self::watch_store);
        if inner.mesh.is_some() {
            self.supervise("map", |cluster| cluster.until_stopped(Self::follow_map));
            self.supervise("pulse", |cluster| cluster.until_stopped(Self::beat));
            self.supervise("detector", Self::detect_forever);
        }
        self.supervise("introduction", move |cluster| {
            cluster.until_stopped(move |cluster| cluster.introduce(written))
        });
        if inner.mesh.is_none() {
            return self.wait_until_ready().await;
        }
        Ok(())
    }

    /// Runs a duty of the member. Should it panic, that is logged and counted, and it begins again after a while, longer each
    /// time: the other duties, and the clients, go on. What is kept is guarded elsewhere: a group whose machine broke stops.
    fn supervise<F>(&self, name: &'static str, duty: impl Fn(Self) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (cluster, env) = (self.clone(), self.0.env.clone());
        self.0.env.spawn(name, async move {
            let mut pause_ms = RESTART_MS_MIN;
            while let Err(panicked) = env.spawn(name, duty(cluster.clone())).join().await {
                tracing::error!("the duty {name:?} broke and begins again in {pause_ms} ms: {panicked}");
                cluster.0.life.broken.fetch_add(1, Ordering::Relaxed);
                let pause = env.sleep_until(env.now().after_ms(pause_ms));
                if let Either::Right(()) = race(pause, cluster.0.life.stopped()).await {
                    return;
                }
                pause_ms = (pause_ms * 2).min(RESTART_MS_MAX);
            }
        });
    }

    /// A duty that may be cut off at any point, and is when the member stops.
    async fn until_stopped<F: Future<Output = ()>>(self, duty: impl FnOnce(Self) -> F) {
        let cluster = self.clone();
        race(duty(self), cluster.0.life.stopped()).await;
    }

    /// Takes a seat in the control group from the first moment: of a cluster that this node founds, or that it voted in
    /// before.
    async fn take_seat(&self, written: Written) -> Result<(), ClusterError> {
        let inner = &self.0;
        self.seat_council().await?;
        if !written.founds || inner.view().cluster().is_some() {
            return Ok(());
        }
        let Some(council) = inner.council() else { return Ok(()) };
        if let Err(error) = council.group.found(&BTreeSet::from([written.node])).await {
            return Err(ClusterError::Foreign(format!("the control group cannot be founded: {error}")));
        }
        Ok(())
    }

    /// Tells the control group of this life of the node, for as long as it takes: whoever does not know it is not asked.
    async fn introduce(self, written: Written) {
        let inner = &self.0;
        let card = card(&inner.settings);
        loop {
            let founded = inner.view().cluster().is_some();
            let command = if written.founds && !founded {
                let groups = inner.settings.cluster.as_ref().map_or(GROUPS_ALONE, |config| config.groups);
                let mut secret = [0; 32];
                inner.random.lock().expect("entropy must not be poisoned").fill(&mut secret);
                Command::Found {
                    cluster: ClusterId(written.nonce),
                    card: card.clone(),
                    incarnation: written.incarnation,
                    nonce: joins_with(&inner.settings, written.nonce),
                    groups,
                    key: Fresh(secret),
                }
            } else {
                Command::Boot { node: written.node, incarnation: written.incarnation, card: card.clone() }
            };
            let due = inner.env.now().after_ms(PROPOSE_MS_MAX);
            let proposed = if written.founds && !founded {
                self.propose_here(command, due).await
            } else {
                self.control(command, due).await
            };
            match proposed {
                Ok(Reply::Done(_) | Reply::Joined(..)) => return inner.sweep_now(),
                // Another proposal of the same was there first, before a restart.
                Ok(Reply::Refused(Refusal::Founded)) => {}
                Ok(Reply::Refused(refusal @ (Refusal::HasLeft | Refusal::NoNode))) => {
                    return inner
                        .life
                        .fail(&format!("{refusal}: to come back as a new node, remove the state directory"));
                }
                Ok(Reply::Refused(refusal)) => {
                    tracing::warn!("the control group refuses this node: {refusal}");
                }
                Err(_) => {}
            }
            inner.env.sleep_until(inner.env.now().after_ms(PAUSE_MS)).await;
        }
    }

    /// Goes on as another life of this node: the control group took it for lost, and what it had begun was given up.
    pub(super) async fn live_anew(&self) {
        let inner = &self.0;
        let next = Executor { node: inner.me.node, incarnation: self.next_life() };
        let boot =
            Command::Boot { node: next.node, incarnation: next.incarnation, card: card(&inner.settings) };
        let Ok(Some(written)) = read_identity(&inner.store).await else { return };
        let written = Written { incarnation: next.incarnation, ..written };
        if write_identity(&inner.store, written).await.is_err() {
            return;
        }
        let due = inner.env.now().after_ms(PROPOSE_MS_MAX);
        if let Ok(Reply::Done(_)) = self.control(boot, due).await {
            let is_later = next.incarnation > inner.me.executor().incarnation;
            always!(inner.env, is_later, "each life of a node is later than the one before (S10)");
            inner.me.now.store(next.incarnation.0, Ordering::Release);
            inner.env.record(&Event::LifeBegan(next));
            reachable!(inner.env, LivedAnew);
            if let (Some(mesh), Some(config)) = (&inner.mesh, &inner.settings.cluster) {
                mesh.identify(identity(config, written));
            }
            inner.detect_anew(next);
        }
    }

    /// The life that this node goes on as: one that the map has already, or a new one.
    fn next_life(&self) -> Incarnation {
        let (view, me) = (self.0.view(), self.0.me.executor());
        match view.node(me.node) {
            Some(node) if node.incarnation > me.incarnation && node.state.is_running() => node.incarnation,
            Some(node) => Incarnation(node.incarnation.max(me.incarnation).0 + 1),
            None => Incarnation(me.incarnation.0 + 1),
        }
    }

    /// Proposes to the control group of this node, before there is a map that names its voters.
    async fn propose_here(&self, command: Command, due: Instant) -> Result<Reply, Trouble> {
        let inner = &self.0;
        let stamped = Stamped { at_ms: inner.env.wall().unix_ms(), command };
        let ask = ControlAsk::Propose { command: stamped.encode().into() };
        match deadline(&inner.env, due, inner.control(inner.me.node, ask)).await {
            Ok(ControlAnswer::Reply(reply)) => Reply::decode(&reply).map_err(|_| Trouble::Unknown),
            _ => Err(Trouble::Unavailable),
        }
    }

    async fn wait_until_ready(&self) -> Result<(), ClusterError> {
        let inner = &self.0;
        let due = inner.env.now().after_ms(READY_MS_MAX);
        let founded = self.until(|map| !map.replicas(GroupId(1)).is_empty());
        if deadline(&inner.env, due, founded).await.is_err() {
            return Err(ClusterError::NotReady("the control group decides nothing"));
        }
        let view = inner.view();
        for (group, _) in view.groups() {
            let led = async {
                loop {
                    if let Some(owner) = inner.owner(group) {
                        let mut leader = owner.group.watch_leader();
                        // An error would mean that the group has stopped, and then the wait runs out.
                        let _ = leader.wait_for(|leadership| leadership.leader.is_some()).await;
                        return;
                    }
                    inner.env.sleep_until(inner.env.now().after_ms(1)).await;
                }
            };
            if deadline(&inner.env, due, led).await.is_err() {
                return Err(ClusterError::NotReady("a group has no leader"));
            }
        }
        Ok(())
    }

    /// Stops the node when its disk fails: what it acknowledged is safe, and it acknowledges nothing more.
    async fn watch_store(self) {
        let failed = self.0.store.failed().await;
        if !self.0.life.is_stopping() {
            reachable!(self.0.env, StoreFailed);
            self.0.life.fail(&failed.to_string());
        }
    }

    /// Waits until the node must stop, and says why.
    pub(crate) async fn failed(&self) -> Arc<str> {
        let mut failure = self.0.life.failure.subscribe();
        match failure.wait_for(Option::is_some).await {
            Ok(cause) => cause.clone().unwrap_or_else(|| "unknown".into()),
            Err(_) => "the member is gone".into(),
        }
    }

    /// Why the node must stop, if it must.
    pub(crate) fn failure(&self) -> Option<Arc<str>> {
        self.0.life.failure.subscribe().borrow().clone()
    }

    /// Hands over what this node leads, so that nobody waits for an election when it is gone. Within `due`.
    pub(crate) async fn hand_over(&self, due: Instant) {
        let inner = &self.0;
        if inner.mesh.is_none() {
            return;
        }
        let _ = self.control(Command::Drain { node: inner.me.node }, due).await;
        while inner.env.now() < due {
            let led: Vec<_> =
                inner.owners_sorted().into_iter().filter(|owner| owner.leading().is_some()).collect();
            let council = inner.council().filter(|council| council.leads(inner.me.node));
            let mut any = false;
            let groups =
                led.iter().map(|owner| &owner.group).chain(council.iter().map(|council| &council.group));
            for group in groups {
                if let Some(heir) = self.heir(group, |_| true) {
                    any = true;
                    group.transfer(heir).await;
                }
            }
            if !any {
                return;
            }
            inner.env.sleep_until(inner.env.now().after_ms(PAUSE_MS).min(due)).await;
        }
    }

    /// Who should lead a group next: the voter that lacks least, of those that are up and may.
    pub(super) fn heir(&self, group: &crate::raft::Group, may: impl Fn(NodeId) -> bool) -> Option<NodeId> {
        let view = self.0.view();
        let status = group.status();
        let up =
            |node: &NodeId| view.node(*node).is_some_and(|node| node.state == crate::control::NodeState::Up);
        let others = status.voters.iter().filter(|node| **node != self.0.me.node && may(**node) && up(node));
        others.min_by_key(|node| (status.lags.get(node).copied().unwrap_or(u64::MAX), **node)).copied()
    }

    /// Takes a node out for good, this one or another: what it holds is moved to others, and its id is never used again.
    ///
    /// # Errors
    /// Why the control group refuses it: nothing changed. `None` where it did not answer in time: the node may have left.
    pub(crate) async fn leave(&self, node: NodeId) -> Result<(), Option<Refusal>> {
        let due = self.0.env.now().after_ms(PROPOSE_MS_MAX);
        match self.control(Command::Leave { node }, due).await {
            Ok(Reply::Refused(refusal)) => Err(Some(refusal)),
            Ok(_) => Ok(()),
            Err(_) => Err(None),
        }
    }

    /// Waits until this node has left for good and holds nothing that anybody needs: it may stop then.
    pub(crate) async fn left(&self) {
        let me = self.0.me.node;
        let has_left = |map: &ClusterMap| map.node(me).is_some_and(|node| node.state.has_left());
        self.until(|map| has_left(map) && map.is_free(me)).await;
    }

    /// Waits until this node's map has it so.
    pub(super) async fn until(&self, holds: impl Fn(&ClusterMap) -> bool) {
        let mut epoch = self.0.view.watch();
        while !holds(&self.0.view()) {
            // The view is not gone while it is looked at from here.
            if epoch.changed().await.is_err() {
                return;
            }
        }
    }

    /// Whether every group that this node holds has a leader, or had one since it began. What it says of itself before
    /// that would be a promise that others cannot keep.
    pub(crate) fn is_settled(&self) -> bool {
        let inner = &self.0;
        if inner.life.settled.load(Ordering::Relaxed) {
            return true;
        }
        let view = inner.view();
        let moves_in = view.groups().any(|(_, place)| {
            place.replicas.is_empty() || place.change.is_some_and(|change| change.add == Some(inner.me.node))
        });
        let led = inner.owners_sorted().iter().all(|owner| owner.leader().is_some());
        let waited = inner.env.now() >= inner.life.begun.after_ms(SETTLE_MS_MAX);
        let settled = waited || view.cluster().is_some() && !moves_in && led;
        inner.life.settled.store(settled, Ordering::Relaxed);
        settled
    }

    /// Ends this node's part: its groups stop, its links close, its file is written.
    pub(crate) async fn stop(&self) {
        let inner = &self.0;
        inner.life.stop.send_modify(|stop| *stop = true);
        for owner in inner.owners_sorted() {
            owner.group.stop().await;
            owner.kept().wake_all();
        }
        if let Some(council) = inner.council() {
            council.group.stop().await;
        }
        if let Some(mesh) = &inner.mesh {
            mesh.stop().await;
        }
        inner.store.close().await;
    }
}
