//! One event stream: numbered events, of which it holds those that its reader may still ask for.
//!
//! Two things take events out. A newer one of the same topic replaces an older one: whoever comes back gets the newest,
//! once, and nothing is missing. Bounds let go of the oldest: whoever would have needed those is told of a gap.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::command::Refusal;
use super::read::Read;
use super::snapshot::COUNT_MAX;
use crate::env::WallTime;
use crate::ids::Executor;
use crate::jsonrpc::Raw;
use crate::probe::Flaw;

/// What an event costs beside its data, about.
const EVENT_OVERHEAD: usize = 64;

/// An event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Event {
    sequence: u64,
    data: Bytes,
    topic: Option<Arc<str>>,
}

/// Whether events may follow, or since when not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Life {
    Open,
    Finished(WallTime),
    /// Ended for an executor that was gone.
    Abandoned(WallTime),
}

/// See the [module](self) page.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Stream {
    events: VecDeque<Event>,
    /// The number of the next event; the first is 1, so that 0 can name the start.
    next: u64,
    /// The bounds let go of events up to this one.
    lost: u64,
    pub(super) life: Life,
    /// `None` on the standalone stream, which many write to.
    pub(super) executor: Option<Executor>,
    /// The ids of requests that were not answered yet, as far as that was told.
    pub(super) requests: Vec<Raw>,
    /// Of the data of all events. Counted anew when a snapshot is restored.
    #[serde(skip)]
    bytes: usize,
}

impl Stream {
    /// The stream that the server says things on by itself.
    pub(super) const fn standalone() -> Self {
        Self {
            events: VecDeque::new(),
            next: 1,
            lost: 0,
            life: Life::Open,
            executor: None,
            requests: Vec::new(),
            bytes: 0,
        }
    }

    /// The stream of a call, or of a batch of them.
    pub(super) const fn of_calls(requests: Vec<Raw>, executor: Executor) -> Self {
        let executor = Some(executor);
        Self { events: VecDeque::new(), next: 1, lost: 0, life: Life::Open, executor, requests, bytes: 0 }
    }

    /// Bytes of the data of events behind this one.
    pub(super) fn bytes_after(&self, after: u64) -> usize {
        self.events
            .iter()
            .rev()
            .take_while(|event| event.sequence > after)
            .map(|event| event.data.len())
            .sum()
    }

    /// What it costs to hold it, about.
    pub(super) fn cost(&self) -> usize {
        self.bytes + self.events.len() * EVENT_OVERHEAD
    }

    /// The number of the next event.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Of `count` events from `first` on, how many are here already.
    ///
    /// # Errors
    /// [`Refusal::Abandoned`]; [`Refusal::Hole`] when some before them are missing; [`Refusal::Finished`] when there is a
    /// new one and the stream takes none.
    pub(super) fn known(&self, first: u64, count: usize, flaw: Option<Flaw>) -> Result<usize, Refusal> {
        if matches!(self.life, Life::Abandoned(_)) {
            return if flaw == Some(Flaw::LateAnswer) { Ok(0) } else { Err(Refusal::Abandoned) };
        }
        if first > self.next {
            return Err(Refusal::Hole { next: self.next });
        }
        if flaw == Some(Flaw::RepeatedAppend) && self.life == Life::Open {
            return Ok(0);
        }
        let known = usize::try_from(self.next - first).unwrap_or(usize::MAX).min(count);
        if known < count && self.life != Life::Open {
            return Err(Refusal::Finished);
        }
        Ok(known)
    }

    /// Appends an event in the place of any of the same topic.
    pub(super) fn push(&mut self, topic: Option<Arc<str>>, data: Bytes) {
        if topic.is_some()
            && let Some(at) = self.events.iter().position(|event| event.topic == topic)
            && let Some(old) = self.events.remove(at)
        {
            self.bytes -= old.data.len();
        }
        self.bytes += data.len();
        self.events.push_back(Event { sequence: self.next, data, topic });
        self.next += 1;
    }

    /// Requests are answered by what was appended.
    pub(super) fn answer(&mut self, answered: &[Raw]) {
        self.requests.retain(|request| !answered.contains(request));
    }

    /// No more events will come.
    pub(super) fn finish(&mut self, now: WallTime) {
        self.life = Life::Finished(now);
        self.requests = Vec::new();
    }

