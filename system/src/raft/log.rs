//! The log of one group, as the engine wants it, kept in the node's store.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ground::Ground;
use super::group::Options;
use super::link::PIECE_BYTES_MAX;
use super::proof::Promised;
use super::types::{Ballot, Entry, LogId, Position, Types, Vote, decode, encode, log_id, position};
use crate::env::sometimes;
use crate::ids::GroupId;
use crate::store::{Done, Failed, Scope, Store};

const VOTE_KEY: &str = "vote";
const PURGED_KEY: &str = "purged";
const COMMITTED_KEY: &str = "committed";
/// How far the index that is written may lag behind: so many entries, at most, a restart applies only once it hears of a leader.
const COMMITTED_EVERY: u64 = 64;

/// Reads the log. The vote is in memory: it is asked for twice with every batch that is replicated.
#[derive(Clone)]
pub(super) struct Reader {
    store: Store,
    group: GroupId,
    vote: Arc<Mutex<Option<Ballot>>>,
}

/// Writes the log.
pub(super) struct Log {
    reader: Reader,
    purged: Option<LogId>,
    last: Option<LogId>,
    committed: Option<LogId>,
    /// The committed index that was ordered to be written last.
    noted: u64,
    promised: Promised,
    /// See [`Options::counts_unwritten`].
    counts_unwritten: bool,
}

pub(super) fn to_io(failed: Failed) -> io::Error {
    io::Error::other(failed)
}

fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn to_bytes<T: Serialize>(value: &T) -> Bytes {
    postcard::to_stdvec(value).expect("plain numbers must encode").into()
}

impl Log {
    /// Reads what the store holds of the group.
    pub(super) async fn load(store: Store, options: &Options) -> io::Result<Self> {
        async fn get<T: DeserializeOwned>(
            store: &Store,
            group: GroupId,
            key: &'static str,
        ) -> io::Result<Option<T>> {
            let value = store.get(Scope::Group(group), key).await.map_err(to_io)?;
            value.map(|value| postcard::from_bytes(&value).map_err(damaged)).transpose()
        }
        let Options { group, counts_unwritten, .. } = *options;
        let bounds = store.bounds(group).await.map_err(to_io)?;
        let vote: Option<Ballot> = get(&store, group, VOTE_KEY).await?;
        let purged = log_id(get::<Position>(&store, group, PURGED_KEY).await?);
        let committed = log_id(get::<Position>(&store, group, COMMITTED_KEY).await?);
        let reader = Reader { store, group, vote: Arc::new(Mutex::new(vote)) };
        let last = if bounds.is_empty() {
            purged
        } else {
            let entries = reader.entries(bounds.end - 1..bounds.end).await?;
            entries.first().map(|entry| entry.log_id)
        };
        let noted = committed.map_or(0, |committed| committed.index);
        let promised = Promised::new(vote.map(|vote| vote.term));
        Ok(Self { reader, purged, last, committed, noted, promised, counts_unwritten })
    }

    /// To which term this member promised anything.
    pub(super) fn promised(&self) -> Promised {
        self.promised.clone()
    }

    /// Whether this node ever took part.
    pub(super) fn is_new(&self) -> bool {
        self.last.is_none() && self.reader.vote().is_none()
    }
}

impl Reader {
    fn vote(&self) -> Option<Ballot> {
        *self.vote.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn entries(&self, range: Range<u64>) -> io::Result<Vec<Entry>> {
        let (first, entries) = self.store.read(self.group, range).await.map_err(to_io)?;
        (first..).zip(&entries).map(|(index, bytes)| decode(index, bytes).map_err(damaged)).collect()
    }
}

fn range(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => *start + 1,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => *end + 1,
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}

impl RaftLogReader<Types> for Reader {
    async fn try_get_log_entries<R>(&mut self, wanted: R) -> io::Result<Vec<Entry>>
    where
        R: RangeBounds<u64> + Clone + Debug + Send,
    {
        self.entries(range(&wanted)).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.vote().map(Vote::from))
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        let (first, mut entries) = self.store.read(self.group, start..end).await.map_err(to_io)?;
        let mut bytes = 0;
        let fits = entries.iter().position(|entry| {
            bytes += entry.len();
            bytes > PIECE_BYTES_MAX
        });
        // One at the least, however large: it has to travel some day.
        entries.truncate(fits.unwrap_or(entries.len()).max(1));
        (first..).zip(&entries).map(|(index, bytes)| decode(index, bytes).map_err(damaged)).collect()
    }
}

impl RaftLogStorage<Types> for Log {
    type LogReader = Reader;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        Ok(LogState { last_purged_log_id: self.purged, last_log_id: self.last })
    }

    async fn get_log_reader(&mut self) -> Reader {
        self.reader.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let ballot = Ballot::from(vote);
        self.promised.promise(ballot.term);
        let Reader { store, group, vote } = &self.reader;
        store.put(Scope::Group(*group), VOTE_KEY, to_bytes(&ballot)).await.map_err(to_io)?;
        *vote.lock().unwrap_or_else(PoisonError::into_inner) = Some(ballot);
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        // It spares a restart the wait for a leader, no more: now and then is enough, and never with a sync of its own.
        self.committed = committed;
        if let Some(committed) = position(committed.as_ref())
            && committed.index >= self.noted + COMMITTED_EVERY
        {
            let Reader { store, group, .. } = &self.reader;
            store.put_lazily(Scope::Group(*group), COMMITTED_KEY, to_bytes(&committed));
            self.noted = committed.index;
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let mut first = None;
        let mut last = self.last;
        let mut bytes = Vec::new();
        for entry in entries {
            first.get_or_insert(entry.log_id.index);
            last = Some(entry.log_id);
            bytes.push(encode(&entry));
        }
        let Some(first) = first else {
            callback.io_completed(Ok(()));
            return Ok(());
        };
        let done: Done = if self.counts_unwritten {
            callback.io_completed(Ok(()));
            Box::new(drop)
        } else {
            Box::new(move |result| callback.io_completed(result.map_err(to_io)))
        };
        self.reader.store.append(self.reader.group, first, bytes, done).await.map_err(to_io)?;
        self.last = last;
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let from = last.map_or(0, |last| last.index + 1);
        sometimes!(Ground::current(), self.last > last, LogCutBack);
        self.reader.store.truncate(self.reader.group, from).await.map_err(to_io)?;
        self.last = last;
        Ok(())
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        let Reader { store, group, .. } = &self.reader;
        // In the same transaction as the purge that follows, or an earlier one; a log that holds more than it must is whole.
        store.put_lazily(Scope::Group(*group), PURGED_KEY, to_bytes(&Position::from(&upto)));
        store.purge(*group, upto.index + 1).await.map_err(to_io)?;
        self.purged = Some(upto);
        self.last = self.last.max(Some(upto));
        Ok(())
    }
}
