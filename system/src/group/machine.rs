//! The machine: sessions, and what all commands have in common (time, repetition, expiry). Streams are next door.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::bounds::Bounds;
use super::command::{Change, Command, Entry, Refusal, Reply};
use super::session::Session;
use super::split::Split;
use super::stream::Stream;
use super::streams::Key;
use crate::env::WallTime;
use crate::ids::{Executor, SessionId, StreamId};
use crate::seal::Principal;
use crate::task::{self, Dedup, RequestId, Tasks};

/// How many of each kind one command forgets at most: what piled up (the streams of a dead node all end at once) must not
/// hold up the command that finds it. What is overdue is still there until then, and `Expire` says whether there is more.
const EXPIRE_BATCH: usize = 256;

/// One data group's state. A clone is a snapshot too, but a deep one.
#[derive(Clone, Debug)]
pub struct Group {
    pub(super) bounds: Bounds,
    /// The latest time that any entry brought.
    pub(super) now: WallTime,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    /// Sessions by resource.
    pub(super) by_uri: BTreeMap<Arc<str>, BTreeSet<SessionId>>,
    /// All streams of all sessions: in one map, since most sessions have none. A standalone stream is here once it has had
    /// an event.
    pub(super) streams: BTreeMap<(SessionId, StreamId), Stream>,
    /// Streams that are not finished, by who works on them.
    pub(super) by_executor: BTreeSet<(Executor, SessionId, StreamId)>,
    /// Finished streams by when they are let go of.
    pub(super) by_end: BTreeSet<(WallTime, SessionId, StreamId)>,
    /// What all streams cost.
    pub(super) held_bytes: usize,
    /// Sessions that ended, with when that may be forgotten; and the same by that time.
    pub(super) tombstones: BTreeMap<SessionId, WallTime>,
    pub(super) tombstones_by_expiry: BTreeSet<(WallTime, SessionId)>,
    pub(super) lists_version: u64,
    pub(super) tasks: Tasks,
    pub(super) dedup: Dedup<Reply>,
    pub(super) split: Split,
    /// What watchers have not been told yet.
    pub(super) changes: VecDeque<Change>,
    /// No part of the state: replicas that were restored from a snapshot count anew.
    pub(super) repeats: Repeats,
}

/// How often something came that had come before, and changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Repeats {
    /// Commands that were answered from memory.
    pub commands: u64,
    /// Appends of events that were there.
    pub appends: u64,
}

/// A reply, and whether anything changed that a repetition would change again.
pub(super) type Outcome = Result<(Reply, bool), Refusal>;

