//! The trace: a chained 128-bit hash over everything the kernel decided and delivered. Two runs with one hash were the
//! same run. Optionally the last events are kept as text, for the report of a failure.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use crate::moment::Seconds;
use crate::node::NodeId;

/// The digest of a run. Printed as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceHash(pub u128);

impl fmt::Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// One thing that the kernel did.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark {
    /// This task was picked out of so many ready ones.
    Pick { task: u64, ready: u64 },
    /// An event came off the heap at its time.
    Pop { time: u64, sequence: u64, kind: u64, subject: u64 },
    /// Bytes arrived at the far end of a connection.
    Deliver { connection: u64, length: u64, content: u64 },
    /// A segment was lost.
    Lose { connection: u64, from: u64, to: u64 },
    /// A task was started on a node.
    Spawn { task: u64, node: u64, name: u64 },
    /// A task ended: 0 in order, 1 by a panic, 2 dropped.
    End { task: u64, how: u64 },
    /// A node was started, killed, ...
    Life { node: u64, boot: u64, what: u64 },
    /// A fault was applied.
    Fault { content: u64 },
    /// A stream of randomness was handed out.
    Entropy { node: u64, label: u64, ordinal: u64 },
    /// A disk operation.
    Disk { node: u64, operation: u64, content: u64 },
    /// A node recorded an event.
    Event { node: u64, content: u64 },
}

impl Mark {
    fn words(self) -> [u64; 4] {
        match self {
            Self::Pick { task, ready } => [1, task, ready, 0],
            Self::Pop { time, sequence, kind, subject } => [2 | kind << 8, sequence, subject, time],
            Self::Deliver { connection, length, content } => [3, connection, length, content],
            Self::Lose { connection, from, to } => [4, connection, from, to],
            Self::Spawn { task, node, name } => [5, task, node, name],
            Self::End { task, how } => [6, task, how, 0],
            Self::Life { node, boot, what } => [7, node, boot, what],
            Self::Fault { content } => [8, content, 0, 0],
            Self::Entropy { node, label, ordinal } => [9, node, label, ordinal],
            Self::Disk { node, operation, content } => [10, node, operation, content],
            Self::Event { node, content } => [11, node, content, 0],
        }
    }
}

/// A line of the log: virtual time and what happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// Virtual time in nanoseconds.
    pub time: u64,
    /// Its number among all marks of the run.
    pub number: u64,
    /// What happened.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>15} #{} {}", Seconds(self.time).to_string(), self.number, self.text)
    }
}

/// See the [module](self) page.
pub(crate) struct Trace {
    chain: u128,
    block: Vec<u8>,
    marks: u64,
    checkpoints: Vec<TraceHash>,
    log: VecDeque<Line>,
    log_max: usize,
    /// Where it is said, the first lines from this mark on are kept, instead of the last of all.
    log_from: Option<u64>,
    /// Where events are taken apart; empty between two of them.
    fed: Vec<u8>,
}

/// Marks are chained a block at a time: hashing 32 bytes at once costs much less than 32 bytes a call.
const BLOCK_BYTES: usize = MARK_BYTES * CHECKPOINT_MARKS as usize;
/// Bytes of one mark.
const MARK_BYTES: usize = 32;
/// After so many marks the chain is remembered: of two runs that differ, it shows where they began to.
pub const CHECKPOINT_MARKS: u64 = 1_024;

impl Trace {
    pub(crate) fn new(log_max: usize, log_from: Option<u64>) -> Self {
        let (block, log) = (Vec::with_capacity(BLOCK_BYTES), VecDeque::new());
        Self { chain: 0, block, marks: 0, checkpoints: Vec::new(), log, log_max, log_from, fed: Vec::new() }
    }

    pub(crate) fn mark(&mut self, time: u64, mark: Mark) {
        self.marks += 1;
        for word in mark.words() {
            self.block.extend_from_slice(&word.to_le_bytes());
        }
        if self.block.len() >= BLOCK_BYTES {
            self.chain = fold(self.chain, &self.block);
            self.checkpoints.push(TraceHash(self.chain));
            self.block.clear();
        }
        if self.is_logging() {
            self.say(time, format!("{mark:?}"));
        }
    }

    /// Adds a line to the log alone.
    pub(crate) fn say(&mut self, time: u64, text: String) {
        if !self.is_logging() {
            return;
        }
        if self.log.len() >= self.log_max {
            self.log.pop_front();
        }
        self.log.push_back(Line { time, number: self.marks, text });
    }

    /// Whether a line that is said now would be kept.
    pub(crate) fn is_logging(&self) -> bool {
        let has_come = |from| self.marks >= from && self.log.len() < self.log_max;
        self.log_max > 0 && self.log_from.is_none_or(has_come)
    }

    pub(crate) fn event<T: Hash + fmt::Debug>(&mut self, time: u64, node: NodeId, event: &T) {
        let mut fed = Fed(std::mem::take(&mut self.fed));
        event.hash(&mut fed);
        self.mark(time, Mark::Event { node: node.trace(), content: fed.finish() });
        self.fed = fed.0;
        self.fed.clear();
        if self.is_logging() {
            self.say(time, format!("{event:?}"));
        }
    }

    /// The chain after every [`CHECKPOINT_MARKS`] marks.
    pub(crate) fn checkpoints(&self) -> &[TraceHash] {
        &self.checkpoints
    }

    /// The digest so far, together with numbers that are not marks of their own.
    pub(crate) fn hash(&self, numbers: &[u64]) -> TraceHash {
        let mut rest = self.block.clone();
        for number in numbers {
            rest.extend_from_slice(&number.to_le_bytes());
        }
        TraceHash(fold(self.chain, &rest))
    }

    pub(crate) fn marks(&self) -> u64 {
        self.marks
    }

    pub(crate) fn log(&self) -> impl Iterator<Item = &Line> {
        self.log.iter()
    }
}

/// What a value feeds to a hasher, to be digested at once: no text is made of it.
struct Fed(Vec<u8>);

impl Hasher for Fed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        xxh3_64(&self.0)
    }
}

/// A digest of bytes for a mark.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Both halves of the chain go in: one as the seed, one as a prefix would cost a copy, so it is mixed in by exclusive or.
fn fold(chain: u128, block: &[u8]) -> u128 {
    let low = u64::try_from(chain & u128::from(u64::MAX)).expect("masked to 64 bits");
    xxh3_128_with_seed(block, low) ^ chain.rotate_left(64)
}
