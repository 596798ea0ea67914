//! The event heap: the only source of order. Events come out by (virtual time, sequence), and the sequence is the order
//! in which they were put in.
//!
//! Only what is due in this millisecond or so is kept in order. The rest, a hundred times as much, waits in slices of time
//! until its slice comes.
//!
//! Cancelling is lazy: what an event was for is taken away, and the event is thrown out when it surfaces, or in a sweep
//! once such leftovers are the larger part of the heap.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use crate::kernel::slab::Key;
use crate::net::Side;
use crate::node::NodeId;

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
    /// A poll of this node has taken its time.
    Paid(NodeId),
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
            Self::Paid(node) => (13, node.trace()),
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
    /// What is due in the slices of time before `near_end`.
    near: BinaryHeap<Entry>,
    near_end: u64,
    /// What is due later, by slices, in no order within one.
    far: BTreeMap<u64, Vec<Entry>>,
    far_len: usize,
    sequence: u64,
    leftovers: usize,
}

/// A slice of time is a millisecond, about: 2 to the power of so many nanoseconds.
const SLICE_BITS: u32 = 20;
/// Below this many leftovers a sweep is not worth its walk.
const LEFTOVERS_MIN: usize = 1024;

impl Heap {
    pub(crate) fn push(&mut self, time: u64, due: Due) {
        self.sequence += 1;
        let entry = Entry { time, sequence: self.sequence, due };
        let slice = time >> SLICE_BITS;
        if slice < self.near_end {
            self.near.push(entry);
        } else {
            self.far.entry(slice).or_default().push(entry);
            self.far_len += 1;
        }
    }

    pub(crate) fn peek(&mut self) -> Option<Entry> {
        while self.near.is_empty() {
            let (slice, entries) = self.far.pop_first()?;
            self.far_len -= entries.len();
            self.near_end = slice + 1;
            self.near = entries.into();
        }
        self.near.peek().copied()
    }

    pub(crate) fn pop(&mut self) -> Option<Entry> {
        self.peek()?;
        self.near.pop()
    }

    /// One event has lost its purpose.
    pub(crate) fn note_leftover(&mut self) {
        self.leftovers += 1;
    }

    /// Whether leftovers are the larger part.
    pub(crate) fn wants_sweep(&self) -> bool {
        self.leftovers > LEFTOVERS_MIN && self.leftovers * 2 > self.len()
    }

    pub(crate) fn sweep(&mut self, keep: impl Fn(&Entry) -> bool) {
        self.near.retain(&keep);
        self.far.retain(|_, entries| {
            entries.retain(&keep);
            !entries.is_empty()
        });
        self.far_len = self.far.values().map(Vec::len).sum();
        self.leftovers = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.near.len() + self.far_len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_by_time_and_then_in_the_order_in_which_they_were_put_in() {
        let mut heap = Heap::default();
        let mut draws = 7_u64;
        let (mut put, mut got) = (Vec::new(), Vec::new());
        let mut now = 0;
        for step in 0..10_000_u32 {
            draws = draws.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Some for this moment, most for soon, some for much later; and one taken for two that were put in.
            let time = now + [0, draws >> 45, draws >> 30][step as usize % 3];
            heap.push(time, Due::Plan(step));
            put.push((time, step));
            if step % 2 == 1 {
                let entry = heap.pop().expect("more was put in than taken out");
                now = entry.time;
                got.push(entry);
            }
        }
        got.extend(std::iter::from_fn(|| heap.pop()));
        assert_eq!((got.len(), heap.len()), (put.len(), 0));
        assert!(got.is_sorted_by_key(|entry| (entry.time, entry.sequence)));
        put.sort_unstable();
        let got: Vec<_> = got.iter().map(|entry| (entry.time, entry.due)).collect();
        assert_eq!(got, put.iter().map(|(time, step)| (*time, Due::Plan(*step))).collect::<Vec<_>>());
    }
}
