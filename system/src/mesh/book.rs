//! What a mesh knows of other nodes: where they are, which life of theirs was seen last, and the links to and from them.
//!
//! Plain data behind one lock, which is held for look-ups only.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::answer::Answering;
use super::ask::Asking;
use super::config::{APPLICANT, MeshLimits};
use super::peer::{Channel, MeshError, Peer, Refusal};
use super::shield::Bond;
use crate::env::{Entropy, Env, Instant};
use crate::ids::{Incarnation, NodeId};

/// Links of one node on one channel that are kept on the accepting side: the present one, and one whose end was not
/// noticed yet.
const ACCEPTED_EACH_MAX: usize = 2;
/// Doublings of the wait before a dial: more would pass any limit.
const DOUBLINGS_MAX: u32 = 16;
const CHANNELS: [Channel; 3] = [Channel::Consensus, Channel::Traffic, Channel::Bulk];

/// Whom a link is dialled to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Target {
    /// A node of the address book.
    Node(NodeId),
    /// Whoever is there: a seed.
    Address(SocketAddr),
}

/// The way to a target on one channel.
#[derive(Default)]
struct Way {
    link: Option<Arc<Asking>>,
    failures: u32,
    /// No dial before this.
    rests_until: Instant,
    /// Why not.
    failed: Option<MeshError>,
}

pub(super) struct Book<E: Env> {
    limits: MeshLimits,
    jitter: Entropy,
    addresses: BTreeMap<NodeId, SocketAddr>,
    bonds: BTreeMap<NodeId, Bond>,
    ways: BTreeMap<(Target, Channel), Way>,
    /// Dialled links that take nothing new and end with what is pending. Whoever waits on one still has to hear that its peer is gone.
    leaving: Vec<(Target, Arc<Asking>)>,
    /// The newest life of each node, and what proved to be it.
    lives: BTreeMap<NodeId, (Incarnation, Option<Bond>)>,
    accepted: BTreeMap<u64, Arc<Answering<E>>>,
    last_accepted: u64,
    is_stopped: bool,
}

/// The link to use.
pub(super) enum Found {
    /// It is there.
    Link(Arc<Asking>),
    /// It was made now: dial this address for it.
    New(Arc<Asking>, SocketAddr),
}

/// Links that must be cut, once the lock is given back.
pub(super) struct Outdated<E: Env> {
    pub(super) asking: Vec<Arc<Asking>>,
    pub(super) answering: Vec<Arc<Answering<E>>>,
}

impl<E: Env> Book<E> {
    pub(super) fn new(limits: MeshLimits, jitter: Entropy) -> Self {
        Self {
            limits,
            jitter,
            addresses: BTreeMap::new(),
            bonds: BTreeMap::new(),
            ways: BTreeMap::new(),
            leaving: Vec::new(),
            lives: BTreeMap::new(),
            accepted: BTreeMap::new(),
            last_accepted: 0,
            is_stopped: false,
        }
    }

    /// The link to a target, made by `make` where there is none. An error where it has no address, or where dialling it
    /// failed moments ago.
    pub(super) fn link(
        &mut self,
        (target, channel): (Target, Channel),
        now: Instant,
        make: impl FnOnce() -> Arc<Asking>,
    ) -> Result<Found, MeshError> {
        if let Some(way) = self.ways.get(&(target, channel))
            && let Some(link) = way.link.as_ref().filter(|link| !link.is_over())
        {
            return Ok(Found::Link(Arc::clone(link)));
        }
        let address = match target {
            Target::Node(node) => *self.addresses.get(&node).ok_or(MeshError::Unreachable)?,
            Target::Address(address) => address,
        };
        if self.is_stopped {
            return Err(MeshError::Unreachable);
        }
        let way = self.ways.entry((target, channel)).or_default();
        if let Some(failed) = way.failed
            && now < way.rests_until
        {
            return Err(failed);
        }
        let link = make();
        way.link = Some(Arc::clone(&link));
        Ok(Found::New(link, address))
    }

