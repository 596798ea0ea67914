//! The whole state as bytes: a version, then postcard. Indexes and counts are not carried, they are made anew.
//!
//! A snapshot comes from outside (a disk, a peer): whatever a later command would stumble over is found here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::command::Reply;
use super::machine::Group;
use super::session::Session;
use super::split::Split;
use super::stream::Stream;
use super::streams::Key;
use super::wire::{self, WireError};
use crate::env::WallTime;
use crate::ids::{SessionId, StreamId};
use crate::task::{self, Dedup, Flaw, Lines, Tasks};

/// Rises when anything in the state changes shape.
const VERSION: u8 = 1;

/// No count that began at zero gets there; one that stands here would soon overflow.
pub(super) const COUNT_MAX: u64 = 1 << 62;

/// Why a snapshot was not restored. There is no state then.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes are no snapshot of a version that this program knows.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// It is a snapshot, and contradicts itself or the bounds.
    #[error(transparent)]
    Unsound(#[from] Flaw),
}

/// What is carried. [`Held`] must have the same fields in the same order.
#[derive(Serialize)]
pub(super) struct Carried<'a> {
    pub(super) now: WallTime,
    pub(super) lists_version: u64,
    pub(super) sessions: &'a BTreeMap<SessionId, Session>,
    pub(super) streams: &'a BTreeMap<Key, Stream>,
    pub(super) tombstones: &'a BTreeMap<SessionId, WallTime>,
    pub(super) dedup: Lines<Reply>,
    pub(super) tasks: task::Image,
    pub(super) split: &'a Split,
}

impl Carried<'_> {
    /// The bytes that [`Group::restore`] reads.
    pub(super) fn encode(&self) -> Vec<u8> {
        wire::write(VERSION, self)
    }
}

/// What was carried.
#[derive(Deserialize)]
struct Held {
    now: WallTime,
    lists_version: u64,
    sessions: BTreeMap<SessionId, Session>,
    streams: BTreeMap<Key, Stream>,
    tombstones: BTreeMap<SessionId, WallTime>,
    dedup: Lines<Reply>,
    tasks: task::Image,
    split: Split,
}

