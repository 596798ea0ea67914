//! What the network carried in a span of time, written down for whoever reads about the run. Nothing of it is a decision or part of
//! the trace: a run with it is the same run.

use std::ops::Range;

use bytes::Bytes;

use crate::kernel::Kernel;
use crate::kernel::here::enter;
use crate::kernel::slab::Key;
use crate::net::connection::{Payload, Side};
use crate::node::NodeId;
use crate::world::World;

/// A segment with data that was due in that span.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Carried {
    /// When it was sent, or sent again, in nanoseconds of virtual time.
    pub sent_at: u64,
    /// When it arrived, or was found to be lost.
    pub at: u64,
    /// Whether it was lost.
    pub is_lost: bool,
    /// Who sent it.
    pub from: NodeId,
    /// Whom to.
    pub to: NodeId,
    /// Over which connection: that number is its own for as long as it lives.
    pub connection: u64,
    /// How many bytes of data it brought.
    pub bytes: u64,
    /// The first of them.
    pub head: Bytes,
}

/// So many bytes of a segment are kept to show what it was.
const HEAD_BYTES: usize = 160;

/// Segments that were due in a span of time, up to a number of them.
pub(crate) struct Ledger {
    span: Range<u64>,
    segments_max: usize,
    carried: Vec<Carried>,
}

impl Kernel {
    /// Writes down what becomes now of the first segment of a flow, where that is wanted.
    pub(crate) fn write_down(&mut self, key: Key, sender: Side, is_lost: bool) {
        let (now, Some(ledger)) = (self.now, &mut self.carried) else { return };
        if !ledger.span.contains(&now) || ledger.carried.len() >= ledger.segments_max {
            return;
        }
        let Some(connection) = self.net.connections.get(key) else { return };
        let Some(segment) = connection.flows[sender.index()].wire.front() else { return };
        let Payload::Data(data) = &segment.payload else { return };
        let (from, to) = connection.route(sender);
        // A copy: the segment may be a small part of something large.
        let head = Bytes::copy_from_slice(&data[..data.len().min(HEAD_BYTES)]);
        let (sent_at, connection, bytes) = (segment.sent_at, key.trace(), data.len() as u64);
        ledger.carried.push(Carried { sent_at, at: now, is_lost, from, to, connection, bytes, head });
    }
}

impl World {
    /// Writes down the segments that are due in a span of virtual time, in nanoseconds, up to so many of them.
    pub fn keep_carried(&mut self, span: Range<u64>, segments_max: usize) {
        enter(|kernel| kernel.carried = Some(Ledger { span, segments_max, carried: Vec::new() }));
    }

    /// What was written down so far, in the order of time.
    #[must_use]
    pub fn carried(&self) -> Vec<Carried> {
        enter(|kernel| kernel.carried.as_ref().map_or_else(Vec::new, |ledger| ledger.carried.clone()))
    }
}