    /// Ends it with a JSON-RPC error response to each request that has none.
    pub(super) fn abandon(&mut self, now: WallTime, error: &Raw) {
        for request in std::mem::take(&mut self.requests) {
            let parts: [&[u8]; 5] =
                [b"{\"jsonrpc\":\"2.0\",\"id\":", request.bytes(), b",\"error\":", error.bytes(), b"}"];
            self.push(None, parts.concat().into());
        }
        self.life = Life::Abandoned(now);
    }

    /// When it ended.
    pub(super) const fn ended(&self) -> Option<WallTime> {
        match self.life {
            Life::Open => None,
            Life::Finished(at) | Life::Abandoned(at) => Some(at),
        }
    }

    /// Lets go of the oldest events beyond the bounds: of those up to `taken` beyond the small ones, of all beyond the
    /// large ones. The last event always stays.
    pub(super) fn trim(&mut self, taken: u64, bounds: &Bounds) {
        if self.events.len() > bounds.kept_events_max || self.bytes > bounds.kept_bytes_max {
            let mut kept = self.events.partition_point(|event| event.sequence <= taken);
            let mut kept_bytes: usize = self.events.iter().take(kept).map(|event| event.data.len()).sum();
            while kept > bounds.kept_events_max || (kept_bytes > bounds.kept_bytes_max && kept > 1) {
                kept -= 1;
                kept_bytes -= self.lose_oldest();
            }
        }
        while self.is_beyond(bounds) {
            self.lose_oldest();
        }
    }

    fn is_beyond(&self, bounds: &Bounds) -> bool {
        self.events.len() > bounds.hard_events_max
            || (self.bytes > bounds.hard_bytes_max && self.events.len() > 1)
    }

    fn lose_oldest(&mut self) -> usize {
        let oldest = self.events.pop_front().expect("a bound must be passed by something");
        self.lost = oldest.sequence;
        self.bytes -= oldest.data.len();
        oldest.data.len()
    }

    /// The events behind `after`, as many as fit into `bytes_max`, at least one.
    pub(super) fn read(&self, after: u64, bytes_max: usize) -> Read {
        if after < self.lost || after >= self.next {
            return Read::Gap { oldest: self.events.front().map_or(self.next, |event| event.sequence) };
        }
        let begin = self.events.partition_point(|event| event.sequence <= after);
        let mut bytes = 0;
        let mut events = Vec::new();
        for event in self.events.range(begin..) {
            bytes += event.data.len();
            if bytes > bytes_max && !events.is_empty() {
                break;
            }
            events.push((event.sequence, event.data.clone()));
        }
        match (events.is_empty(), self.life) {
            (false, _) => Read::Events(events),
            (true, Life::Open) => Read::Wait,
            (true, Life::Finished(_) | Life::Abandoned(_)) => Read::Finished,
        }
    }

    /// Counts what a snapshot does not carry.
    pub(super) fn recount(&mut self) {
        self.bytes = self.events.iter().map(|event| event.data.len()).sum();
    }

    /// The first thing by which the stream contradicts itself or its bounds.
    pub(super) fn flaw(&self, now: WallTime, bounds: &Bounds) -> Option<&'static str> {
        let sequences = || self.events.iter().map(|event| event.sequence);
        if !(1..=COUNT_MAX).contains(&self.next) || self.lost >= self.next {
            return Some("a stream's numbers must begin at 1 and keep within reason");
        }
        if sequences().zip(sequences().skip(1)).any(|(one, two)| one >= two) {
            return Some("the numbers of events must rise");
        }
        if sequences().any(|sequence| sequence <= self.lost || sequence >= self.next) {
            return Some("an event must stand between what is lost and what is to come");
        }
        if self.is_beyond(bounds) {
            return Some("a stream must keep to its hard bounds");
        }
        if self.bytes != self.events.iter().map(|event| event.data.len()).sum::<usize>() {
            return Some("a stream must know its bytes");
        }
        let topics: Vec<_> = self.events.iter().filter_map(|event| event.topic.as_ref()).collect();
        if topics.iter().collect::<BTreeSet<_>>().len() != topics.len() {
            return Some("a topic must stand once");
        }
        if self.requests.len() > bounds.stream_requests_max {
            return Some("a stream must keep to its requests");
        }
        if self.ended().is_some() && !self.requests.is_empty() {
            return Some("a stream that ended must owe no answer");
        }
        if self.ended().is_some_and(|at| at > now) {
            return Some("a stream must not end in the future");
        }
        None
    }
}
