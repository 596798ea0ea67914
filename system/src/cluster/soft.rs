//! What the owner of a group knows beside the log, for as long as it leads. Lost with its term, and told anew.

use std::collections::BTreeMap;

use super::wire::Turn;
use crate::env::Instant;
use crate::ids::{GroupId, NodeId, SessionId, StreamId};

/// Topics that are remembered with their versions. Beyond, the one published longest ago counts as published anew.
const TOPICS_MAX: usize = 100_000;

/// See the [module](self) page.
#[derive(Debug)]
pub(super) struct Soft {
    group: GroupId,
    term: u64,
    since: Instant,
    turns: u64,
    readers: BTreeMap<(SessionId, StreamId), Reader>,
    sessions: BTreeMap<SessionId, Use>,
    /// How many wait for an event of a session.
    reading: BTreeMap<SessionId, u32>,
    /// When the sessions were last looked through.
    looked: Instant,
    /// Where the log ended when it was last looked at, and since when.
    last: Option<u64>,
    last_at: Instant,
    topics: BTreeMap<Box<str>, u64>,
    published: u64,
    /// A bug, for tests that must find it: versions of topics do not rise over terms.
    counts_anew: bool,
}

#[derive(Clone, Copy, Debug)]
struct Reader {
    turn: Turn,
    taken: u64,
    close_ms: Option<u64>,
}

#[derive(Clone, Debug)]
struct Use {
    used: Instant,
    holders: BTreeMap<NodeId, Instant>,
}

impl Soft {
    /// Of a replica that leads nothing yet.
    pub(super) fn new(group: GroupId, counts_anew: bool) -> Self {
        Self {
            group,
            term: 0,
            since: Instant::default(),
            turns: 0,
            readers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            reading: BTreeMap::new(),
            looked: Instant::default(),
            last: None,
            last_at: Instant::default(),
            topics: BTreeMap::new(),
            published: 0,
            counts_anew,
        }
    }

    /// Leads in `term`. What was known in another term is forgotten: others may have led meanwhile.
    pub(super) fn enter(&mut self, term: u64, now: Instant) {
        if self.term != term {
            // Versions of topics rise over terms, so whoever knows one of a former owner hears that it is newer.
            let published = if self.counts_anew { 0 } else { term << 32 };
            *self = Self { term, published, last_at: now, ..Self::new(self.group, self.counts_anew) };
            self.begin_anew(now);
        }
    }

    /// Sessions came that others owned before: what those granted, and to whom, is not known here.
    pub(super) const fn begin_anew(&mut self, now: Instant) {
        (self.since, self.looked) = (now, now);
    }

    /// The term that it last led in.
    pub(super) const fn term(&self) -> u64 {
        self.term
    }

    /// Since when this owner leads.
    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    /// Gives the turn of reading a stream.
    pub(super) fn take_turn(&mut self, id: SessionId, stream: StreamId, taken: u64) -> Turn {
        self.turns += 1;
        let turn = Turn { group: self.group, term: self.term, number: self.turns };
        self.readers.insert((id, stream), Reader { turn, taken, close_ms: None });
        turn
    }

    /// Whether a turn was given by an owner before, or by the owner that the stream had in another group.
    pub(super) fn is_of_another(&self, turn: Turn) -> bool {
        (turn.group, turn.term) != (self.group, self.term)
    }

    /// Notes that a reader has everything up to `after`. False where the turn is over.
    pub(super) fn reads(&mut self, id: SessionId, stream: StreamId, after: u64, turn: Turn) -> bool {
        // A turn that is not known here was given by an owner before.
        let reader =
            self.readers.entry((id, stream)).or_insert(Reader { turn, taken: after, close_ms: None });
        if turn < reader.turn {
            return false;
        }
        (reader.turn, reader.taken) = (turn, after);
        true
    }

    /// The last event that was handed to a reader, as far as is known: 0 where nothing is.
    pub(super) fn taken(&self, id: SessionId, stream: StreamId) -> u64 {
        self.readers.get(&(id, stream)).map_or(0, |reader| reader.taken)
    }

    /// Asks the reader of a stream to close its connection.
    pub(super) fn close(&mut self, id: SessionId, stream: StreamId, retry_ms: u64) {
        if let Some(reader) = self.readers.get_mut(&(id, stream)) {
            reader.close_ms = Some(retry_ms);
        }
    }

    /// Whether the reader is to close its connection now.
    pub(super) fn take_close(&mut self, id: SessionId, stream: StreamId) -> Option<u64> {
        self.readers.get_mut(&(id, stream))?.close_ms.take()
    }