impl Group {
    /// The whole state. Two groups with the same state have the same snapshot. Changes that were not polled are not in it:
    /// watchers are each replica's own.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let whole = Carried {
            now: self.now,
            lists_version: self.lists_version,
            sessions: &self.sessions,
            streams: &self.streams,
            tombstones: &self.tombstones,
            dedup: self.dedup.lines(),
            tasks: self.tasks.image(),
            split: &self.split,
        };
        whole.encode()
    }

    /// The state of a snapshot. `bounds` must be those of the group that it came from.
    ///
    /// # Errors
    /// [`SnapshotError`] when the bytes are not the snapshot of any group with these bounds.
    pub fn restore(bounds: Bounds, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let held: Held = wire::read(VERSION, bytes)?;
        let mut group = Self::new(bounds);
        group.now = held.now;
        group.lists_version = held.lists_version;
        group.sessions = held.sessions;
        group.streams = held.streams;
        group.tombstones = held.tombstones;
        group.split = held.split;
        let latest = held.now.after_ms(group.bounds.request_ttl_ms);
        group.dedup = Dedup::restore(held.dedup, group.bounds.requests_max, latest)
            .ok_or(Flaw("memory of requests is out of order"))?;
        group.tasks = Tasks::restore(group.bounds.tasks.clone(), held.tasks)?;
        group.index()?;
        group.flaw().map_or(Ok(group), |flaw| Err(Flaw(flaw).into()))
    }

    /// Makes anew what a snapshot does not carry.
    fn index(&mut self) -> Result<(), Flaw> {
        for (id, session) in &mut self.sessions {
            for uri in &session.subscriptions {
                self.by_uri.entry(uri.clone()).or_default().insert(*id);
            }
            // One text for all that subscribe to it, as it was before.
            let shared = session.subscriptions.iter();
            session.subscriptions =
                shared.filter_map(|uri| self.by_uri.get_key_value(uri)).map(|(uri, _)| uri.clone()).collect();
        }
        for ((id, number), stream) in &mut self.streams {
            let session = self.sessions.get_mut(id).ok_or(Flaw("a stream must have its session"))?;
            session.streams += usize::from(*number != StreamId(0));
            stream.recount();
            self.held_bytes += stream.cost();
            match (stream.executor, stream.ended()) {
                (_, Some(at)) => {
                    self.by_end.insert((at.after_ms(self.bounds.finished_ttl_ms), *id, *number));
                }
                (Some(executor), None) => {
                    self.by_executor.insert((executor, *id, *number));
                }
                (None, None) => {}
            }
        }
        self.tombstones_by_expiry = self.tombstones.iter().map(|(id, expires)| (*expires, *id)).collect();
        Ok(())
    }

    /// The first thing by which the state contradicts itself or the bounds: a full pass.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        let bounds = &self.bounds;
        let places = bounds.sessions_max + bounds.tombstones_max;
        if self.sessions.len() > bounds.sessions_max || self.sessions.len() + self.tombstones.len() > places {
            return Some("sessions must keep to their bound");
        }
        if self.tombstones.keys().any(|id| self.sessions.contains_key(id)) {
            return Some("a session that ended must not be there");
        }
        if self.streams.values().map(Stream::cost).sum::<usize>() != self.held_bytes {
            return Some("the group must know its bytes");
        }
        let subscriptions: usize = self.sessions.values().map(|session| session.subscriptions.len()).sum();
        let subscribers: usize = self.by_uri.values().map(|sessions| sessions.len()).sum();
        if subscriptions != subscribers || self.by_uri.values().any(|sessions| sessions.is_empty()) {
            return Some("each subscription must stand by its resource");
        }
        if let Some(flaw) = self.split_flaw() {
            return Some(flaw);
        }
        let sessions = self.sessions.iter().find_map(|(id, session)| self.session_flaw(*id, session));
        sessions.or_else(|| self.streams.iter().find_map(|(key, stream)| self.stream_flaw(*key, stream)))
    }

    fn session_flaw(&self, id: SessionId, session: &Session) -> Option<&'static str> {
        let bounds = &self.bounds;
        if session.client.len() > bounds.client_bytes_max || session.last_stream > COUNT_MAX {
            return Some("a session must keep within reason");
        }
        if session.streams > bounds.streams_max || session.subscriptions.len() > bounds.subscriptions_max {
            return Some("a session must keep to its bounds");
        }
        let is_listed = |uri| self.by_uri.get(uri).is_some_and(|sessions| sessions.contains(&id));
        if !session.subscriptions.iter().all(is_listed) {
            return Some("each subscription must stand by its resource");
        }
        let calls = self.streams.range((id, StreamId(1))..=(id, StreamId(u64::MAX))).count();
        (calls != session.streams).then_some("a session must know how many streams it has")
    }

    fn stream_flaw(&self, (id, number): Key, stream: &Stream) -> Option<&'static str> {
        let Some(session) = self.sessions.get(&id) else { return Some("a stream must have its session") };
        if number.0 > session.last_stream {
            return Some("a stream must have been opened");
        }
        if (number == StreamId(0)) != stream.executor.is_none() {
            return Some("each stream but the standalone one must have an executor");
        }
        if number == StreamId(0) && stream.ended().is_some() {
            return Some("a standalone stream must end with its session only");
        }
        let worked_on =
            stream.executor.is_some_and(|executor| self.by_executor.contains(&(executor, id, number)));
        let due = stream.ended().map(|at| at.after_ms(self.bounds.finished_ttl_ms));
        let is_over = due.is_some_and(|due| self.by_end.contains(&(due, id, number)));
        if number != StreamId(0) && worked_on == is_over {
            return Some("a stream must be worked on or finished, not both");
        }
        stream.flaw(self.now, &self.bounds)
    }
}