    /// A dialled link ended. `failed` where it never stood: the way rests for a while, longer each time.
    pub(super) fn dialled_over(
        &mut self,
        target: Target,
        link: &Arc<Asking>,
        failed: Option<MeshError>,
        now: Instant,
    ) {
        self.leaving.retain(|(_, leaving)| !Arc::ptr_eq(leaving, link));
        let key = (target, link.channel());
        let Some(way) = self.ways.get_mut(&key) else { return };
        if way.link.as_ref().is_none_or(|present| !Arc::ptr_eq(present, link)) {
            return;
        }
        way.link = None;
        if let Some(error) = failed {
            let base = self.limits.redial_ms_min << way.failures.min(DOUBLINGS_MAX);
            let wait = base.min(self.limits.redial_ms_max);
            way.failures += 1;
            way.failed = Some(error);
            // Half of it is drawn, so that nodes that lost the same peer do not come back together.
            way.rests_until = now.after_ms(wait / 2 + self.jitter.below(wait / 2 + 1));
        } else {
            way.failures = 0;
            way.failed = None;
        }
        if matches!(target, Target::Address(_)) {
            self.forget_rested(now);
        }
    }

    /// Seeds are not in the address book, so nothing else bounds their ways.
    fn forget_rested(&mut self, now: Instant) {
        self.ways.retain(|(target, _), way| {
            matches!(target, Target::Node(_)) || way.link.is_some() || way.rests_until > now
        });
    }

    /// Where a node is, and what it is bound to. Gives links that are to be left to end, for they lead to an address that it
    /// had before, and those of others who said that they were this node.
    pub(super) fn know(
        &mut self,
        node: NodeId,
        address: SocketAddr,
        bond: Bond,
    ) -> (Vec<Arc<Asking>>, Outdated<E>) {
        let mut impostors = Outdated { asking: Vec::new(), answering: Vec::new() };
        if self.bonds.insert(node, bond) != Some(bond) {
            let is_other = |proven: Option<Bond>| proven.is_some_and(|proven| !bond.admits(proven));
            impostors.answering = self.accepted_of(node, |link| is_other(link.peer().bond));
            impostors.asking = self.take_links_with(|peer| peer.node == node && is_other(peer.bond));
            // Or the node itself would be taken for an older life of theirs.
            if self.lives.get(&node).is_some_and(|(_, proven)| is_other(*proven)) {
                self.lives.remove(&node);
            }
        }
        if self.addresses.insert(node, address) != Some(address) {
            let target = Target::Node(node);
            let ways = CHANNELS.into_iter().filter_map(|channel| self.ways.remove_entry(&(target, channel)));
            let ways = ways.collect();
            return (self.leave(ways), impostors);
        }
        (Vec::new(), impostors)
    }

    /// Leaves every dialled link to end with what is pending on it: their peers know this node as it was. Gives those that are to be
    /// detached.
    pub(super) fn leave_dialled(&mut self) -> Vec<Arc<Asking>> {
        let ways = std::mem::take(&mut self.ways);
        self.leave(ways)
    }

    fn leave(&mut self, ways: BTreeMap<(Target, Channel), Way>) -> Vec<Arc<Asking>> {
        let links = ways.into_iter().filter_map(|((target, _), way)| Some((target, way.link?)));
        let left: Vec<_> = links.filter(|(_, link)| !link.is_over()).collect();
        self.leaving.retain(|(_, link)| !link.is_over());
        self.leaving.extend(left.iter().cloned());
        left.into_iter().map(|(_, link)| link).collect()
    }

    /// Dialled links to peers that are like this.
    fn take_links_with(&mut self, is_wanted: impl Fn(&Peer) -> bool) -> Vec<Arc<Asking>> {
        let is_wanted = |link: &Arc<Asking>| link.peer().is_some_and(|peer| is_wanted(&peer));
        let leaving = self.leaving.extract_if(.., |(_, link)| is_wanted(link)).map(|(_, link)| link);
        let in_use = self.ways.values_mut().filter_map(|way| way.link.take_if(|link| is_wanted(link)));
        leaving.chain(in_use).collect()
    }

    /// A node is no part of the cluster any more. Its incarnation stays known while
    /// there is room: ids are never given twice.
    pub(super) fn forget(&mut self, node: NodeId) -> Outdated<E> {
        self.addresses.remove(&node);
        self.bonds.remove(&node);
        self.links_of(node)
    }

    /// Every link to a node and from it. They are not used from now on.
    pub(super) fn links_of(&mut self, node: NodeId) -> Outdated<E> {
        Outdated { asking: self.take_links_to(node), answering: self.accepted_of(node, |_| true) }
    }

    fn take_links_to(&mut self, node: NodeId) -> Vec<Arc<Asking>> {
        let target = Target::Node(node);
        let leaving = self.leaving.extract_if(.., |(to, _)| *to == target).map(|(_, link)| link);
        let ways = CHANNELS.into_iter().filter_map(|channel| self.ways.remove(&(target, channel)));
        leaving.chain(ways.filter_map(|way| way.link)).collect()
    }

