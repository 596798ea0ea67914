//! A group as its node holds it: start, found, propose, read, change, hand over, stop.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{
    ChangeMembershipError, ClientWriteError, ForwardToLeader, InitializeError, RaftError,
};
use openraft::{ChangeMembers, Config, Raft, SnapshotPolicy};

use super::applier::Applier;
use super::ground::Ground;
use super::link::{PIECE_BYTES_MAX, Post};
use super::log::Log;
use super::proof::Proofs;
use super::receive::Arriving;
use super::rest::Rest;
use super::status::{self, Leadership, Role, Status};
use super::types::{Command, Types, nodes};
use super::{Machine, Network};
use crate::env::{Env, Instant, sometimes};
use crate::event::Event;
use crate::ids::{GroupId, NodeId};
use crate::store::Store;
use crate::watch;

/// How fast a group notices and acts, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// An idle leader says that it lives so often.
    pub heartbeat_ms: u64,
    /// A follower that hears nothing for so long campaigns; at the earliest,
    pub election_ms_min: u64,
    /// and at the latest. Half of this is the lease, in which nobody votes against a leader; the earliest must be later.
    pub election_ms_max: u64,
    /// One piece of a snapshot may take so long.
    pub snapshot_piece_ms_max: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat_ms: 500,
            election_ms_min: 2_250,
            election_ms_max: 3_000,
            snapshot_piece_ms_max: 10_000,
        }
    }
}

/// What a group is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Which group.
    pub group: GroupId,
    /// Which node this is.
    pub node: NodeId,
    /// How fast it is.
    pub timing: Timing,
    /// A snapshot is taken after so many entries.
    pub snapshot_after: u64,
    /// So many entries that the snapshot covers stay in the log, for followers that are a little behind.
    pub keep_after_snapshot: u64,
    /// So many entries may wait for a majority; further proposals are turned away.
    pub uncommitted_max: u64,
    /// Bytes of one command.
    pub command_bytes_max: usize,
    /// A bug, for tests that must find it: entries count as written before they are on the disk.
    pub counts_unwritten: bool,
}

impl Options {
    /// The defaults for this group on this node.
    #[must_use]
    pub fn new(group: GroupId, node: NodeId) -> Self {
        Self {
            group,
            node,
            timing: Timing::default(),
            snapshot_after: 4_096,
            keep_after_snapshot: 512,
            uncommitted_max: 4_096,
            command_bytes_max: 8 * 1024 * 1024,
            counts_unwritten: false,
        }
    }
}

/// A group could not start. Nothing runs.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What the store holds of the group cannot be read, or the store has failed.
    #[error("the group's state cannot be read: {0}")]
    Store(#[from] std::io::Error),
    /// The options contradict each other.
    #[error("the options do not fit: {0}")]
    Options(String),
    /// The engine refused what it found.
    #[error("the engine did not start: {0}")]
    Engine(String),
}

/// A group could not be founded.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FoundError {
    /// This node is none of the voters.
    #[error("the founder must be among the voters")]
    NotAVoter,
    /// The group has stopped.
    #[error("the group has stopped: {0}")]
    Stopped(String),
}

/// A command was not acknowledged.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProposeError {
    /// Another node leads. The command did not happen.
    #[error("another node leads")]
    NotLeader {
        /// Who, as far as is known.
        leader: Option<NodeId>,
    },
    /// It may have happened, or may yet, once.
    #[error("whether the command happened is unknown")]
    Unknown,
    /// It did not happen and will not.
    #[error("the group takes no commands now: {0}")]
    Unavailable(&'static str),
}

/// A change of members did not end well. Which members there are then, [`Group::status`] says: the old ones, both in a joint
/// set that goes on by the next change, or the new ones.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChangeError {
    /// Another node leads.
    #[error("another node leads")]
    NotLeader {
        /// Who, as far as is known.
        leader: Option<NodeId>,
    },
    /// Another change is under way.
    #[error("another change is under way")]
    Busy,
    /// The deadline passed, or the leader changed. How far it came is unknown.
    #[error("how far the change came is unknown")]
    Unknown,
    /// The engine refused it.
    #[error("the change was refused: {0}")]
    Refused(String),
}

