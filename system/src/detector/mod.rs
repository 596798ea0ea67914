//! Which nodes seem to be alive: a hint, never a decision.
//!
//! SWIM, as foca has it, without sockets or clock: bytes, members and time go in ([`Detector::handle`]), bytes to send and
//! what changed come out ([`Detector::poll_output`]), and [`Detector::deadline`] says when to come back. After each
//! `handle`, take outputs until there are none, then ask for the deadline. The same inputs and the same entropy give the
//! same outputs, bit for bit: foca has no clock, no randomness and no hash order of its own.
//!
//! What this is not: a judge. A node that is reported dead may be slow, paused or cut off; the control group decides, and
//! a node that was wrongly reported is reported alive again in the same life. Nor is it a list of members: that is the
//! control map, which it is told ([`Input::Members`]), and from which it finds again whom a partition took away.
//!
//! Messages are datagrams: they may be lost, doubled and late. They must come from whom they say they come from, so hand
//! over only what an authenticated link brought.

mod config;
mod identity;
mod swim;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

pub use config::Config;

use self::identity::Identity;
use self::swim::Swim;
use crate::env::{Entropy, Instant};
use crate::ids::{Incarnation, NodeId};

/// What the detector is told.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A datagram that a node sent. Anything that is not a detector's is ignored.
    Bytes {
        /// Who sent it, as the link knows.
        from: NodeId,
        /// What it sent.
        bytes: &'a [u8],
    },
    /// Who belongs to the cluster now, this node or not. Whoever of them is not heard of is called until it answers.
    Members(&'a BTreeSet<NodeId>),
    /// The link to a node was reset, or could not be made. It is asked for a sign of life at once, and suspected without.
    LinkReset(NodeId),
    /// The deadline has come. (Every other input looks at the time too.)
    Timer,
}

/// What the detector wants, or found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Send these bytes; if it cannot be done at once, drop them.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        bytes: Bytes,
    },
    /// A node is there, in this life: for the first time, again, or no longer suspected.
    Alive(NodeId, Incarnation),
    /// Somebody got no answer from a node. It has a while to deny that it is dead.
    Suspect(NodeId, Incarnation),
    /// A node did not deny it, or has a newer life.
    Dead(NodeId, Incarnation),
}

/// What was last said of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Said {
    incarnation: Incarnation,
    suspect: bool,
}

/// The failure detector of one node. See the [module](self) page.
pub struct Detector {
    node: NodeId,
    config: Config,
    swim: Swim,
    entropy: Entropy,
    members: BTreeSet<NodeId>,
    /// Who is there, as far as was said.
    said: BTreeMap<NodeId, Said>,
    /// Whose link was reset: suspected if nothing is heard of it by then.
    doubts: BTreeMap<NodeId, Instant>,
    /// Who is suspected, and until when it may be so with nobody having decided.
    suspected: BTreeMap<NodeId, Instant>,
    call_at: Instant,
    /// Whether some member is not heard of.
    is_missing_one: bool,
    outputs: VecDeque<Output>,
}

impl Detector {
    /// The detector of a node in this life of its. It knows nobody yet and sends nothing until it is told of members.
    #[must_use]
    pub fn new(
        node: NodeId,
        incarnation: Incarnation,
        mut entropy: Entropy,
        config: Config,
        now: Instant,
    ) -> Self {
        let mut seed = [0; 32];
        entropy.fill(&mut seed);
        let swim = Swim::new(Identity::new(node, incarnation), &config, Entropy::from_seed(seed));
        Self {
            node,
            swim,
            entropy,
            members: BTreeSet::new(),
            said: BTreeMap::new(),
            doubts: BTreeMap::new(),
            suspected: BTreeMap::new(),
            call_at: now,
            is_missing_one: false,
            outputs: VecDeque::new(),
            config,
        }
    }

