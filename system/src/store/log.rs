//! What of one group's log is in memory: its bounds, everything that is not on the disk yet, and the newest entries that
//! are. It is the truth about the log; the disk follows.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::Bounds;

/// The newest part of a log. Entries below `start` are on the disk, and only there.
pub(super) struct Tail {
    /// The first entry that was not purged.
    first: u64,
    /// The index of the first entry in memory.
    start: u64,
    entries: VecDeque<Bytes>,
    bytes: usize,
    /// Entries below are on the disk.
    durable: u64,
    /// Counts truncations: an append that was on its way before one says nothing about what came after it.
    era: u64,
}

impl Tail {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            first: bounds.start,
            start: bounds.end,
            entries: VecDeque::new(),
            bytes: 0,
            durable: bounds.end,
            era: 0,
        }
    }

    fn end(&self) -> u64 {
        self.start + self.entries.len() as u64
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.first..self.end()
    }

    /// Adds entries. Returns the era that [`settle`](Self::settle) wants to see again.
    pub(super) fn append(&mut self, first: u64, entries: &[Bytes]) -> u64 {
        if self.first == self.end() {
            // An empty log may begin anywhere.
            *self = Self { era: self.era, ..Self::new(first..first) };
        }
        assert_eq!(first, self.end(), "a log must be appended to where it ends");
        self.bytes += entries.iter().map(Bytes::len).sum::<usize>();
        self.entries.extend(entries.iter().cloned());
        self.era
    }

    pub(super) fn truncate(&mut self, from: u64) {
        let from = from.max(self.first);
        self.era += 1;
        while self.end() > from
            && let Some(entry) = self.entries.pop_back()
        {
            self.bytes -= entry.len();
        }
        self.start = self.start.min(from);
        self.durable = self.durable.min(from);
    }

    pub(super) fn purge(&mut self, below: u64) {
        self.first = self.first.max(below);
        while self.start < below
            && let Some(entry) = self.entries.pop_front()
        {
            self.bytes -= entry.len();
            self.start += 1;
        }
        self.start = self.start.max(below);
        self.durable = self.durable.max(below.min(self.start));
    }

    /// Entries below `end` are on the disk, if nothing was truncated since they were appended. Lets go of the oldest
    /// where more than `bytes_max` are in memory.
    pub(super) fn settle(&mut self, era: u64, end: u64, bytes_max: usize) {
        if era != self.era {
            return;
        }
        self.durable = self.durable.max(end);
        while self.bytes > bytes_max
            && self.start < self.durable
            && let Some(entry) = self.entries.pop_front()
        {
            self.bytes -= entry.len();
            self.start += 1;
        }
    }

    /// Of a range: which part is to be read from the disk, and the entries that follow it.
    pub(super) fn read(&self, range: Range<u64>) -> (Range<u64>, Vec<Bytes>) {
        let from = range.start.max(self.first);
        let to = range.end.min(self.end()).max(from);
        let border = self.start.clamp(from, to);
        let skipped = usize::try_from(border - self.start.min(border)).unwrap_or(usize::MAX);
        let taken = usize::try_from(to - border).unwrap_or(usize::MAX);
        (from..border, self.entries.iter().skip(skipped).take(taken).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(bytes: &[u8]) -> Vec<Bytes> {
        bytes.iter().map(|byte| Bytes::copy_from_slice(&[*byte])).collect()
    }

    #[test]
    fn what_was_appended_is_read_until_it_is_truncated_or_purged() {
        let mut tail = Tail::new(0..0);
        tail.append(5, &entries(b"abcd"));
        assert_eq!(tail.read(0..100), (5..5, entries(b"abcd")));
        assert_eq!(tail.read(6..8), (6..6, entries(b"bc")));
        tail.truncate(8);
        tail.purge(6);
        assert_eq!((tail.bounds(), tail.read(0..100)), (6..8, (6..6, entries(b"bc"))));
        tail.purge(20);
        assert_eq!((tail.bounds(), tail.read(0..100)), (20..20, (20..20, Vec::new())));
        tail.append(20, &entries(b"x"));
        assert_eq!(tail.bounds(), 20..21);
    }

    #[test]
    fn only_durable_entries_leave_the_memory() {
        let mut tail = Tail::new(1..3);
        let era = tail.append(3, &entries(b"abcd"));
        assert_eq!(tail.read(1..100), (1..3, entries(b"abcd")));
        tail.settle(era, 5, 0);
        assert_eq!(tail.read(1..100), (1..5, entries(b"cd")));
        tail.truncate(4);
        assert_eq!(tail.read(1..100), (1..4, Vec::new()));
        let young = tail.append(4, &entries(b"yz"));
        tail.settle(era, 7, 0);
        assert_eq!(
            tail.read(1..100),
            (1..4, entries(b"yz")),
            "an older append says nothing about a newer entry"
        );
        tail.settle(young, 6, 1);
        assert_eq!(tail.read(1..100), (1..5, entries(b"z")));
    }
}