/// This node's part in a group. Clones share it.
#[derive(Clone)]
pub struct Group(Arc<Inner>);

struct Inner {
    /// Taken out on drop only, to be dropped on its ground.
    raft: Option<Raft<Types, Applier>>,
    options: Options,
    post: Post,
    rest: Rest,
    arriving: Arriving,
    /// Held by the change that is under way.
    change: tokio::sync::Mutex<()>,
    leadership: watch::Receiver<Leadership>,
    /// The leadership whose process is gone, as far as this node knows.
    orphaned: Mutex<Option<Leadership>>,
    proofs: Proofs,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let raft = self.raft.take();
        self.post.ground.enter(|| drop(raft));
    }
}

fn config(options: &Options) -> Result<Config, StartError> {
    let Timing { heartbeat_ms, election_ms_min, election_ms_max, snapshot_piece_ms_max } = options.timing;
    // The engine waits for a lease, which is its longest timeout, and then for a timeout that it draws.
    let lease_ms = election_ms_max / 2;
    let Some(timeout_ms_min) = election_ms_min.checked_sub(lease_ms) else {
        return Err(StartError::Options("election_ms_min must be above half of election_ms_max".to_owned()));
    };
    let config = Config {
        cluster_name: options.group.to_string(),
        heartbeat_interval: heartbeat_ms,
        // What was replicated a moment ago need not be said again.
        heartbeat_min_interval: Some(heartbeat_ms / 5),
        election_timeout_min: timeout_ms_min,
        election_timeout_max: lease_ms,
        install_snapshot_timeout: snapshot_piece_ms_max,
        snapshot_max_chunk_size: PIECE_BYTES_MAX as u64,
        max_payload_entries: 256,
        max_append_entries: Some(1_024),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(options.snapshot_after),
        max_in_snapshot_log_to_keep: options.keep_after_snapshot,
        replication_lag_threshold: options.snapshot_after + options.keep_after_snapshot,
        api_channel_size: Some(1_024),
        notification_channel_size: Some(4_096),
        state_machine_channel_size: Some(256),
        // It times its own steps, which nobody here reads; as short as it can be, for every replica has one.
        log_stage_capacity: Some(1),
        // Followers write while the leader does, not after it.
        broadcast_submitted_on_append: Some(true),
        enable_pre_vote: Some(true),
        // A leader that was restarted is another one: a term stands for one life of one node.
        enable_leader_restore: Some(false),
        ..Config::default()
    };
    config.validate().map_err(|error| StartError::Options(error.to_string()))
}

impl Group {
    /// Starts this node's part in a group, from what the store holds of it. The machine must be in its first state.
    ///
    /// A node that never took part waits until it is told of members, by [`found`](Self::found) or by a leader.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then, and the machine may be in any state.
    pub async fn start<E: Env>(
        env: E,
        options: Options,
        store: Store,
        machine: Arc<Mutex<dyn Machine>>,
        network: Arc<dyn Network>,
    ) -> Result<Self, StartError> {
        Self::start_on(Ground::new(env), options, store, machine, network).await
    }