impl Group {
    /// Nothing yet.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        bounds.assert_sound();
        Self {
            now: WallTime::from_unix_ms(0),
            sessions: BTreeMap::new(),
            by_uri: BTreeMap::new(),
            streams: BTreeMap::new(),
            by_executor: BTreeSet::new(),
            by_end: BTreeSet::new(),
            held_bytes: 0,
            tombstones: BTreeMap::new(),
            tombstones_by_expiry: BTreeSet::new(),
            lists_version: 0,
            tasks: Tasks::new(bounds.tasks.clone()),
            dedup: Dedup::default(),
            split: Split::default(),
            changes: VecDeque::new(),
            repeats: Repeats::default(),
            bounds,
        }
    }

    /// Carries out an entry. The same request again gives the same reply (as long as it is remembered) and changes
    /// nothing, but time goes on, and expiry with it. Take the changes ([`poll_change`](Self::poll_change)) before the
    /// next one.
    pub fn apply(&mut self, entry: Entry) -> Reply {
        self.assert_sound();
        self.now = self.now.max(WallTime::from_unix_ms(entry.now_ms));
        self.expire();
        let is_here = entry.command.slot().is_none_or(|slot| self.holds(slot));
        let reply = match entry.command {
            _ if !is_here => Reply::Refused(Refusal::Moved),
            Command::Tasks(command) => Reply::Tasks(self.tasks.apply(self.now, entry.request, command)),
            Command::Expire => self.expire_all(entry.request),
            // These repeat harmlessly by what they say.
            Command::Open { id, principal, client } => done(self.open(id, principal, client)),
            Command::End { id, reason } => done(self.end(id, reason)),
            Command::Append { id, stream, first, events, answered, finish, taken } => self
                .append((id, stream), (first, events), &answered, finish, taken)
                .map_or_else(Reply::Refused, |next| Reply::Appended { next }),
            Command::ListsChanged { version, notices } => done(self.lists_changed(version, &notices)),
            Command::ExecutorGone { executor, error } => done(self.executor_gone(executor, &error)),
            Command::Freeze { child } => done(self.freeze(child)),
            Command::Shed { child } => {
                self.shed(child);
                Reply::Done
            }
            Command::Receive { at, bytes } => done(self.receive(at, bytes)),
            Command::Adopt { len, digest } => done(self.adopt(len, digest)),
            // These do not.
            command => self.once(entry.request, command),
        };
        while let Some(change) = self.tasks.poll_change() {
            self.changes.push_back(Change::Task(change));
        }
        self.assert_sound();
        reply
    }

    fn once(&mut self, request: RequestId, command: Command) -> Reply {
        if let Some(reply) = self.dedup.reply(request) {
            self.repeats.commands += 1;
            return reply.clone();
        }
        if !self.dedup.has_room(self.bounds.requests_max) {
            return Reply::Refused(Refusal::Full);
        }
        let outcome = match command {
            Command::SetLogLevel { id, level } => self.set_log_level(id, level),
            Command::Subscribe { id, uri } => self.subscribe(id, uri),
            Command::Unsubscribe { id, uri } => self.unsubscribe(id, &uri),
            Command::OpenStream { id, requests, executor } => self.open_stream(id, requests, executor),
            Command::Offer { id, topic, data, taken } => self.offer(id, topic, data, taken),
            Command::ResourceUpdated { uri, data } => self.resource_updated(&uri, &data),
            _ => unreachable!("a command that repeats harmlessly must have been carried out"),
        };
        let (reply, changed) = outcome.unwrap_or_else(|refusal| (Reply::Refused(refusal), false));
        let expires = self.now.after_ms(self.bounds.request_ttl_ms);
        self.dedup.keep(request, reply.clone(), changed, expires, self.bounds.requests_max);
        reply
    }

    /// The session.
    pub(super) fn session(&mut self, id: SessionId) -> Result<&mut Session, Refusal> {
        let ended = self.tombstones.contains_key(&id);
        self.sessions.get_mut(&id).ok_or(if ended { Refusal::Ended } else { Refusal::NoSession })
    }

    fn open(&mut self, id: SessionId, principal: Principal, client: Bytes) -> Result<(), Refusal> {
        match self.session(id) {
            Ok(there) if there.principal == principal && there.client == client => return Ok(()),
            Ok(_) => return Err(Refusal::Exists),
            Err(Refusal::Ended) => return Err(Refusal::Ended),
            Err(_) => {}
        }
        if client.len() > self.bounds.client_bytes_max {
            return Err(Refusal::TooLarge);
        }
        // A session that ends needs a place for its stone, so that place is taken from the beginning.
        let places = self.bounds.sessions_max + self.bounds.tombstones_max;
        if self.sessions.len() >= self.bounds.sessions_max
            || self.sessions.len() + self.tombstones.len() >= places
        {
            return Err(Refusal::Full);
        }
        self.sessions.insert(id, Session::new(principal, client));
        self.changes.push_back(Change::SessionOpened(id));
        Ok(())
    }

    fn end(&mut self, id: SessionId, reason: u8) -> Result<(), Refusal> {
        if self.take_out(id).is_none() {
            return if self.tombstones.contains_key(&id) { Ok(()) } else { Err(Refusal::NoSession) };
        }
        let expires = self.now.after_ms(self.bounds.request_ttl_ms);
        self.tombstones.insert(id, expires);
        self.tombstones_by_expiry.insert((expires, id));
        self.changes.push_back(Change::SessionEnded { id, reason });
        Ok(())
    }

    /// Takes out a session with its subscriptions and its streams.
    pub(super) fn take_out(&mut self, id: SessionId) -> Option<(Session, Vec<(Key, Stream)>)> {
        let session = self.sessions.remove(&id)?;
        for uri in &session.subscriptions {
            self.lose_interest(id, uri);
        }
        let keys = self.streams.range((id, StreamId(0))..=(id, StreamId(u64::MAX)));
        let keys: Vec<Key> = keys.map(|(key, _)| *key).collect();
        Some((session, keys.into_iter().map(|key| (key, self.let_go(key))).collect()))
    }

    fn set_log_level(&mut self, id: SessionId, level: u8) -> Outcome {
        let session = self.session(id)?;
        if std::mem::replace(&mut session.log_level, level) != level {
            self.changes.push_back(Change::SessionChanged(id));
        }
        // Also where the level is as it was: a late copy would undo what came in between.
        Ok((Reply::Done, true))
    }

    fn subscribe(&mut self, id: SessionId, uri: Arc<str>) -> Outcome {
        let (subscriptions_max, uri_bytes_max) = (self.bounds.subscriptions_max, self.bounds.uri_bytes_max);
        let session = self.session(id)?;
        if session.subscriptions.contains(&uri) {
            return Ok((Reply::Done, true));
        }
        if uri.len() > uri_bytes_max {
            return Err(Refusal::TooLarge);
        }
        if session.subscriptions.len() >= subscriptions_max {
            return Err(Refusal::TooManySubscriptions);
        }
        // One text for all that subscribe to it.
        let uri = self.by_uri.get_key_value(&uri).map_or(uri, |(known, _)| Arc::clone(known));
        self.session(id)?.subscriptions.insert(Arc::clone(&uri));
        let sessions = self.by_uri.entry(Arc::clone(&uri)).or_default();
        sessions.insert(id);
        if sessions.len() == 1 {
            self.changes.push_back(Change::InterestGained(uri));
        }
        self.changes.push_back(Change::SessionChanged(id));
        Ok((Reply::Done, true))
    }

    fn unsubscribe(&mut self, id: SessionId, uri: &Arc<str>) -> Outcome {
        if self.session(id)?.subscriptions.remove(uri) {
            self.lose_interest(id, uri);
            self.changes.push_back(Change::SessionChanged(id));
        }
        Ok((Reply::Done, true))
    }

    fn lose_interest(&mut self, id: SessionId, uri: &Arc<str>) {
        let sessions = self.by_uri.get_mut(uri).expect("each subscription must stand by its resource");
        sessions.remove(&id);
        if sessions.is_empty() {
            self.by_uri.remove(uri);
            self.changes.push_back(Change::InterestLost(Arc::clone(uri)));
        }
    }

    fn expire_all(&mut self, request: RequestId) -> Reply {
        self.tasks.apply(self.now, request, task::Command::Expire);
        Reply::Expired { more: self.next_due().is_some_and(|due| due <= self.now) }
    }

    fn expire(&mut self) {
        for _ in 0..EXPIRE_BATCH {
            let Some((_, id, stream)) = self.by_end.first().filter(|(due, ..)| *due <= self.now) else {
                break;
            };
            self.let_go((*id, *stream));
        }
        for _ in 0..EXPIRE_BATCH {
            let due = self.tombstones_by_expiry.first().is_some_and(|(due, _)| *due <= self.now);
            let Some((_, id)) = due.then(|| self.tombstones_by_expiry.pop_first()).flatten() else { break };
            self.tombstones.remove(&id);
        }
        self.dedup.expire(self.now, EXPIRE_BATCH);
    }

    /// How often something came once more since this replica began.
    #[must_use]
    pub fn repeats(&self) -> Repeats {
        Repeats { commands: self.repeats.commands + self.tasks.repeats(), ..self.repeats }
    }

    /// The next change that watchers have not been told.
    pub fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// What can be checked without walking: done before and after each command.
    fn assert_sound(&self) {
        let bounds = &self.bounds;
        assert!(self.sessions.len() <= bounds.sessions_max, "sessions must keep to their bound");
        assert!(
            self.sessions.len() + self.tombstones.len() <= bounds.sessions_max + bounds.tombstones_max,
            "every session must have a place for its stone"
        );
        assert_eq!(self.tombstones.len(), self.tombstones_by_expiry.len(), "each stone must have one expiry");
        assert!(
            self.by_executor.len() + self.by_end.len() <= self.streams.len(),
            "a stream must be worked on or finished, not both"
        );
        self.dedup.assert_sound(bounds.requests_max);
    }

    /// Walks everything and panics where parts contradict each other. For tests and checkers: it costs a full pass.
    pub fn assert_whole(&self) {
        self.assert_sound();
        self.tasks.assert_whole();
        assert_eq!(self.flaw(), None, "the group must be sound");
    }
}

fn done(outcome: Result<(), Refusal>) -> Reply {
    outcome.map_or_else(Reply::Refused, |()| Reply::Done)
}