    /// A node serves a session until `until`.
    pub(super) fn hold(&mut self, id: SessionId, holder: NodeId, until: Instant) {
        let session =
            self.sessions.entry(id).or_insert_with(|| Use { used: until, holders: BTreeMap::new() });
        session.used = until;
        session.holders.insert(holder, until);
    }

    /// Nodes that may serve a session at `now`, each with when its lease ends or ended: in its grace a node goes on without.
    pub(super) fn holders(&mut self, id: SessionId, now: Instant, grace_ms: u64) -> Vec<(NodeId, Instant)> {
        let Some(session) = self.sessions.get_mut(&id) else { return Vec::new() };
        session.holders.retain(|_, until| until.after_ms(grace_ms) > now);
        session.holders.iter().map(|(node, until)| (*node, *until)).collect()
    }

    /// Whether nobody used a session for so long, as far as is known: counted at the earliest from when this owner leads.
    pub(super) fn is_idle(&self, id: SessionId, now: Instant, idle_ms_max: u64) -> bool {
        let used = self.sessions.get(&id).map_or(self.since, |session| session.used.max(self.since));
        used.after_ms(idle_ms_max) <= now && !self.reading.contains_key(&id)
    }

    /// Somebody waits for an event of a session, which is a use of it.
    pub(super) fn begin_reading(&mut self, id: SessionId) {
        *self.reading.entry(id).or_insert(0) += 1;
    }

    /// Whoever waited no longer does.
    pub(super) fn end_reading(&mut self, id: SessionId, now: Instant) {
        // What began in another term is not counted in this one.
        if let Some(count) = self.reading.get_mut(&id) {
            *count -= 1;
            if *count == 0 {
                self.reading.remove(&id);
            }
        }
        if let Some(session) = self.sessions.get_mut(&id) {
            session.used = session.used.max(now);
        }
    }

    /// Whether the log has ended at the same entry for so long.
    pub(super) fn is_quiet(&mut self, last: Option<u64>, now: Instant, quiet_ms: u64) -> bool {
        if self.last != last {
            (self.last, self.last_at) = (last, now);
        }
        self.last_at.after_ms(quiet_ms) <= now
    }

    /// Whether it is time to look through the sessions again.
    pub(super) fn look_again(&mut self, now: Instant, period_ms: u64) -> bool {
        let due = now >= self.looked.after_ms(period_ms);
        if due {
            self.looked = now;
        }
        due
    }

    /// Forgets a session that ended.
    pub(super) fn forget(&mut self, id: SessionId) {
        self.sessions.remove(&id);
        let streams: Vec<_> =
            self.readers.range((id, StreamId(0))..=(id, StreamId(u64::MAX))).map(|(key, _)| *key).collect();
        for key in streams {
            self.readers.remove(&key);
        }
    }

    /// Forgets sessions that went to another group. One that was ended here just before may yet have to be told to those
    /// who hold a lease on it.
    pub(super) fn forget_moved(&mut self, now: Instant, is_here: impl Fn(SessionId) -> bool) {
        let is_leased = |session: &Use| session.holders.values().any(|until| *until > now);
        self.sessions.retain(|id, session| is_here(*id) || is_leased(session));
    }

    /// Forgets readers of streams that `keep` no longer knows.
    pub(super) fn retain_readers(&mut self, keep: impl Fn(SessionId, StreamId) -> bool) {
        self.readers.retain(|(id, stream), _| keep(*id, *stream));
    }

    /// A topic changed.
    pub(super) fn publish(&mut self, uri: &str) {
        if let Some(version) = self.topics.get_mut(uri) {
            self.published += 1;
            *version = self.published;
        }
        // Nobody was told of a topic that is not known here: whoever asks for it next is told at once.
    }

    /// Topics that are newer than known, with their versions; those that were not known here are from now on.
    pub(super) fn newer(&mut self, known: &[(Box<str>, u64)]) -> Vec<(Box<str>, u64)> {
        let mut newer = Vec::new();
        for (uri, seen) in known {
            let version = match self.topics.get(uri) {
                Some(version) => *version,
                None => {
                    self.published += 1;
                    self.make_room();
                    self.topics.insert(uri.clone(), self.published);
                    self.published
                }
            };
            if version > *seen {
                newer.push((uri.clone(), version));
            }
        }
        newer
    }

    fn make_room(&mut self) {
        if self.topics.len() >= TOPICS_MAX
            && let Some(oldest) = self.topics.iter().min_by_key(|(_, version)| **version)
        {
            let oldest = oldest.0.clone();
            self.topics.remove(&oldest);
        }
    }
}
