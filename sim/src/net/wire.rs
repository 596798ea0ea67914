//! Segments on their way: sending within the window, arriving in order, acknowledging.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::kernel::Kernel;
use crate::kernel::heap::Due;
use crate::kernel::here::wake_later;
use crate::kernel::slab::Key;
use crate::net::connection::{Acknowledged, Fin, Payload, Segment, Side, State};
use crate::node::NodeId;
use crate::trace::{Mark, digest};

impl Kernel {
    /// Sends one segment. Segments of a flow arrive in the order in which they were sent.
    pub(crate) fn put_on_wire(&mut self, key: Key, sender: Side, payload: Payload) {
        let Some(connection) = self.net.connections.get(key) else { return };
        let (from, to) = connection.route(sender);
        let due = self.now + self.travel_nanos(from, to);
        let now = self.now;
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let flow = connection.flow(sender);
        flow.last_due = flow.last_due.max(due);
        let due = flow.last_due;
        flow.wire.push_back(Segment { due, sent_at: now, payload });
        if !flow.is_delivery_set && !flow.is_stalled {
            flow.is_delivery_set = true;
            self.at(due, Due::Deliver(key, sender));
        }
    }

    /// How long a segment sent now takes, with the waits that losses cost it.
    pub(crate) fn travel_nanos(&mut self, from: NodeId, to: NodeId) -> u64 {
        let (link, fault) = self.net.links.between(from, to);
        let mut nanos = link.latency.sample(&mut self.net.draws);
        let mut tries = 0;
        while tries < LOSSES_MAX && self.net.draws.chance_ppm(link.loss_ppm) {
            nanos += self.retransmit_nanos(tries);
            tries += 1;
        }
        if let Some(fault) = fault {
            self.touch(fault);
        }
        nanos
    }

    /// Sends what the window has room for.
    pub(crate) fn transmit(&mut self, key: Key, sender: Side) {
        let segment_bytes = self.net.options.segment_bytes;
        loop {
            let Some(connection) = self.net.connections.get_mut(key) else { return };
            let flow = connection.flow(sender);
            let room = flow.limit.saturating_sub(flow.sent).min(segment_bytes);
            let Some(front) = flow.unsent.front_mut() else { break };
            if room == 0 {
                return;
            }
            let chunk = if front.len() as u64 > room {
                front.split_to(usize::try_from(room).expect("a segment must fit in memory"))
            } else {
                flow.unsent.pop_front().expect("the front must still be there")
            };
            flow.unsent_bytes -= chunk.len() as u64;
            flow.sent += chunk.len() as u64;
            self.put_on_wire(key, sender, Payload::Data(chunk));
        }
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let flow = connection.flow(sender);
        flow.unsent = VecDeque::new();
        if flow.fin == Fin::Queued {
            flow.fin = Fin::Sent;
            self.put_on_wire(key, sender, Payload::Fin);
        }
    }

    /// The first segments of a flow are due.
    pub(crate) fn deliver(&mut self, key: Key, sender: Side) {
        if let Some(connection) = self.net.connections.get_mut(key) {
            connection.flow(sender).is_delivery_set = false;
        }
        loop {
            let Some(connection) = self.net.connections.get_mut(key) else { return };
            let (from, to) = connection.route(sender);
            let flow = connection.flow(sender);
            let Some(front) = flow.wire.front() else {
                flow.wire = VecDeque::new();
                break;
            };
            let (due, sent_at) = (front.due, front.sent_at);
            if due > self.now {
                flow.is_delivery_set = true;
                self.at(due, Due::Deliver(key, sender));
                return;
            }
            if self.is_lost(from, to, sent_at) || (sender == Side::Dialler && self.is_syn_dropped(key)) {
                self.mark(Mark::Lose { connection: key.trace(), from: from.trace(), to: to.trace() });
                self.write_down(key, sender, true);
                if let Some(connection) = self.net.connections.get_mut(key) {
                    connection.flow(sender).is_stalled = true;
                }
                self.stall(key, sender, sent_at);
                return;
            }
            self.write_down(key, sender, false);
            let connection = self.net.connections.get_mut(key).expect("checked above");
            let segment = connection.flow(sender).wire.pop_front().expect("checked above");
            self.arrive(key, sender, segment.payload);
        }
        self.reap(key);
    }

