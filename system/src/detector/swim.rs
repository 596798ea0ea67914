//! foca behind a plain interface: its timers in an order that is stated, its randomness from our entropy, its messages
//! with a version first and checked for who sent them.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use foca::{Foca, Header, Member, NoCustomBroadcast, Notification, PostcardCodec, State, Timer, TimerToken};
use rand_core::TryRng;

use super::config::Config;
use super::identity::Identity;
use crate::env::{Entropy, Instant};
use crate::ids::NodeId;

/// The first byte of every message. One of another version is ignored, not misread.
const VERSION: u8 = 1;

/// Our entropy, as foca wants it.
struct Dice(Entropy);

impl TryRng for Dice {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::try_from(self.0.next_u64() >> 32).expect("the high half of a word must fit"))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

/// What foca asks for while it works.
#[derive(Default)]
struct Wishes {
    now: Instant,
    /// By time, then in the order in which they were set.
    timers: BTreeMap<(Instant, u64), Timer<Identity>>,
    timers_set: u64,
    /// Timers with another token are void; this is the one that goes now.
    token: TimerToken,
    sends: VecDeque<(NodeId, Bytes)>,
}

impl foca::Runtime<Identity> for &mut Wishes {
    fn notify(&mut self, _: Notification<'_, Identity>) {
        // Suspicions are not among them, so what changed is found by comparing states.
    }

    fn send_to(&mut self, to: Identity, data: &[u8]) {
        let mut bytes = BytesMut::with_capacity(1 + data.len());
        bytes.put_u8(VERSION);
        bytes.put_slice(data);
        self.sends.push_back((to.node, bytes.freeze()));
    }

    fn submit_after(&mut self, timer: Timer<Identity>, after: Duration) {
        if let Timer::ProbeRandomMember(token) = timer {
            self.token = token;
        }
        self.timers_set += 1;
        self.timers.insert((self.now.after(after), self.timers_set), timer);
    }
}

pub(super) struct Swim {
    foca: Foca<Identity, PostcardCodec, Dice, NoCustomBroadcast>,
    wishes: Wishes,
    suspect_ms: u64,
}

impl Swim {
    pub(super) fn new(identity: Identity, config: &Config, entropy: Entropy) -> Self {
        let foca = Foca::new(identity, config.swim(1), Dice(entropy), PostcardCodec);
        Self { foca, wishes: Wishes::default(), suspect_ms: config.suspect_ms }
    }

    pub(super) fn configure(&mut self, config: &Config, members: usize) {
        self.foca
            .set_config(config.swim(members))
            .expect("what changes with the size must be permitted to change");
    }

    /// Does what is due.
    pub(super) fn turn(&mut self, now: Instant) {
        while let Some(first) = self.wishes.timers.first_entry() {
            if first.key().0 > now {
                break;
            }
            let timer = first.remove();
            // What a late timer sets counts from now: what was missed is not made up for in a burst.
            self.wishes.now = now;
            // An error is foca's word that a probe was cut short; it goes on with the next.
            let _ = self.foca.handle_timer(timer, &mut self.wishes);
        }
    }

    /// Takes a message in. False where it is not one, or not from whom it says.
    pub(super) fn receive(&mut self, now: Instant, from: NodeId, bytes: &[u8]) -> bool {
        let Some((&VERSION, body)) = bytes.split_first() else { return false };
        let sender = postcard::take_from_bytes::<Header<Identity>>(body).map(|(header, _)| header.src.node);
        if sender != Ok(from) {
            return false;
        }
        self.wishes.now = now;
        self.foca.handle_data(body, &mut self.wishes).is_ok()
    }

    /// Calls a node, whatever life it is in: one that is there answers with all that it knows.
    pub(super) fn call(&mut self, now: Instant, node: NodeId) {
        self.wishes.now = now;
        let sent = self.foca.announce(Identity::unknown(node), &mut self.wishes);
        sent.expect("a call without content must fit into a message");
    }

    /// Suspects a node as if it had not answered a probe.
    pub(super) fn suspect(&mut self, now: Instant, node: NodeId) {
        self.wishes.now = now;
        let found = self.foca.iter_members().find(|member| member.id().node == node);
        let Some((id, incarnation)) = found.map(|member| (*member.id(), member.incarnation())) else {
            return;
        };
        let suspect = Member::new(id, incarnation, State::Suspect);
        if self.foca.apply_many(std::iter::once(suspect), true, &mut self.wishes).is_ok() {
            let token = self.wishes.token;
            let timer = Timer::ChangeSuspectToDown { member_id: id, incarnation, token };
            foca::Runtime::submit_after(&mut &mut self.wishes, timer, Duration::from_millis(self.suspect_ms));
            // The word must reach the suspected, or it could not deny it.
            let _ = self.foca.gossip(&mut self.wishes);
        }
    }

    /// Holds a node for dead that is suspected.
    pub(super) fn give_up(&mut self, now: Instant, node: NodeId) {
        self.wishes.now = now;
        let found = self.foca.iter_members().find(|member| member.id().node == node);
        let Some(suspect) = found.filter(|member| member.state() == State::Suspect) else { return };
        let (member_id, incarnation) = (*suspect.id(), suspect.incarnation());
        let timer = Timer::ChangeSuspectToDown { member_id, incarnation, token: self.wishes.token };
        let _ = self.foca.handle_timer(timer, &mut self.wishes);
    }

    /// Who is there, and whether it is suspected.
    pub(super) fn active(&self) -> impl Iterator<Item = (Identity, bool)> {
        self.foca.iter_members().map(|member| (*member.id(), member.state() == State::Suspect))
    }

    pub(super) fn poll_send(&mut self) -> Option<(NodeId, Bytes)> {
        self.wishes.sends.pop_front()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.wishes.timers.first_key_value().map(|((at, _), _)| *at)
    }
}
