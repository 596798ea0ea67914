//! The event heap: the only source of order. Events come out by (virtual time, sequence), and the sequence is the order
//! in which they were put in.
//!
//! Cancelling is lazy: what an event was for is taken away, and the event is thrown out when it surfaces, or in a sweep
//! once such leftovers are the larger part of the heap.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::kernel::slab::Key;
use crate::net::Side;

/// What is to happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// A sleep ends.
    Timer(Key),
    /// The first segments that this side sent arrive.
    Deliver(Key, Side),
    /// Acknowledgements reach this side, which waits for them.
    Ack(Key, Side),
    /// This side sends again what was not acknowledged.
    Retransmit(Key, Side),
    /// A reset, sent at this time, arrives at this side.
    Reset(Key, Side, u64),
    /// No host has the address that was dialled.
    Unreachable(Key),
    /// The dialling side has waited long enough.
    GiveUpDialling(Key),
    /// This step of the fault plan.
    Plan(u32),
}

impl Due {
    /// Kind and subject for the trace.
    pub(crate) fn trace(self) -> (u64, u64) {
        match self {
            Self::Timer(key) => (1, key.trace()),
            Self::Deliver(key, side) => (2 + side.index() as u64, key.trace()),
            Self::Ack(key, side) => (4 + side.index() as u64, key.trace()),
            Self::Retransmit(key, side) => (6 + side.index() as u64, key.trace()),
            Self::Reset(key, side, _) => (8 + side.index() as u64, key.trace()),
            Self::Unreachable(key) => (10, key.trace()),
            Self::GiveUpDialling(key) => (11, key.trace()),
            Self::Plan(step) => (12, u64::from(step)),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) time: u64,
    pub(crate) sequence: u64,
    pub(crate) due: Due,
}

impl Ord for Entry {
    /// Reversed: the standard heap gives its greatest, and the earliest is wanted.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.sequence).cmp(&(self.time, self.sequence))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// See the [module](self) page.
#[derive(Default)]
pub(crate) struct Heap {
    entries: BinaryHeap<Entry>,
    sequence: u64,
    leftovers: usize,
}

/// Below this many leftovers a sweep is not worth its walk.
const LEFTOVERS_MIN: usize = 1024;

impl Heap {
    pub(crate) fn push(&mut self, time: u64, due: Due) {
        self.sequence += 1;
        self.entries.push(Entry { time, sequence: self.sequence, due });
    }

    pub(crate) fn peek(&self) -> Option<&Entry> {
        self.entries.peek()
    }

    pub(crate) fn pop(&mut self) -> Option<Entry> {
        self.entries.pop()
    }

    /// One event has lost its purpose.
    pub(crate) fn note_leftover(&mut self) {
        self.leftovers += 1;
    }

    /// Whether leftovers are the larger part.
    pub(crate) fn wants_sweep(&self) -> bool {
        self.leftovers > LEFTOVERS_MIN && self.leftovers * 2 > self.entries.len()
    }

    pub(crate) fn sweep(&mut self, keep: impl Fn(&Entry) -> bool) {
        self.entries.retain(keep);
        self.leftovers = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