    fn arrive(&mut self, key: Key, sender: Side, payload: Payload) {
        let receiver = sender.other();
        let state = match self.net.connections.get_mut(key) {
            Some(connection) => connection.end(receiver).state,
            None => return,
        };
        match (payload, state) {
            (Payload::Syn, State::Unborn) => self.on_syn(key),
            (Payload::SynAck, State::Greeting) => self.on_syn_ack(key),
            (Payload::Ack, State::Greeting) => self.on_handshake_done(key),
            (Payload::Data(bytes), State::Open) => self.on_data(key, sender, bytes),
            (Payload::Fin, State::Open | State::Orphan) => self.on_fin(key, sender),
            // Data for a socket that nobody will read any more: the end that sent it must hear of it.
            (Payload::Data(_), State::Orphan) => {
                self.close_end(key, receiver);
                self.send_reset(key, sender);
            }
            _ => self.send_reset(key, sender),
        }
    }

    fn on_data(&mut self, key: Key, sender: Side, bytes: Bytes) {
        self.mark(Mark::Deliver {
            connection: key.trace(),
            length: bytes.len() as u64,
            content: digest(&bytes),
        });
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let flow = connection.flow(sender);
        flow.received += bytes.len() as u64;
        flow.inbox_bytes += bytes.len() as u64;
        flow.inbox.push_back(bytes);
        wake_later(&mut connection.end(sender.other()).reader);
        self.acknowledge(key, sender);
    }

    fn on_fin(&mut self, key: Key, sender: Side) {
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        connection.flow(sender).is_ended = true;
        wake_later(&mut connection.end(sender.other()).reader);
        self.acknowledge(key, sender);
    }

    /// The receiver tells the sender what has arrived and how much more may come.
    pub(crate) fn acknowledge(&mut self, key: Key, sender: Side) {
        let now = self.now;
        let window = self.net.options.receive_buffer_bytes;
        let Some(connection) = self.net.connections.get(key) else { return };
        let (from, to) = connection.route(sender);
        if self.is_lost(to, from, now) {
            self.lose_ack(key, sender);
            return;
        }
        let delay = self.net.links.between(to, from).0.latency.steady();
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let is_writer_waiting = connection.end(sender).writer.is_some();
        let flow = connection.flow(sender);
        flow.take_acks(now);
        let limit = flow.received - flow.inbox_bytes + window;
        flow.advertised = limit;
        flow.tries = 0;
        flow.stalled_since = None;
        let due = flow.acks.back().map_or(0, |last| last.due).max(now + delay);
        let received = flow.received;
        flow.acks.push_back(Acknowledged { due, received, limit });
        if (is_writer_waiting || !flow.unsent.is_empty()) && !flow.is_ack_set {
            self.expect_acks(key, sender);
        }
    }

    /// The sender waits for its acknowledgements: their arrival becomes an event.
    pub(crate) fn expect_acks(&mut self, key: Key, sender: Side) {
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let flow = connection.flow(sender);
        if !flow.is_ack_set
            && let Some(front) = flow.acks.front()
        {
            flow.is_ack_set = true;
            let due = front.due;
            self.at(due, Due::Ack(key, sender));
        }
    }

    pub(crate) fn on_acks(&mut self, key: Key, sender: Side) {
        let (now, options) = (self.now, self.net.options);
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let flow = connection.flow(sender);
        flow.is_ack_set = false;
        flow.take_acks(now);
        if flow.room(&options) > 0 {
            wake_later(&mut connection.end(sender).writer);
        }
        self.transmit(key, sender);
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        if !connection.flow(sender).unsent.is_empty() || connection.end(sender).writer.is_some() {
            self.expect_acks(key, sender);
        }
    }
}

/// A segment is lost by chance at most so many times in a row; longer silence is a cut's business.
const LOSSES_MAX: u32 = 6;