    /// Takes an input in. Never fails: what makes no sense is dropped.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        // What is in hand comes before what is due: an answer that waited for us while we were late still counts.
        match input {
            Input::Bytes { from, bytes } => {
                if self.swim.receive(now, from, bytes) {
                    self.doubts.remove(&from);
                }
            }
            Input::Members(members) => self.set_members(now, members),
            Input::LinkReset(node) => self.doubt(now, node),
            Input::Timer => {}
        }
        self.swim.turn(now);
        self.settle_doubts(now);
        self.settle_suspicions(now);
        if now >= self.call_at {
            self.call(now);
        }
        while let Some((to, bytes)) = self.swim.poll_send() {
            // Whoever does not take what is here loses datagrams, as a network would.
            if self.outputs.len() < self.config.outputs_max {
                self.outputs.push_back(Output::Send { to, bytes });
            }
        }
        self.say_what_changed(now);
    }

    /// The next thing to do or to know, oldest first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come back with [`Input::Timer`], if nothing else comes first. `None` while this node is alone.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let call = self.is_missing_one.then_some(self.call_at);
        let doubt = self.doubts.values().min().copied();
        let suspicion = self.suspected.values().min().copied();
        [self.swim.deadline(), call, doubt, suspicion].into_iter().flatten().min()
    }

    fn set_members(&mut self, now: Instant, members: &BTreeSet<NodeId>) {
        self.members.clone_from(members);
        self.members.remove(&self.node);
        self.swim.configure(&self.config, members.len());
        self.call_at = now;
        self.note_missing();
    }

    fn is_missing(&self, node: NodeId) -> bool {
        !self.said.contains_key(&node)
    }

    fn note_missing(&mut self) {
        self.is_missing_one = self.members.iter().any(|node| self.is_missing(*node));
    }

    /// Calls some of those who belong to the cluster and are not heard of. Foca calls once and does not repeat it, and
    /// forgets whom it never heard of; both would leave a node alone for ever.
    fn call(&mut self, now: Instant) {
        let mut missing: Vec<NodeId> =
            self.members.iter().copied().filter(|node| self.is_missing(*node)).collect();
        let alone = self.said.is_empty();
        let count = self.config.calls(self.members.len()).min(missing.len());
        for _ in 0..count {
            let at = self.entropy.below(u64::try_from(missing.len()).expect("a count of nodes must fit"));
            let node = missing.swap_remove(usize::try_from(at).expect("an index must fit"));
            self.swim.call(now, node);
        }
        let period_ms = if alone { self.config.call_alone_ms } else { self.config.call_ms };
        // A third of it by chance: nodes that were cut off together would otherwise call together.
        self.call_at = now.after_ms(period_ms * 2 / 3 + self.entropy.below(period_ms / 3 + 1));
    }

    fn doubt(&mut self, now: Instant, node: NodeId) {
        if self.said.contains_key(&node) && !self.doubts.contains_key(&node) {
            self.swim.call(now, node);
            self.doubts.insert(node, now.after_ms(self.config.doubt_ms));
        }
    }

    fn settle_doubts(&mut self, now: Instant) {
        let due: Vec<NodeId> = self.doubts.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id).collect();
        for node in due {
            self.doubts.remove(&node);
            self.swim.suspect(now, node);
        }
    }

    /// Gives up who was suspected for twice as long as it has to deny it. Foca leaves that to whoever suspected it first,
    /// and that node may be gone, or have forgotten its timers when it took a new identity.
    fn settle_suspicions(&mut self, now: Instant) {
        let due: Vec<NodeId> =
            self.suspected.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id).collect();
        for node in due {
            self.suspected.insert(node, now.after_ms(self.config.suspect_ms));
            self.swim.give_up(now, node);
        }
    }

    /// Compares who is there with what was said of them. Where there is no room, it is said the next time.
    fn say_what_changed(&mut self, now: Instant) {
        if self.outputs.len() >= self.config.outputs_max {
            return;
        }
        let mut as_said = 0;
        let is_said = |(identity, suspect): (Identity, bool)| {
            as_said += 1;
            self.said.get(&identity.node) == Some(&Said { incarnation: identity.incarnation, suspect })
        };
        if self.swim.active().all(is_said) && as_said == self.said.len() {
            return;
        }
        let mut gone = std::mem::take(&mut self.said);
        for (identity, suspect) in self.swim.active() {
            let (node, incarnation) = (identity.node, identity.incarnation);
            let new = Said { incarnation, suspect };
            let before = gone.remove(&node);
            self.said.insert(node, new);
            if before == Some(new) {
                continue;
            }
            if let Some(before) = before.filter(|before| before.incarnation != incarnation) {
                self.outputs.push_back(Output::Dead(node, before.incarnation));
            }
            self.suspected.remove(&node);
            if suspect {
                self.suspected.insert(node, now.after_ms(self.config.suspect_ms * 2));
            }
            let say = if suspect { Output::Suspect } else { Output::Alive };
            self.outputs.push_back(say(node, incarnation));
        }
        for (node, before) in gone {
            self.doubts.remove(&node);
            self.suspected.remove(&node);
            self.outputs.push_back(Output::Dead(node, before.incarnation));
        }
        self.note_missing();
    }
}
