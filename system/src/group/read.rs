//! What the leader reads of applied state. Nothing here changes anything, expiry included.

use std::sync::Arc;

use bytes::Bytes;

use super::machine::Group;
use super::stream::Stream;
use crate::env::WallTime;
use crate::ids::{Executor, SessionId, StreamId};
use crate::jsonrpc::Raw;
use crate::seal::Principal;
use crate::task::Tasks;

/// A session, as its edge needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// What the edge wrote of the client.
    pub client: Bytes,
    /// The least level of messages that it wants.
    pub log_level: u8,
    /// What it subscribed to, in order.
    pub subscriptions: Vec<Arc<str>>,
}

/// What a reader of a stream gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read {
    /// Events with their numbers, which rise; numbers that are passed over were replaced by later ones.
    Events(Vec<(u64, Bytes)>),
    /// There is nothing yet: look again at the next [`Change::StreamChanged`](super::Change::StreamChanged).
    Wait,
    /// There is nothing, and will be nothing.
    Finished,
    /// Events behind the place were let go of, or the place is behind the last event: nobody can go on from there.
    Gap {
        /// The oldest event that is held, or the next one where none is.
        oldest: u64,
    },
    /// The session has no such stream, or no longer.
    NoSuchStream,
    /// There is no such session, or it has ended.
    NoSuchSession,
}

impl Group {
    /// A session, where it is this principal's.
    #[must_use]
    pub fn record(&self, id: SessionId, principal: Principal) -> Option<Record> {
        let session = self.sessions.get(&id).filter(|session| session.principal == principal)?;
        Some(Record {
            client: session.client.clone(),
            log_level: session.log_level,
            subscriptions: session.subscriptions.iter().cloned().collect(),
        })
    }

    /// The events of a stream behind `after`, as many as fit into `bytes_max`, at least one.
    #[must_use]
    pub fn read(&self, id: SessionId, stream: StreamId, after: u64, bytes_max: usize) -> Read {
        if !self.sessions.contains_key(&id) {
            return Read::NoSuchSession;
        }
        match self.streams.get(&(id, stream)) {
            Some(stream) => stream.read(after, bytes_max),
            // It is there from the beginning, but costs nothing before its first event.
            None if stream == StreamId(0) => Stream::standalone().read(after, bytes_max),
            None => Read::NoSuchStream,
        }
    }

    /// The number that the next event of a stream gets; `None` where there is no such stream.
    #[must_use]
    pub fn next_of(&self, id: SessionId, stream: StreamId) -> Option<u64> {
        match self.streams.get(&(id, stream)) {
            Some(stream) => Some(stream.next()),
            None => (stream == StreamId(0) && self.sessions.contains_key(&id)).then_some(1),
        }
    }

    /// How many sessions there are.
    #[must_use]
    pub fn sessions_len(&self) -> usize {
        self.sessions.len()
    }

    /// Every session, in the order of ids.
    pub fn session_ids(&self) -> impl Iterator<Item = SessionId> {
        self.sessions.keys().copied()
    }

    /// The resources that any session subscribed to, in order.
    pub fn interest(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_uri.keys()
    }

    /// How many sessions subscribed to a resource.
    #[must_use]
    pub fn subscribers(&self, uri: &str) -> usize {
        self.by_uri.get(uri).map_or(0, |sessions| sessions.len())
    }

    /// The streams that a process works on, and that are not finished.
    pub fn streams_of(&self, executor: Executor) -> impl Iterator<Item = (SessionId, StreamId)> {
        let first = (executor, SessionId(0), StreamId(0));
        let last = (executor, SessionId(u128::MAX), StreamId(u64::MAX));
        self.by_executor.range(first..=last).map(|(_, id, stream)| (*id, *stream))
    }

    /// Who works on a request that was not answered yet, and on which stream the answer will come: for its cancellation.
    /// `request` is the JSON-RPC id, written as it was when the stream was opened.
    #[must_use]
    pub fn find(&self, id: SessionId, request: &Raw) -> Option<(StreamId, Executor)> {
        let calls = self.streams.range((id, StreamId(1))..=(id, StreamId(u64::MAX)));
        calls.into_iter().find_map(|((_, number), stream)| {
            let executor = stream.executor.filter(|_| stream.requests.contains(request))?;
            Some((*number, executor))
        })
    }

    /// The tasks: to get, list and watch.
    #[must_use]
    pub const fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// The last version of the lists that sessions were told of.
    #[must_use]
    pub const fn lists_version(&self) -> u64 {
        self.lists_version
    }

    /// Bytes that events cost, about: held against [`Bounds::held_bytes_max`](super::Bounds::held_bytes_max).
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// When something is next past its time; `None` where there is nothing to forget. Then it is time for
    /// [`Command::Expire`](super::Command::Expire).
    #[must_use]
    pub fn next_due(&self) -> Option<WallTime> {
        let stream = self.by_end.first().map(|(due, ..)| *due);
        let tombstone = self.tombstones_by_expiry.first().map(|(due, _)| *due);
        [stream, tombstone, self.dedup.next_due(), self.tasks.next_due()].into_iter().flatten().min()
    }
}
