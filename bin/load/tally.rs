//! What one thread of the generator counts.

use std::time::Instant;

use hdrhistogram::Histogram;

use super::outcome::Counts;

/// Latencies are kept in microseconds with three digits, up to this: nobody waits ten minutes.
const LATENCY_US_MAX: u64 = 600_000_000;

/// Counters of a run or of a part of it.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Requests that were due.
    pub sent: u64,
    /// How they ended.
    pub counts: Counts,
    /// Requests that were measured and ended well while requests were still being sent.
    pub measured: u64,
    /// Latency of the measured requests that ended well, in microseconds.
    pub latency_us: Histogram<u64>,
    /// When the last of them was answered.
    pub last_ok: Option<Instant>,
    /// Connections that replaced a lost one.
    pub reconnects: u64,
    /// Attempts to open a connection or a session before the first request that failed.
    pub opening_failures: u64,
    /// Connections and sessions that stand ready, or tried once in vain.
    pub opened: u64,
    /// Streams.
    pub streams: Streams,
}

/// What became of the streams that were held open.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Streams {
    /// Opened, reopened ones too.
    pub opened: u64,
    /// Ended before the run did.
    pub lost: u64,
    /// Could not be opened.
    pub failed: u64,
    /// Messages that came on them.
    pub messages: u64,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            sent: 0,
            counts: Counts::default(),
            measured: 0,
            latency_us: Histogram::new_with_max(LATENCY_US_MAX, 3).expect("these bounds must be valid"),
            last_ok: None,
            reconnects: 0,
            opening_failures: 0,
            opened: 0,
            streams: Streams::default(),
        }
    }

    /// Counts a good answer for rate and latency.
    pub(super) fn measure(&mut self, due: Instant, answered: Instant, before_end: bool) {
        let latency = answered.saturating_duration_since(due).as_micros();
        self.latency_us.saturating_record(u64::try_from(latency).unwrap_or(u64::MAX));
        if before_end {
            self.measured += 1;
            self.last_ok = self.last_ok.max(Some(answered));
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.latency_us.add(&other.latency_us).expect("equal bounds must add");
        self.merge_counts(other);
    }

    /// All but the latencies, which are some hundred kilobytes.
    pub(super) fn merge_counts(&mut self, other: &Self) {
        self.sent += other.sent;
        self.counts.merge(&other.counts);
        self.measured += other.measured;
        self.last_ok = self.last_ok.max(other.last_ok);
        self.reconnects += other.reconnects;
        self.opening_failures += other.opening_failures;
        self.opened += other.opened;
        self.streams.opened += other.streams.opened;
        self.streams.lost += other.streams.lost;
        self.streams.failed += other.streams.failed;
        self.streams.messages += other.streams.messages;
    }
}
