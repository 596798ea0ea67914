//! Suspecting nodes that are silent, and what follows from it: groups that such a node led elect another leader, and the
//! control group may count it out.
//!
//! A hint is never a decision. A suspicion makes a follower ask whether it could lead, which disturbs nobody while the
//! leader is there; and a node is down once the control group has committed that it is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::pin;

use bytes::Bytes;

use super::wire::Message;
use super::{Cluster, Inner};
use crate::control::ClusterMap;
use crate::detector::{Config, Detector, Input, Output};
use crate::env::{Either, Env, Instant, buggify, race};
use crate::ids::{Executor, Incarnation, NodeId};
use crate::mesh::{Channel, Lost};
use crate::watch;

/// Messages that wait for the detector: beyond, the oldest is lost, as messages may be.
const INBOX_LEN_MAX: usize = 1_024;
/// How long a replica waits, for each that stands before it in the order of ids, until it asks to lead in the place of a
/// node whose process is gone: the first mostly wins before the second asks.
const ELECT_STEP_MS: u64 = 60;
/// How often it asks again where that led to no leader: another replica may not have heard yet that the process is gone, and
/// refuse until the lease is over. After that the groups' own clocks go on.
const ELECT_AGAIN_MS: u64 = 400;
const ELECTIONS_MAX: u32 = 8;
/// How often the detector is looked at when nothing is due.
const IDLE_MS: u64 = 1_000;

/// What waits for the detector.
enum Inbox {
    Message(NodeId, Bytes),
    Members,
    LinkReset(NodeId),
}

/// The detector of a node, and what waits for it.
pub(super) struct Detecting {
    detector: Detector,
    members: BTreeSet<NodeId>,
    inbox: VecDeque<Inbox>,
    /// Lives that seem to be over.
    dead: BTreeMap<NodeId, Incarnation>,
    news: watch::Sender<u64>,
}

impl Detecting {
    pub(super) fn new<E: Env>(env: &E, me: Executor, config: Config) -> Self {
        Self {
            detector: detector(env, me, config),
            members: BTreeSet::new(),
            inbox: VecDeque::new(),
            dead: BTreeMap::new(),
            news: watch::channel(0).0,
        }
    }

    fn push(&mut self, input: Inbox) {
        if self.inbox.len() >= INBOX_LEN_MAX {
            self.inbox.pop_front();
        }
        self.inbox.push_back(input);
        self.news.send_modify(|count| *count += 1);
    }
}

fn detector<E: Env>(env: &E, me: Executor, config: Config) -> Detector {
    Detector::new(me.node, me.incarnation, env.entropy("detector"), config, env.now())
}

impl<E: Env> Inner<E> {
    /// Begins anew under a new life of this node: its old one was counted out.
    pub(super) fn detect_anew(&self, me: Executor) {
        let mut detecting = self.detecting();
        detecting.detector = detector(&self.env, me, self.settings.detector.clone());
        detecting.push(Inbox::Members);
    }

