//! One session.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::calls::Calls;
use super::questions::Questions;
use super::stream::{StreamBounds, StreamLog};
use crate::cancel::CancelReason;
use crate::client::Client;
use crate::env::Instant;
use crate::ids::{SessionId, StreamId};
use crate::protocol::LogLevel;

/// How much one session may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionBounds {
    /// Streams that are kept, the standalone one not counted.
    pub(crate) streams_max: usize,
    /// Questions that wait for the client.
    pub(crate) asks_max: usize,
    /// Resources subscribed to.
    pub(crate) subscriptions_max: usize,
    /// Bounds of each stream.
    pub(crate) stream: StreamBounds,
}

/// Why a session takes nothing more. Its state is as before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// A request with this id is in flight (`basic/index`: ids are unique among unanswered requests).
    #[error("a request with this id is in flight")]
    DuplicateId,
    /// A bound is reached.
    #[error("too many {0} in this session")]
    TooMany(&'static str),
    /// The session ended.
    #[error("the session has ended")]
    Ended,
}

/// A client's session.
pub(crate) struct Session {
    /// Its identity.
    pub(crate) id: SessionId,
    /// Whose it is.
    pub(crate) client: Arc<Client>,
    /// Questions to the client.
    pub(crate) questions: Questions,
    /// Calls in flight.
    pub(crate) calls: Arc<Calls>,
    bounds: SessionBounds,
    used_ns: AtomicU64,
    readers: AtomicU32,
    /// The standalone stream: what the server says on its own.
    standalone: Arc<StreamLog>,
    state: Mutex<State>,
}

struct State {
    log_level: LogLevel,
    last_stream: u64,
    streams: BTreeMap<StreamId, Arc<StreamLog>>,
    subscriptions: BTreeSet<Box<str>>,
    ended: bool,
}

impl Session {
    /// A session that was opened at `now`, with its standalone stream and the registry of its calls.
    pub(crate) fn new(
        id: SessionId,
        client: Arc<Client>,
        bounds: SessionBounds,
        standalone: Arc<StreamLog>,
        calls: Arc<Calls>,
        now: Instant,
    ) -> Self {
        Self {
            id,
            client,
            questions: Questions::default(),
            calls,
            bounds,
            used_ns: AtomicU64::new(now.as_nanos()),
            readers: AtomicU32::new(0),
            standalone,
            state: Mutex::new(State {
                log_level: LogLevel::Info,
                last_stream: 0,
                streams: BTreeMap::new(),
                subscriptions: BTreeSet::new(),
                ended: false,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("session must not be poisoned")
    }

    /// Notes that the client was heard of.
    pub(crate) fn touch(&self, now: Instant) {
        self.used_ns.fetch_max(now.as_nanos(), Ordering::Relaxed);
    }

    /// When the client was last heard of.
    pub(crate) fn used(&self) -> Instant {
        Instant::from_nanos(self.used_ns.load(Ordering::Relaxed))
    }

    /// A connection reads a stream of this session.
    pub(crate) fn reader_opened(&self) {
        self.readers.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection that read a stream is gone.
    pub(crate) fn reader_closed(&self, now: Instant) {
        self.readers.fetch_sub(1, Ordering::Relaxed);
        self.touch(now);
    }

    /// Whether the session may be ended for idleness: no call is in flight, and nobody reads a stream.
    pub(crate) fn is_quiet(&self) -> bool {
        self.readers.load(Ordering::Relaxed) == 0 && self.calls.len() == 0
    }

    /// The standalone stream.
    pub(crate) const fn standalone(&self) -> &Arc<StreamLog> {
        &self.standalone
    }

    /// Opens a stream for one request. The oldest finished streams beyond the bound are let go of.
    ///
    /// # Errors
    /// [`Refusal::TooMany`] when all kept streams are still in use, [`Refusal::Ended`].
    pub(crate) fn open_stream(&self) -> Result<Arc<StreamLog>, Refusal> {
        let state = &mut *self.lock();
        if state.ended {
            return Err(Refusal::Ended);
        }
        while state.streams.len() >= self.bounds.streams_max {
            // First what was told whole; then what is over and was not fetched, which nobody may come back for.
            let done = state.streams.iter().find(|(_, log)| log.is_done());
            let over = done.or_else(|| state.streams.iter().find(|(_, log)| log.is_over()));
            let Some(id) = over.map(|(id, _)| *id) else { return Err(Refusal::TooMany("streams")) };
            state.streams.remove(&id);
        }
        state.last_stream += 1;
        let id = StreamId(state.last_stream);
        let log = Arc::new(StreamLog::new(id, self.bounds.stream));
        state.streams.insert(id, log.clone());
        Ok(log)
    }

    /// A stream by its number, if it is still kept.
    pub(crate) fn stream(&self, id: StreamId) -> Option<Arc<StreamLog>> {
        if id == StreamId(0) {
            return Some(self.standalone.clone());
        }
        self.lock().streams.get(&id).cloned()
    }

    /// The least level of messages that the client wants.
    pub(crate) fn log_level(&self) -> LogLevel {
        self.lock().log_level
    }

    /// Sets the least level of messages that the client wants.
    pub(crate) fn set_log_level(&self, level: LogLevel) {
        self.lock().log_level = level;
    }

    /// Subscribes to a resource; again is no error.
    ///
    /// # Errors
    /// [`Refusal`] at the bound or after the end.
    pub(crate) fn subscribe(&self, uri: &str) -> Result<(), Refusal> {
        let state = &mut *self.lock();
        if state.ended {
            return Err(Refusal::Ended);
        }
        if state.subscriptions.len() >= self.bounds.subscriptions_max && !state.subscriptions.contains(uri) {
            return Err(Refusal::TooMany("subscriptions"));
        }
        state.subscriptions.insert(uri.into());
        Ok(())
    }

    /// Takes a subscription back; without one is no error.
    pub(crate) fn unsubscribe(&self, uri: &str) {
        self.lock().subscriptions.remove(uri);
    }

    /// What the client subscribed to, in order.
    pub(crate) fn subscriptions(&self) -> Vec<Box<str>> {
        self.lock().subscriptions.iter().cloned().collect()
    }

    /// The number of questions that may wait.
    pub(crate) const fn asks_max(&self) -> usize {
        self.bounds.asks_max
    }

    /// Ends the session: calls are cancelled, questions get no answer, streams end. True the first time.
    pub(crate) fn end(&self, reason: CancelReason) -> bool {
        let streams = {
            let state = &mut *self.lock();
            if std::mem::replace(&mut state.ended, true) {
                return false;
            }
            std::mem::take(&mut state.streams)
        };
        self.questions.close();
        self.calls.close(reason);
        streams.values().for_each(|log| log.end());
        self.standalone.end();
        true
    }

    /// Closes the connection that reads the standalone stream, where the client can resume it somewhere else. Streams of
    /// calls end with their calls, and a stream that cannot be resumed ends with its channel.
    pub(crate) fn close_standalone(&self, retry_ms: u64) {
        if self.standalone.is_resumable() {
            self.standalone.close_reader(retry_ms);
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.id).finish_non_exhaustive()
    }
}
