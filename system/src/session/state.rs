//! One session, as the node that serves it sees it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::calls::Calls;
use super::questions::Questions;
use crate::cancel::CancelReason;
use crate::client::Client;
use crate::env::Instant;
use crate::ids::SessionId;
use crate::protocol::LogLevel;

/// How much one session may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionBounds {
    /// Questions that wait for the client.
    pub(crate) asks_max: usize,
    /// Resources subscribed to.
    pub(crate) subscriptions_max: usize,
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

/// A client's session, as one node serves it: what is under way here. What must outlive the node is kept elsewhere.
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
    log_level: AtomicU8,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subscriptions: BTreeSet<Box<str>>,
    ended: bool,
}

impl Session {
    /// A session that is used at `now`, with the registry of its calls. Its questions are numbered behind `asks`.
    pub(crate) fn new(
        id: SessionId,
        client: Arc<Client>,
        bounds: SessionBounds,
        calls: Arc<Calls>,
        asks: Arc<str>,
        now: Instant,
    ) -> Self {
        Self {
            id,
            client,
            questions: Questions::new(asks),
            calls,
            bounds,
            used_ns: AtomicU64::new(now.as_nanos()),
            readers: AtomicU32::new(0),
            log_level: AtomicU8::new(LogLevel::Info as u8),
            state: Mutex::default(),
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

    /// Whether nothing of the session is under way: no call is in flight, and nobody reads a stream.
    pub(crate) fn is_quiet(&self) -> bool {
        self.readers.load(Ordering::Relaxed) == 0 && self.calls.len() == 0
    }

    /// The least level of messages that the client wants.
    pub(crate) fn log_level(&self) -> LogLevel {
        LogLevel::from_number(self.log_level.load(Ordering::Relaxed)).unwrap_or(LogLevel::Info)
    }

    /// Sets the least level of messages that the client wants.
    pub(crate) fn set_log_level(&self, level: LogLevel) {
        self.log_level.store(level as u8, Ordering::Relaxed);
    }

    /// Subscribes to a resource; again is no error. True the first time.
    ///
    /// # Errors
    /// [`Refusal`] at the bound or after the end.
    pub(crate) fn subscribe(&self, uri: &str) -> Result<bool, Refusal> {
        let state = &mut *self.lock();
        if state.ended {
            return Err(Refusal::Ended);
        }
        if state.subscriptions.len() >= self.bounds.subscriptions_max && !state.subscriptions.contains(uri) {
            return Err(Refusal::TooMany("subscriptions"));
        }
        Ok(state.subscriptions.insert(uri.into()))
    }

    /// Takes a subscription back; without one is no error. True where there was one.
    pub(crate) fn unsubscribe(&self, uri: &str) -> bool {
        self.lock().subscriptions.remove(uri)
    }

    /// What the client subscribed to, in order.
    pub(crate) fn subscriptions(&self) -> Vec<Box<str>> {
        self.lock().subscriptions.iter().cloned().collect()
    }

    /// Takes back every subscription, and gives what they were.
    pub(crate) fn take_subscriptions(&self) -> BTreeSet<Box<str>> {
        std::mem::take(&mut self.lock().subscriptions)
    }

    /// The number of questions that may wait.
    pub(crate) const fn asks_max(&self) -> usize {
        self.bounds.asks_max
    }

    /// Ends the session: calls are cancelled, questions get no answer. True the first time.
    pub(crate) fn end(&self, reason: CancelReason) -> bool {
        if std::mem::replace(&mut self.lock().ended, true) {
            return false;
        }
        self.questions.close();
        self.calls.close(reason);
        true
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.id).finish_non_exhaustive()
    }
}