    async fn start_on(
        ground: Arc<Ground>,
        options: Options,
        store: Store,
        machine: Arc<Mutex<dyn Machine>>,
        network: Arc<dyn Network>,
    ) -> Result<Self, StartError> {
        let config = Arc::new(config(&options)?);
        let log = Log::load(store.clone(), &options).await?;
        let (is_new, proofs) = (log.is_new(), Proofs::new(log.promised()));
        let applier = Applier::load(store, options.group, machine).await?;
        let post = Post { group: options.group, network, ground: Arc::clone(&ground) };
        let raft = ground.run(Raft::new(options.node, config, post.clone(), log, applier)).await;
        let raft = raft.map_err(|error| StartError::Engine(error.to_string()))?;
        let (sender, leadership) = watch::channel(Leadership::default());
        ground.spawn(tell(raft.server_metrics(), sender, (Arc::clone(&ground), options)));
        let group = Self(Arc::new(Inner {
            raft: Some(raft),
            options,
            post,
            rest: Rest::default(),
            arriving: Arriving::default(),
            change: tokio::sync::Mutex::new(()),
            leadership,
            orphaned: Mutex::default(),
            proofs,
        }));
        if !is_new && group.voters().await == BTreeSet::from([options.node]) {
            // There is nobody whose leadership it could disturb by not waiting.
            group.elect();
        }
        Ok(group)
    }

    /// The voters, asked of the engine itself: the status lags behind a start.
    async fn voters(&self) -> BTreeSet<NodeId> {
        let voters =
            self.raft().with_raft_state(|state| state.membership_state.effective().voter_ids().collect());
        // A group that has stopped has none.
        self.post().ground.run(voters).await.unwrap_or_default()
    }

