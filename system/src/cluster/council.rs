//! The control group: this node's seat in it where it votes, and the way to it where it does not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::wire::{self, ControlAnswer, ControlAsk, Message};
use super::{Cluster, Inner, Trouble};
use crate::control::{ClusterMap, Command, Reply, Stamped};
use crate::env::{Env, Instant, deadline};
use crate::ids::{Epoch, GroupId, NodeId};
use crate::mesh::Channel;
use crate::raft::{At, Corrupt, Group, Machine, ProposeError};

/// The control group's number.
pub(super) const CONTROL: GroupId = GroupId(0);
/// How long the control group may take to commit.
const COMMIT_MS_MAX: u64 = 3_000;
const PAUSE_MS: u64 = 200;
/// How long maps may gather before the next is asked for: when many nodes join at once, not each of their steps is sent
/// to everybody.
const GATHER_MS: u64 = 50;
/// How long a change of the catalogue is told for, before it is given up.
const LISTS_MS_MAX: u64 = 60_000;
/// How long a question for a newer map stays with a voter before another voter is asked: one that lags would never answer.
const WATCH_MS_MAX: u64 = 60_000;
/// How long a voter takes its own log for the last word, where that says nothing new.
const VOTER_LOOKS_MS: u64 = 10_000;

/// The map, fed by the control group's log.
pub(super) struct MapMachine {
    map: ClusterMap,
    told: Box<dyn Fn(Arc<ClusterMap>) + Send>,
}

impl MapMachine {
    pub(super) fn new(told: impl Fn(Arc<ClusterMap>) + Send + 'static) -> Self {
        Self { map: ClusterMap::default(), told: Box::new(told) }
    }

    pub(super) const fn map(&self) -> &ClusterMap {
        &self.map
    }
}

impl Machine for MapMachine {
    fn apply(&mut self, _at: At, command: &Bytes) -> Bytes {
        let stamped = Stamped::decode(command).expect("a committed command on the map must be readable");
        let before = self.map.epoch();
        let reply = self.map.apply(stamped);
        if self.map.epoch() != before {
            (self.told)(Arc::new(self.map.clone()));
        }
        reply.encode().into()
    }

    fn snapshot(&self) -> Vec<u8> {
        self.map.encode()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), Corrupt> {
        self.map = ClusterMap::decode(bytes).map_err(|_| Corrupt("not a map of this version"))?;
        (self.told)(Arc::new(self.map.clone()));
        Ok(())
    }
}

/// A seat in the control group.
#[derive(Clone)]
pub(super) struct Council {
    pub(super) group: Group,
    pub(super) machine: Arc<Mutex<MapMachine>>,
}

impl Council {
    /// Whether this node leads the control group, as far as it knows.
    pub(super) fn leads(&self, me: NodeId) -> bool {
        self.group.watch_leader().borrow().leader == Some(me)
    }

    /// Whether the log reaches this node for sure: it votes, and not only according to the map.
    fn votes(&self, me: NodeId) -> bool {
        self.group.status().voters.contains(&me)
    }

    /// Puts a command into the log.
    async fn propose(&self, stamped: &Stamped, due: Instant) -> Result<Reply, ProposeError> {
        let reply = self.group.propose(stamped.encode().into(), due).await?;
        Ok(Reply::decode(&reply).expect("a reply of this program must read back"))
    }
}

impl<E: Env> Inner<E> {
    pub(super) fn council(&self) -> Option<Council> {
        self.council.lock().expect("the council must not be poisoned").clone()
    }

    /// Answers what another node, or a stranger that knows the secret, asks of the control group.
    pub(super) async fn control(&self, from: NodeId, ask: ControlAsk) -> ControlAnswer {
        let Some(council) = self.council() else { return self.not_leader(None) };
        match ask {
            ControlAsk::Propose { command } => {
                let Ok(stamped) = Stamped::decode(&command) else { return ControlAnswer::Unavailable };
                // Time is the leader's: whoever proposes may have a clock that is far ahead.
                let stamped = Stamped { at_ms: self.env.wall().unix_ms(), ..stamped };
                match council.propose(&stamped, self.env.now().after_ms(COMMIT_MS_MAX)).await {
                    Ok(reply) => ControlAnswer::Reply(reply.encode().into()),
                    Err(ProposeError::NotLeader { leader }) => self.not_leader(leader),
                    Err(_) => ControlAnswer::Unavailable,
                }
            }
            ControlAsk::Watch { seen } => {
                self.note_epoch(from, Epoch(seen));
                // One that is to vote, and does not yet, may lag: whoever waited for it might be whom its vote waits for.
                if !council.votes(self.me.node) {
                    return self.not_leader(None);
                }
                let mut epoch = self.view.watch();
                if epoch.wait_for(|now| now.0 > seen).await.is_err() {
                    return ControlAnswer::Unavailable;
                }
                ControlAnswer::Map(self.view().encode().into())
            }
            ControlAsk::Map => ControlAnswer::Map(self.view().encode().into()),
        }
    }

    pub(super) fn note_epoch(&self, node: NodeId, epoch: Epoch) {
        let mut epochs = self.epochs.lock().expect("epochs must not be poisoned");
        let newest = epochs.entry(node).or_insert(epoch);
        *newest = epoch.max(*newest);
    }

    /// The newest map that each node is known to have, this one included.
    pub(super) fn seen_epochs(&self, own: Epoch) -> BTreeMap<NodeId, Epoch> {
        let view = self.view();
        let mut epochs = self.epochs.lock().expect("epochs must not be poisoned");
        epochs.retain(|node, _| view.node(*node).is_some());
        epochs.insert(self.me.node, own);
        epochs.clone()
    }

