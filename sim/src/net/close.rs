//! How connections end: in order, by a reset, with their process, or with their host.

use std::io::ErrorKind;

use crate::kernel::Kernel;
use crate::kernel::heap::Due;
use crate::kernel::here::{drop_later, wake_later};
use crate::kernel::slab::Key;
use crate::net::connection::{Fin, Side, State};
use crate::node::NodeId;

impl Kernel {
    /// A node lets go of its stream.
    pub(crate) fn release_stream(&mut self, key: Key, side: Side) {
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let end = connection.end(side);
        end.is_held = false;
        drop_later(&mut end.reader);
        drop_later(&mut end.writer);
        self.abandon_end(key, side);
        self.reap(key);
    }

    /// Nobody is left at this end, by choice or by death: what was written still goes out, and then FIN. Unread bytes make
    /// it a reset, as on a real host: the peer must not believe that they were taken.
    fn abandon_end(&mut self, key: Key, side: Side) {
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let has_unread = connection.flow(side.other()).inbox_bytes > 0;
        let end = connection.end(side);
        match end.state {
            State::Open if !has_unread => {
                end.state = State::Orphan;
                self.queue_fin(key, side);
            }
            State::Open | State::Greeting => self.reset_by(key, side),
            State::Unborn | State::Orphan | State::Closed => {}
        }
    }

    /// This side will write nothing more.
    pub(crate) fn queue_fin(&mut self, key: Key, side: Side) {
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let flow = connection.flow(side);
        if flow.fin == Fin::No {
            flow.fin = Fin::Queued;
            self.transmit(key, side);
        }
    }

    /// Ends a connection from this side, now: the peer gets a reset, what was not sent is gone.
    pub(crate) fn reset_by(&mut self, key: Key, side: Side) {
        self.close_end(key, side);
        self.send_reset(key, side.other());
    }

    /// This end takes part no longer.
    pub(crate) fn close_end(&mut self, key: Key, side: Side) {
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let was = connection.end(side).state;
        connection.end(side).state = State::Closed;
        let flow = connection.flow(side);
        flow.unsent.clear();
        flow.unsent_bytes = 0;
        if flow.fin == Fin::Queued {
            flow.fin = Fin::No;
        }
        if side == Side::Accepted && was == State::Greeting {
            // Nobody has seen it yet, and nobody will.
            connection.end(side).is_held = false;
            let listener = connection.listener.take();
            self.leave_backlog(listener);
        }
    }

    /// Sends a reset to this side. It travels behind what is already on its way and is not repeated when lost.
    pub(crate) fn send_reset(&mut self, key: Key, to_side: Side) {
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let sender = to_side.other();
        let (from, to) = connection.route(sender);
        let last_due = connection.flow(sender).last_due;
        let due = last_due.max(self.now + self.travel_nanos(from, to));
        let now = self.now;
        self.at(due, Due::Reset(key, to_side, now));
    }

    pub(crate) fn on_reset(&mut self, key: Key, side: Side, sent_at: u64) {
        let Some(connection) = self.net.connections.get(key) else { return };
        let (from, to) = connection.route(side.other());
        if self.is_lost(from, to, sent_at) {
            return;
        }
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let is_ended = connection.flow(side.other()).is_ended;
        let end = connection.end(side);
        match end.state {
            State::Greeting if side == Side::Dialler => {
                self.fail_dial(key, ErrorKind::ConnectionRefused);
                return;
            }
            State::Open => {
                end.error = Some(if is_ended { ErrorKind::BrokenPipe } else { ErrorKind::ConnectionReset });
                wake_later(&mut end.reader);
                wake_later(&mut end.writer);
            }
            State::Greeting | State::Orphan => {}
            State::Unborn | State::Closed => return,
        }
        self.close_end(key, side);
        if let Some(connection) = self.net.connections.get_mut(key) {
            connection.flow(side).wire.clear();
        }
        self.reap(key);
    }

    /// Forgets a connection once neither end can do anything more.
    pub(crate) fn reap(&mut self, key: Key) {
        let Some(connection) = self.net.connections.get(key) else { return };
        if !connection.is_over() {
            return;
        }
        // A reset that is still on its way to an end that is closed anyway has nothing left to tell.
        if let Some(connection) = self.net.connections.remove(key) {
            self.net.tuples.remove(&(connection.ends[0].address, connection.ends[1].address));
        }
    }

    /// All sockets of a node die. Where the host lives on it ends them as if the process had let go of them; where it went
    /// dark, peers hear nothing. Returns how many connections and listeners there were.
    pub(crate) fn kill_sockets(&mut self, node: NodeId, is_silent: bool) -> u64 {
        let mut touched = 0;
        let listeners: Vec<_> =
            self.net.listeners.iter().filter(|(_, socket)| socket.node == node).map(|(key, _)| key).collect();
        for key in listeners {
            touched += 1;
            self.close_listener(key);
        }
        for (key, side, is_living) in self.ends_of(node, is_silent) {
            touched += u64::from(is_living);
            if is_living && is_silent {
                self.close_end(key, side);
            } else if is_living {
                self.abandon_end(key, side);
            }
            let Some(connection) = self.net.connections.get_mut(key) else { continue };
            if is_silent {
                connection.flow(side).wire.clear();
            }
            let end = connection.end(side);
            end.is_dead = true;
            drop_later(&mut end.reader);
            drop_later(&mut end.writer);
            self.reap(key);
        }
        touched
    }

    /// The ends of connections at a node, and whether each still takes part. What a killed process had closed in order is
    /// flushed by its host; a dark host flushes nothing.
    fn ends_of(&self, node: NodeId, is_silent: bool) -> Vec<(Key, Side, bool)> {
        let mut ends = Vec::new();
        for (key, connection) in self.net.connections.iter() {
            for side in [Side::Dialler, Side::Accepted] {
                let end = &connection.ends[side.index()];
                let is_living = match end.state {
                    State::Open | State::Greeting => true,
                    State::Orphan => is_silent,
                    State::Unborn | State::Closed => false,
                };
                if end.node == node && (is_living || end.is_held) {
                    ends.push((key, side, is_living));
                }
            }
        }
        ends
    }
}
