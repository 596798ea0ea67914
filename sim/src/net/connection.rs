//! The data of one TCP connection: its two ends, and the two flows of bytes between them.
//!
//! One entry holds both ends, yet each end acts only on what has reached it over the wire. Acknowledgements are lazy: they
//! lie in `acks` with the time of their arrival, and become an event only where the sender waits for them.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::task::Waker;

use bytes::Bytes;

use crate::kernel::slab::Key;
use crate::net::NetOptions;
use crate::node::NodeId;

/// One of the two ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The end that dialled.
    Dialler,
    /// The end that was accepted.
    Accepted,
}

impl Side {
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Dialler => 0,
            Self::Accepted => 1,
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Dialler => Self::Accepted,
            Self::Accepted => Self::Dialler,
        }
    }
}

/// Where an end stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// The dialled end before the first segment has reached it.
    Unborn,
    /// A greeting is out, its answer is not back.
    Greeting,
    /// Bytes may flow.
    Open,
    /// Its owner has dropped it in order; what was written still goes out.
    Orphan,
    /// It takes part no longer; whatever reaches it is answered by a reset.
    Closed,
}

pub(crate) struct End {
    pub(crate) node: NodeId,
    pub(crate) address: SocketAddr,
    pub(crate) state: State,
    /// A node holds a stream (or a dial, or a place in a backlog) for it.
    pub(crate) is_held: bool,
    /// Its process died: every use fails.
    pub(crate) is_dead: bool,
    /// Told once, to whichever of read and write comes first, as an operating system does.
    pub(crate) error: Option<ErrorKind>,
    pub(crate) reader: Option<Waker>,
    pub(crate) writer: Option<Waker>,
}

/// What a segment carries.
#[derive(Debug)]
pub(crate) enum Payload {
    Syn,
    SynAck,
    /// The last step of the handshake.
    Ack,
    Data(Bytes),
    Fin,
}

pub(crate) struct Segment {
    pub(crate) due: u64,
    pub(crate) sent_at: u64,
    pub(crate) payload: Payload,
}

/// An acknowledgement on its way: so many bytes arrived, so many may be sent in all.
#[derive(Clone, Copy)]
pub(crate) struct Acknowledged {
    pub(crate) due: u64,
    pub(crate) received: u64,
    pub(crate) limit: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fin {
    No,
    /// After everything unsent.
    Queued,
    Sent,
}

/// The bytes that one end sends and the other receives.
pub(crate) struct Flow {
    // At the sender.
    pub(crate) unsent: VecDeque<Bytes>,
    pub(crate) unsent_bytes: u64,
    pub(crate) sent: u64,
    pub(crate) acked: u64,
    pub(crate) limit: u64,
    pub(crate) fin: Fin,
    /// Waits that found no acknowledgement in a row.
    pub(crate) tries: u32,
    pub(crate) stalled_since: Option<u64>,
    pub(crate) is_retransmit_set: bool,
    /// A segment was lost: nothing behind it arrives before it is sent again.
    pub(crate) is_stalled: bool,
    // On the way.
    pub(crate) wire: VecDeque<Segment>,
    pub(crate) last_due: u64,
    pub(crate) is_delivery_set: bool,
    pub(crate) acks: VecDeque<Acknowledged>,
    pub(crate) is_ack_set: bool,
    pub(crate) is_ack_lost: bool,
    // At the receiver.
    pub(crate) inbox: VecDeque<Bytes>,
    pub(crate) inbox_bytes: u64,
    pub(crate) received: u64,
    pub(crate) advertised: u64,
    pub(crate) is_ended: bool,
}

impl Flow {
    fn new(options: &NetOptions) -> Self {
        Self {
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            sent: 0,
            acked: 0,
            limit: options.receive_buffer_bytes,
            fin: Fin::No,
            tries: 0,
            stalled_since: None,
            is_retransmit_set: false,
            is_stalled: false,
            wire: VecDeque::new(),
            last_due: 0,
            is_delivery_set: false,
            acks: VecDeque::new(),
            is_ack_set: false,
            is_ack_lost: false,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            received: 0,
            advertised: options.receive_buffer_bytes,
            is_ended: false,
        }
    }

    /// How many bytes more the sender may write now.
    pub(crate) fn room(&self, options: &NetOptions) -> u64 {
        options.send_buffer_bytes.saturating_sub(self.sent + self.unsent_bytes - self.acked)
    }

    /// Takes in the acknowledgements that have arrived by now.
    pub(crate) fn take_acks(&mut self, now: u64) {
        while let Some(ack) = self.acks.front()
            && ack.due <= now
        {
            self.acked = ack.received;
            self.limit = self.limit.max(ack.limit);
            self.acks.pop_front();
        }
        if self.acks.is_empty() {
            self.acks = VecDeque::new();
        }
    }

    /// Nothing is left to send or on its way.
    pub(crate) fn is_flushed(&self) -> bool {
        self.unsent.is_empty() && self.wire.is_empty() && self.fin != Fin::Queued
    }
}

pub(crate) struct Connection {
    pub(crate) ends: [End; 2],
    /// By the side that sends.
    pub(crate) flows: [Flow; 2],
    /// The listener in whose backlog it counts, until it is accepted.
    pub(crate) listener: Option<Key>,
}

impl Connection {
    pub(crate) fn new(
        dialler: (NodeId, SocketAddr),
        accepted: (NodeId, SocketAddr),
        options: &NetOptions,
    ) -> Self {
        let end = |(node, address), state, is_held| End {
            node,
            address,
            state,
            is_held,
            is_dead: false,
            error: None,
            reader: None,
            writer: None,
        };
        Self {
            ends: [end(dialler, State::Greeting, true), end(accepted, State::Unborn, false)],
            flows: [Flow::new(options), Flow::new(options)],
            listener: None,
        }
    }

    pub(crate) fn end(&mut self, side: Side) -> &mut End {
        &mut self.ends[side.index()]
    }

    pub(crate) fn flow(&mut self, sender: Side) -> &mut Flow {
        &mut self.flows[sender.index()]
    }

    /// The nodes that a segment of this sender goes from and to.
    pub(crate) fn route(&self, sender: Side) -> (NodeId, NodeId) {
        (self.ends[sender.index()].node, self.ends[sender.other().index()].node)
    }

    /// Neither end will ever do anything again.
    pub(crate) fn is_over(&self) -> bool {
        let is_done = |side: Side| {
            let end = &self.ends[side.index()];
            !end.is_held
                && match end.state {
                    State::Closed | State::Unborn => true,
                    State::Orphan => self.flows[side.index()].is_flushed(),
                    State::Greeting | State::Open => false,
                }
        };
        is_done(Side::Dialler) && is_done(Side::Accepted)
    }
}