    fn detecting(&self) -> std::sync::MutexGuard<'_, Detecting> {
        self.detecting.lock().expect("the detector must not be poisoned")
    }

    /// A message of another node's detector.
    pub(super) fn gossip(&self, from: NodeId, body: Bytes) {
        self.detecting().push(Inbox::Message(from, body));
    }

    /// The nodes that there are, as the map says.
    pub(super) fn detect(&self, nodes: BTreeSet<NodeId>) {
        let mut detecting = self.detecting();
        detecting.members = nodes;
        detecting.push(Inbox::Members);
    }

    /// A link to a node ended. Where its process is gone, its groups look for another leader at once.
    pub(super) fn link_lost(&self, node: NodeId, how: Lost) {
        self.detecting().push(Inbox::LinkReset(node));
        self.elect_in_place_of(node, how != Lost::Silent);
    }

    /// A life of a node that seems to be over, and that the map takes for running.
    pub(super) fn lost_node(&self, map: &ClusterMap) -> Option<(NodeId, Incarnation)> {
        let detecting = self.detecting();
        let mut dead = detecting.dead.iter().map(|(node, incarnation)| (*node, *incarnation));
        dead.find(|(node, incarnation)| {
            map.node(*node).is_some_and(|known| known.incarnation == *incarnation && known.state.is_running())
        })
    }

    /// Whether most of these seem to be there, as far as this node can see.
    pub(super) fn sees_majority(&self, voters: &BTreeSet<NodeId>) -> bool {
        let detecting = self.detecting();
        let dead = voters.iter().filter(|voter| detecting.dead.contains_key(voter)).count();
        dead * 2 < voters.len()
    }

    /// Has every group here that a node leads ask for another leader, each replica a little later than the one before. One
    /// that is only silent may still be heard by others, and keeps its lease.
    fn elect_in_place_of(&self, node: NodeId, is_gone: bool) {
        let council = self.council().map(|council| council.group);
        let groups = self.owners_sorted().into_iter().map(|owner| owner.group.clone()).chain(council);
        for group in groups {
            let before = *group.watch_leader().borrow();
            if before.leader != Some(node) {
                continue;
            }
            let voters = group.status().voters;
            let rank = voters.iter().filter(|voter| **voter != node).position(|voter| *voter == self.me.node);
            let Some(rank) = rank else { continue };
            if is_gone {
                group.orphan(node);
            }
            let (env, stopped) = (self.env.clone(), self.life.stopped());
            let step_ms = ELECT_STEP_MS * rank as u64 + self.below(ELECT_STEP_MS / 2);
            self.env.spawn("election", async move {
                let (mut at, mut stopped) = (env.now().after_ms(step_ms), pin!(stopped));
                for _ in 0..ELECTIONS_MAX {
                    if let Either::Right(()) = race(env.sleep_until(at), &mut stopped).await {
                        return;
                    }
                    let now = *group.watch_leader().borrow();
                    if now.leader.is_some() && now != before {
                        return;
                    }
                    group.elect();
                    at = at.after_ms(ELECT_AGAIN_MS);
                }
            });
        }
    }
}

impl<E: Env> Cluster<E> {
    /// Runs the detector for as long as the node lives.
    pub(super) async fn detect_forever(self) {
        let inner = &self.0;
        let mut news = inner.detecting().news.subscribe();
        loop {
            let due = self.step_detector(inner.env.now());
            let sleep = inner.env.sleep_until(due);
            match race(race(news.changed(), sleep), inner.life.stopped()).await {
                Either::Left(_) => {}
                Either::Right(()) => return,
            }
        }
    }

    /// Takes in what waits, and does what the detector says; returns when to look again.
    fn step_detector(&self, now: Instant) -> Instant {
        let inner = &self.0;
        let mut sends = Vec::new();
        let (mut suspects, mut gone, mut changed) = (Vec::new(), Vec::new(), false);
        let due = {
            let detecting = &mut *inner.detecting();
            while let Some(input) = detecting.inbox.pop_front() {
                let input = match &input {
                    Inbox::Message(from, bytes) => Input::Bytes { from: *from, bytes },
                    Inbox::Members => Input::Members(&detecting.members),
                    Inbox::LinkReset(node) => Input::LinkReset(*node),
                };
                detecting.detector.handle(now, input);
            }
            detecting.detector.handle(now, Input::Timer);
            while let Some(output) = detecting.detector.poll_output() {
                match output {
                    Output::Send { to, bytes } => sends.push((to, bytes)),
                    Output::Suspect(node, _) => suspects.push(node),
                    Output::Alive(node, incarnation) => {
                        if detecting.dead.get(&node).is_some_and(|dead| *dead <= incarnation) {
                            detecting.dead.remove(&node);
                            changed = true;
                        }
                    }
                    Output::Dead(node, incarnation) => {
                        detecting.dead.insert(node, incarnation);
                        suspects.push(node);
                        gone.push(node);
                        changed = true;
                    }
                }
            }
            detecting.detector.deadline().unwrap_or_else(|| now.after_ms(IDLE_MS))
        };
        if let Some(mesh) = &inner.mesh {
            // Links find out late, those that wait patiently above all; and a leader that does not hear would be heard for as long,
            // so that nobody else came to lead.
            gone.into_iter().for_each(|node| mesh.part(node));
            for (to, body) in sends {
                // Lost messages are the detector's daily bread.
                if !buggify!(inner.env, GossipLost) {
                    mesh.tell(to, Channel::Consensus, Message::Gossip(body).encode());
                }
            }
        }
        suspects.into_iter().for_each(|node| inner.elect_in_place_of(node, false));
        if changed {
            inner.sweep_now();
        }
        due
    }
}