    fn not_leader(&self, leader: Option<NodeId>) -> ControlAnswer {
        let view = self.view();
        let leader = leader.or_else(|| view.voters().first().copied()).filter(|node| *node != self.me.node);
        ControlAnswer::NotLeader { leader, address: leader.and_then(|leader| view.address(leader)) }
    }
}

impl<E: Env> Cluster<E> {
    /// Proposes a command on the map until it is answered or time is up. It may be proposed more than once: commands name
    /// what they are about, so that does no harm.
    ///
    /// # Errors
    /// [`Trouble::Unknown`] when no answer came.
    pub(super) async fn control(&self, command: Command, due: Instant) -> Result<Reply, Trouble> {
        let inner = &self.0;
        let stamped = Stamped { at_ms: inner.env.wall().unix_ms(), command };
        let mut next: Option<NodeId> = None;
        let mut turn = 0;
        loop {
            let voters: Vec<NodeId> = inner.view().voters().iter().copied().collect();
            let target = next.take().or_else(|| voters.get(turn % voters.len().max(1)).copied());
            turn += 1;
            let answer = match target {
                None => ControlAnswer::Unavailable,
                Some(me) if me == inner.me.node => {
                    inner.control(me, ControlAsk::Propose { command: stamped.encode().into() }).await
                }
                Some(voter) => {
                    let ask = ControlAsk::Propose { command: stamped.encode().into() };
                    inner.ask_voter(voter, ask, due.min(inner.env.now().after_ms(COMMIT_MS_MAX))).await
                }
            };
            match answer {
                ControlAnswer::Reply(reply) => {
                    return Reply::decode(&reply).map_err(|_| Trouble::Unknown);
                }
                ControlAnswer::NotLeader { leader: Some(leader), .. } if turn % 4 != 0 => next = Some(leader),
                _ => {}
            }
            let now = inner.env.now();
            if now.after_ms(PAUSE_MS) >= due {
                return Err(Trouble::Unknown);
            }
            let pause_ms = if next.is_some() { 5 } else { PAUSE_MS / 2 + inner.below(PAUSE_MS) };
            inner.env.sleep_until(now.after_ms(pause_ms)).await;
        }
    }

    /// The catalogue of this node changed: told to the control group in the background, and by it to every node.
    pub(crate) fn lists_changed(&self, lists: super::ListKinds) {
        let cluster = self.clone();
        let id = self.0.random.lock().expect("entropy must not be poisoned").next_u128();
        self.0.env.spawn("lists changed", async move {
            let due = cluster.0.env.now().after_ms(LISTS_MS_MAX);
            let changed = cluster.control(Command::ListsChanged { lists, id }, due).await;
            if !matches!(changed, Ok(Reply::Done(_))) {
                tracing::warn!("a change of the catalogue could not be told to the cluster");
            }
        });
    }

    /// Follows the map for as long as this node does not vote: the voters' own log feeds theirs.
    pub(super) async fn follow_map(self) {
        let inner = &self.0;
        let mut turn = usize::try_from(inner.below(1_000)).unwrap_or(0);
        loop {
            let view = inner.view();
            let me = inner.me.node;
            let votes =
                view.voters().contains(&me) && inner.council().is_some_and(|council| council.votes(me));
            let voters: Vec<NodeId> =
                view.voters().iter().copied().filter(|voter| *voter != inner.me.node).collect();
            let seen = view.epoch();
            if votes || voters.is_empty() {
                let mut epoch = inner.view.watch();
                let due = inner.env.now().after_ms(VOTER_LOOKS_MS);
                let newer = async { epoch.wait_for(|now| *now > seen).await.map(drop) };
                match deadline(&inner.env, due, newer).await {
                    Ok(Err(_)) => return,
                    Ok(Ok(())) => {}
                    // The entry that voted it out may not have come to it, and none will any more: others know.
                    Err(_) if !voters.is_empty() => {
                        self.fetch_map(voters[turn % voters.len()], ControlAsk::Map).await;
                        turn += 1;
                    }
                    Err(_) => {}
                }
                continue;
            }
            if !self.fetch_map(voters[turn % voters.len()], ControlAsk::Watch { seen: seen.0 }).await {
                turn += 1;
                let pause_ms = PAUSE_MS + inner.below(PAUSE_MS);
                inner.env.sleep_until(inner.env.now().after_ms(pause_ms)).await;
            }
            inner.env.sleep_until(inner.env.now().after_ms(GATHER_MS)).await;
        }
    }

    /// Asks a voter for its map. False where that voter was of no use.
    async fn fetch_map(&self, voter: NodeId, ask: ControlAsk) -> bool {
        let inner = &self.0;
        let Some(mesh) = &inner.mesh else { return false };
        let body = Message::Control(ask).encode();
        let due = inner.env.now().after_ms(WATCH_MS_MAX);
        let Ok(bytes) = mesh.request_patiently(voter, Channel::Traffic, body, due).await else {
            return false;
        };
        let Ok(ControlAnswer::Map(map)) = wire::decode(&bytes) else { return false };
        match ClusterMap::decode(&map) {
            Ok(map) => {
                inner.view.take(Arc::new(map));
                true
            }
            Err(error) => {
                tracing::warn!("{voter} sent a map that this program cannot read: {error}");
                false
            }
        }
    }
}

impl<E: Env> Inner<E> {
    async fn ask_voter(&self, voter: NodeId, ask: ControlAsk, due: Instant) -> ControlAnswer {
        let Some(mesh) = &self.mesh else { return ControlAnswer::Unavailable };
        let body = Message::Control(ask).encode();
        match mesh.request(voter, Channel::Traffic, body, due).await {
            Ok(bytes) => wire::decode(&bytes).unwrap_or(ControlAnswer::Unavailable),
            Err(_) => ControlAnswer::Unavailable,
        }
    }
}