    /// Gives a new group its first members, this node among them. No error where the group has members already, these or
    /// others. Exactly one founder, or all founders the same voters.
    ///
    /// # Errors
    /// [`FoundError`]: the group has no members then.
    pub async fn found(&self, voters: &BTreeSet<NodeId>) -> Result<(), FoundError> {
        let ground = &self.post().ground;
        match ground.run(self.raft().initialize(nodes(voters.iter().copied()))).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(RaftError::APIError(InitializeError::NotInMembers(_))) => Err(FoundError::NotAVoter),
            Err(RaftError::Fatal(fatal)) => Err(FoundError::Stopped(fatal.to_string())),
        }
    }

    /// Proposes a command, and returns the machine's reply once a majority has the command on disk and this node's
    /// machine has taken it.
    ///
    /// # Errors
    /// [`ProposeError`] says whether it can have happened.
    pub async fn propose(&self, command: Bytes, deadline: Instant) -> Result<Bytes, ProposeError> {
        if command.len() > self.options().command_bytes_max {
            return Err(ProposeError::Unavailable("the command is too large"));
        }
        let _work = self.work();
        {
            let metrics = self.raft().metrics();
            let metrics = metrics.borrow_watched();
            if metrics.running_state.is_err() {
                return Err(ProposeError::Unavailable("it has stopped"));
            }
            let committed = metrics.local_committed.map_or(0, |id| id.index);
            if metrics.last_log_index.unwrap_or(0).saturating_sub(committed) > self.options().uncommitted_max
            {
                return Err(ProposeError::Unavailable("too many commands wait for a majority"));
            }
        }
        let ground = &self.post().ground;
        if ground.now() >= deadline {
            return Err(ProposeError::Unavailable("the deadline has passed"));
        }
        let command = Command { leader: self.options().node, bytes: command };
        let answer = ground.run_until(deadline, self.raft().client_write(command)).await;
        match answer {
            Some(Ok(response)) => Ok(response.data.0),
            Some(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to)))) => {
                Err(ProposeError::NotLeader { leader: leader(&to) })
            }
            Some(Err(_)) | None => Err(ProposeError::Unknown),
        }
    }

    /// Who leads, as this node hears of it. For routing; never for safety.
    #[must_use]
    pub fn watch_leader(&self) -> watch::Receiver<Leadership> {
        self.0.leadership.clone()
    }

    /// How the group looks from here.
    #[must_use]
    pub fn status(&self) -> Status {
        let patience_ms = self.options().timing.election_ms_max;
        let recent = |at: Instant| at.after_ms(patience_ms) > self.post().ground.now();
        status::read(&self.raft().metrics().borrow_watched(), &self.0.rest, recent)
    }

    /// Makes these the voters and the learners. New ones are brought up first; then the voters change in one step, by way
    /// of a joint set; then who is neither leaves. A leader that is no voter any more hands over.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn change(
        &self,
        voters: BTreeSet<NodeId>,
        learners: BTreeSet<NodeId>,
        deadline: Instant,
    ) -> Result<(), ChangeError> {
        let Ok(_alone) = self.0.change.try_lock() else { return Err(ChangeError::Busy) };
        let _work = self.work();
        let status = self.status();
        if status.role != Role::Leader {
            return Err(ChangeError::NotLeader { leader: status.leadership.leader });
        }
        let change = self.change_in_steps(&voters, &learners);
        self.post().ground.run_until(deadline, change).await.unwrap_or(Err(ChangeError::Unknown))
    }

    async fn change_in_steps(
        &self,
        voters: &BTreeSet<NodeId>,
        learners: &BTreeSet<NodeId>,
    ) -> Result<(), ChangeError> {
        let status = self.status();
        let known: BTreeSet<NodeId> = status.voters.union(&status.learners).copied().collect();
        let wanted: BTreeSet<NodeId> = voters.union(learners).copied().collect();
        let new = nodes(wanted.difference(&known).copied());
        if !new.is_empty() {
            self.change_once(ChangeMembers::AddNodes(new), true).await?;
        }
        let come = voters.difference(&status.voters).copied().collect();
        self.catch_up(&come).await?;
        // Learners first: a leader that votes no more has nothing left to say.
        let gone: BTreeSet<NodeId> = status.learners.difference(&wanted).copied().collect();
        if !gone.is_empty() {
            self.change_once(ChangeMembers::RemoveNodes(gone), true).await?;
        }
        // Half done counts as not done: a leader that was deposed in the middle of it leaves it to the next one.
        if !status.is_of(voters) {
            // Who votes no more is let go of in the same step, where nobody is to stay as a learner.
            let retain = !status.voters.is_disjoint(learners);
            self.change_once(ChangeMembers::ReplaceAllVoters(voters.clone()), retain).await?;
        }
        Ok(())
    }

    async fn change_once(&self, change: ChangeMembers<NodeId, ()>, retain: bool) -> Result<(), ChangeError> {
        match self.raft().change_membership(change, retain).await {
            Ok(_) => Ok(()),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => {
                Err(ChangeError::NotLeader { leader: leader(&to) })
            }
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(
                ChangeMembershipError::InProgress(_),
            ))) => Err(ChangeError::Busy),
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error))) => {
                Err(ChangeError::Refused(error.to_string()))
            }
            Err(_) => Err(ChangeError::Unknown),
        }
    }

    /// Waits until each of these has what the log held when the wait began. Only those that come are waited for: one that
    /// votes already and is down must not hold up the change that is made because it is down.
    async fn catch_up(&self, come: &BTreeSet<NodeId>) -> Result<(), ChangeError> {
        let mut metrics = self.raft().data_metrics();
        let target = self.status().last;
        loop {
            let status = self.status();
            if status.role != Role::Leader {
                return Err(ChangeError::NotLeader { leader: status.leadership.leader });
            }
            let behind = status.last.unwrap_or(0).saturating_sub(target.unwrap_or(0));
            let has_it = |node: &NodeId| {
                *node == self.options().node || status.lags.get(node).is_some_and(|lag| *lag <= behind)
            };
            if come.iter().all(has_it) {
                return Ok(());
            }
            if metrics.changed().await.is_err() {
                return Err(ChangeError::Unknown);
            }
        }
    }

    /// The process of a node is gone. Where it leads this group, its lease counts for nothing here any more: this node votes
    /// for another before the lease is over, and campaigns without asking who would vote. A lease keeps a leader that lives
    /// from being disturbed; no safety hangs on it, for reads are proven by a majority (Raft dissertation, 6.4 and 4.2.3).
    pub fn orphan(&self, leader: NodeId) {
        let now = *self.0.leadership.borrow();
        if now.leader == Some(leader) {
            *self.orphaned() = Some(now);
        }
    }

    /// A node was heard of: its process is not gone after all, only a connection was.
    pub(super) fn hear(&self, from: NodeId) {
        self.orphaned().take_if(|orphaned| orphaned.leader == Some(from));
    }

    /// Whether the process of the leader that this node follows is gone.
    pub(super) fn is_orphaned(&self) -> bool {
        let orphaned = *self.orphaned();
        orphaned.is_some_and(|orphaned| orphaned == *self.0.leadership.borrow())
    }

    fn orphaned(&self) -> MutexGuard<'_, Option<Leadership>> {
        self.0.orphaned.lock().expect("the orphaned leadership must not be poisoned")
    }

    /// Campaigns now instead of when nothing is heard of a leader. Asks first whether it could win, so that it disturbs
    /// nobody, unless there is [nobody left](Self::orphan) to be disturbed; a leader does nothing.
    pub fn elect(&self) {
        self.wake();
        let (group, asks_first) = (self.clone(), !self.is_orphaned());
        sometimes!(self.post().ground, !asks_first, LeaderOrphaned);
        self.post().ground.spawn(async move {
            // A group that has stopped campaigns no more.
            let _ = group.raft().trigger().elect(asks_first).await;
        });
    }

    /// Hands the leadership to another voter. Returns once it is on its way; nothing happens where this node does not lead.
    ///
    /// From then on the engine takes nothing more and says nothing more, until somebody else is elected: the heir, or where
    /// that one is gone, whoever waits for a leader longest. So the members are woken first, and none is asked to sleep again.
    pub async fn transfer(&self, to: NodeId) {
        let _work = self.work();
        self.rest().hand_over(self.status().leadership.term);
        let trigger = self.raft().trigger();
        // A group that has stopped leads no more.
        let _ = self.post().ground.run(trigger.heartbeat()).await;
        let _ = self.post().ground.run(trigger.transfer_leader(to)).await;
    }

    /// Stops this node's part. What was acknowledged is in the store. Returns once nothing of it runs.
    pub async fn stop(&self) {
        // The only error is that it had ended by itself.
        let _ = self.post().ground.run(self.raft().shutdown()).await;
    }

    pub(super) fn raft(&self) -> &Raft<Types, Applier> {
        self.0.raft.as_ref().expect("the engine must be there until the drop")
    }

    pub(super) fn post(&self) -> &Post {
        &self.0.post
    }

    pub(super) fn rest(&self) -> &Rest {
        &self.0.rest
    }

    pub(super) fn proofs(&self) -> &Proofs {
        &self.0.proofs
    }

    pub(super) fn arriving(&self) -> &Arriving {
        &self.0.arriving
    }

    /// Which group it is.
    #[must_use]
    pub fn id(&self) -> GroupId {
        self.options().group
    }

    pub(super) fn options(&self) -> &Options {
        &self.0.options
    }
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Group({} on {})", self.options().group, self.options().node)
    }
}

fn leader(to: &ForwardToLeader<Types>) -> Option<NodeId> {
    to.leader_id
}

/// Passes on who leads, as long as the engine runs, and records when that is this node.
async fn tell(
    mut metrics: openraft::alias::WatchReceiverOf<Types, openraft::metrics::RaftServerMetrics<Types>>,
    sender: watch::Sender<Leadership>,
    (ground, Options { group, node, .. }): (Arc<Ground>, Options),
) {
    let mut led = None;
    let mut lead = |now: Option<u64>| {
        let before = std::mem::replace(&mut led, now);
        if before != now {
            before.inspect(|term| ground.record(&Event::LeadershipEnded(group, *term)));
            now.inspect(|term| ground.record(&Event::LeadershipBegan(group, *term)));
        }
    };
    loop {
        let now = {
            let metrics = metrics.borrow_and_update();
            Leadership { term: metrics.vote.leader_id.term, leader: metrics.current_leader }
        };
        lead((now.leader == Some(node)).then_some(now.term));
        sender.send_if_modified(|before| std::mem::replace(before, now) != now);
        if metrics.changed().await.is_err() {
            return lead(None);
        }
    }
}
