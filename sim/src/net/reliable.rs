//! What happens when segments are lost: the sender waits, sends again, waits twice as long, and gives up in the end.
//!
//! The kernel sees at once that a segment is lost, but the sender does not: it acts only when its wait is over. Timers
//! exist only while something is unacknowledged for a reason.

use std::io::ErrorKind;

use crate::kernel::Kernel;
use crate::kernel::heap::Due;
use crate::kernel::here::wake_later;
use crate::kernel::slab::Key;
use crate::net::connection::{Fin, Side, State};
use crate::node::NodeId;

impl Kernel {
    /// The wait after this many fruitless ones.
    pub(crate) fn retransmit_nanos(&self, tries: u32) -> u64 {
        let options = &self.net.options;
        let first = options.retransmit_first_ms;
        first.saturating_mul(1 << tries.min(20)).min(options.retransmit_max_ms.max(first)) * 1_000_000
    }

    /// Whether a segment sent at `sent_at` does not arrive now: the link is (or was) cut, or the host is dark.
    pub(crate) fn is_lost(&mut self, from: NodeId, to: NodeId, sent_at: u64) -> bool {
        if let Some(fault) = self.net.links.lost_to(from, to, sent_at) {
            self.touch(fault);
            return true;
        }
        self.node(to).is_dark()
    }

    /// A segment, or its acknowledgement, did not arrive. Its sender finds out when its wait is over.
    pub(crate) fn stall(&mut self, key: Key, sender: Side, sent_at: u64) {
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let flow = connection.flow(sender);
        flow.stalled_since.get_or_insert(sent_at);
        let tries = flow.tries;
        let at = sent_at.saturating_add(self.retransmit_nanos(tries));
        self.set_retransmit(key, sender, at);
    }

    /// The data arrived but its acknowledgement did not: to the sender that is the same.
    pub(crate) fn lose_ack(&mut self, key: Key, sender: Side) {
        let now = self.now;
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        connection.flow(sender).is_ack_lost = true;
        self.stall(key, sender, now);
    }

    fn set_retransmit(&mut self, key: Key, sender: Side, at: u64) {
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let flow = connection.flow(sender);
        if !flow.is_retransmit_set {
            flow.is_retransmit_set = true;
            self.at(at, Due::Retransmit(key, sender));
        }
    }

    pub(crate) fn on_retransmit(&mut self, key: Key, sender: Side) {
        let (now, give_up) = (self.now, self.net.options.give_up_ms * 1_000_000);
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let (from, to) = connection.route(sender);
        let state = connection.end(sender).state;
        let flow = connection.flow(sender);
        flow.is_retransmit_set = false;
        flow.tries += 1;
        let was_stalled = std::mem::take(&mut flow.is_stalled);
        if matches!(state, State::Closed | State::Unborn) {
            // Nobody is left to send it again.
            flow.wire.clear();
            self.reap(key);
        } else if flow.stalled_since.is_some_and(|since| now - since >= give_up) {
            self.give_up(key, sender);
        } else if was_stalled {
            self.resend(key, sender);
        } else if flow.is_ack_lost {
            if self.is_lost(from, to, now) || self.is_lost(to, from, now) {
                self.stall(key, sender, now);
            } else {
                self.acknowledge_again(key, sender);
            }
        }
    }

    /// Sends everything unacknowledged again, in order.
    fn resend(&mut self, key: Key, sender: Side) {
        let now = self.now;
        let Some(connection) = self.net.connections.get(key) else { return };
        let (from, to) = connection.route(sender);
        let due = now + self.travel_nanos(from, to);
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let flow = connection.flow(sender);
        for segment in &mut flow.wire {
            segment.due = due;
            segment.sent_at = now;
        }
        flow.last_due = flow.last_due.max(due);
        if !flow.is_delivery_set {
            flow.is_delivery_set = true;
            self.at(due, Due::Deliver(key, sender));
        }
    }

    fn acknowledge_again(&mut self, key: Key, sender: Side) {
        if let Some(connection) = self.net.connections.get_mut(key) {
            connection.flow(sender).is_ack_lost = false;
        }
        self.acknowledge(key, sender);
        self.expect_acks(key, sender);
    }

    /// The end that waited long enough fails; the other end hears nothing of it.
    fn give_up(&mut self, key: Key, sender: Side) {
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        if connection.end(sender).state == State::Greeting && sender == Side::Dialler {
            self.fail_dial(key, ErrorKind::TimedOut);
            return;
        }
        let end = connection.end(sender);
        end.error = Some(ErrorKind::TimedOut);
        wake_later(&mut end.reader);
        wake_later(&mut end.writer);
        connection.flow(sender).wire.clear();
        self.close_end(key, sender);
        self.reap(key);
    }

    /// Senders whose data waits for a window learn about silence too: they probe. Called when links are cut or hosts go
    /// dark, so that nobody waits for ever on a peer that cannot answer.
    pub(crate) fn probe_waiting(&mut self) {
        let is_hit =
            |from, to| self.net.links.lost_to(from, to, self.now).is_some() || self.node(to).is_dark();
        let mut waiting = Vec::new();
        for (key, connection) in self.net.connections.iter() {
            for side in [Side::Dialler, Side::Accepted] {
                let (from, to) = connection.route(side);
                let flow = &connection.flows[side.index()];
                let is_waiting = !flow.unsent.is_empty() || flow.fin == Fin::Queued;
                if is_waiting && flow.wire.is_empty() && (is_hit(from, to) || is_hit(to, from)) {
                    waiting.push((key, side));
                }
            }
        }
        for (key, side) in waiting {
            self.lose_ack(key, side);
        }
    }
}