    fn accepted_of(&self, node: NodeId, which: impl Fn(&Answering<E>) -> bool) -> Vec<Arc<Answering<E>>> {
        let of_node = |link: &&Arc<Answering<E>>| link.peer().node == node && which(link);
        self.accepted.values().filter(of_node).cloned().collect()
    }

    /// Whether a proven peer may have a link, as far as its name and its incarnation go. A newer one than was seen is
    /// remembered, and ends the links of the one before. Of a node that is not known yet, any name is taken: see
    /// [`know`](Self::know).
    pub(super) fn meet(&mut self, peer: &Peer) -> Result<Option<Outdated<E>>, Refusal> {
        let Peer { node, incarnation, .. } = *peer;
        if node == APPLICANT {
            return Ok(None);
        }
        // Before anything is believed: an impostor could otherwise end the links of whom it is not.
        if self.is_somebody_else(peer) {
            return Err(Refusal::OtherName(node));
        }
        let seen = self.lives.get(&node).map(|(incarnation, _)| *incarnation);
        match seen {
            Some(seen) if incarnation < seen => return Err(Refusal::Stale(seen)),
            Some(seen) if incarnation == seen => return Ok(None),
            Some(_) => {}
            None => self.make_room()?,
        }
        self.lives.insert(node, (incarnation, peer.bond));
        let asking = self.take_links_with(|peer| peer.node == node && peer.incarnation < incarnation);
        for ((target, _), way) in &mut self.ways {
            if *target == Target::Node(node) {
                // It has just started: what failed before says nothing any more.
                way.failures = 0;
                way.failed = None;
            }
        }
        let answering = self.accepted_of(node, |link| link.peer().incarnation < incarnation);
        Ok(Some(Outdated { asking, answering }))
    }

    /// Room for the incarnation of one more node: nodes that were forgotten make way.
    fn make_room(&mut self) -> Result<(), Refusal> {
        if self.lives.len() >= self.limits.peers_len_max {
            let addresses = &self.addresses;
            self.lives.retain(|node, _| addresses.contains_key(node));
        }
        if self.lives.len() >= self.limits.peers_len_max { Err(Refusal::Full) } else { Ok(()) }
    }

    /// Whether this peer is not the node that it says it is, as far as is known.
    fn is_somebody_else(&self, peer: &Peer) -> bool {
        let bond = self.bonds.get(&peer.node);
        bond.zip(peer.bond).is_some_and(|(bond, proven)| !bond.admits(proven))
    }

    /// Whether a newer life of this peer has come since it was met, or word that it is somebody else.
    pub(super) fn is_outdated(&self, peer: &Peer) -> bool {
        let is_past = self.lives.get(&peer.node).is_some_and(|(newest, _)| *newest > peer.incarnation);
        is_past || self.is_somebody_else(peer)
    }

    /// Takes an accepted link in, under a number. Gives those that must go for it.
    pub(super) fn accept(&mut self, link: &Arc<Answering<E>>) -> Option<(u64, Vec<Arc<Answering<E>>>)> {
        if self.is_stopped || self.is_outdated(link.peer()) {
            return None;
        }
        let Peer { node, .. } = *link.peer();
        let (same, most) = if node == APPLICANT {
            (self.accepted_of(node, |_| true), self.limits.applicants_len_max)
        } else {
            (self.accepted_of(node, |other| other.channel() == link.channel()), ACCEPTED_EACH_MAX)
        };
        let outdated = same.into_iter().rev().skip(most.saturating_sub(1)).collect();
        self.last_accepted += 1;
        self.accepted.insert(self.last_accepted, Arc::clone(link));
        Some((self.last_accepted, outdated))
    }

    pub(super) fn accepted_over(&mut self, number: u64) {
        self.accepted.remove(&number);
    }

    /// Nothing is dialled or accepted any more.
    pub(super) fn stop(&mut self) -> Outdated<E> {
        self.is_stopped = true;
        let in_use = std::mem::take(&mut self.ways).into_values().filter_map(|way| way.link);
        let leaving = std::mem::take(&mut self.leaving).into_iter().map(|(_, link)| link);
        let answering = self.accepted.values().cloned().collect();
        Outdated { asking: leaving.chain(in_use).collect(), answering }
    }
}
