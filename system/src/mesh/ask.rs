//! The dialling end of a link: it asks and tells, and gets answers.
//!
//! It exists from the moment that somebody wants to send, before there is a connection: requests wait in its queue while
//! it dials. So what ends a request is known exactly: one that was never written is [`MeshError::Unreachable`], and may be
//! asked elsewhere; one that was is [`MeshError::Broken`].
//!
//! This end never stops reading: answers go to who waits for them and lead to no bytes. The answering end may stop, where
//! its answers are not taken. So the two never wait for each other.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::config::MeshLimits;
use super::counters::Counters;
use super::frame::{Garbled, Head};
use super::outgoing::{Batch, Queue};
use super::peer::{Channel, Lost, MeshError, Peer};
use super::pump::{Deed, End, Filled, Side, Signs, keep};
use crate::env::Instant;

type Answer = Result<Bytes, MeshError>;

/// See the [module](self) page.
pub(super) struct Asking {
    channel: Channel,
    limits: MeshLimits,
    counters: Arc<Counters>,
    peer: OnceLock<Peer>,
    /// A bug, for tests that must find it: an answer goes to whoever waits longest.
    crosses: bool,
    inner: Mutex<Inner>,
}

struct Inner {
    queue: Queue,
    pending: BTreeMap<u64, Pending>,
    last_id: u64,
    /// Pending requests that are not patient, and all.
    impatient: Waiting,
    all: Waiting,
    /// Set once: nothing more is taken, and the pump ends with it.
    end: Option<End>,
    /// No new requests come; it rests when the last one is answered.
    is_detached: bool,
    waker: Option<Waker>,
}

struct Pending {
    answer: oneshot::Sender<Answer>,
    is_patient: bool,
    is_sent: bool,
}

/// Requests that wait, and since when the peer owes a sign of life. Giving up the last of them does not end that: a link
/// whose requests all ran into short deadlines would never be found dead. Anything that is heard then does.
#[derive(Clone, Copy, Default)]
struct Waiting {
    len: usize,
    since: Option<Instant>,
}

impl Waiting {
    fn begin(&mut self, now: Instant) {
        self.since.get_or_insert(now);
        self.len += 1;
    }

    fn heard(&mut self) {
        if self.len == 0 {
            self.since = None;
        }
    }
}

impl Inner {
    /// Who waits longest of those that are as patient as this one.
    fn longest_beside(&self, id: u64) -> u64 {
        let is_patient = self.pending.get(&id).is_some_and(|pending| pending.is_patient);
        let mut beside =
            self.pending.iter().filter(|(_, other)| other.is_sent && other.is_patient == is_patient);
        beside.next().map_or(id, |(longest, _)| *longest)
    }

    fn remove(&mut self, id: u64) -> Option<Pending> {
        let pending = self.pending.remove(&id)?;
        self.all.len -= 1;
        if !pending.is_patient {
            self.impatient.len -= 1;
        }
        Some(pending)
    }
}

/// The link has ended: the request was not taken, and another link may take it.
#[derive(Debug)]
pub(super) struct Over;

impl Asking {
    pub(super) fn new(
        channel: Channel,
        limits: MeshLimits,
        counters: Arc<Counters>,
        crosses: bool,
    ) -> Arc<Self> {
        let inner = Inner {
            queue: Queue::new(&limits),
            pending: BTreeMap::new(),
            last_id: 0,
            impatient: Waiting::default(),
            all: Waiting::default(),
            end: None,
            is_detached: false,
            waker: None,
        };
        Arc::new(Self { channel, limits, counters, peer: OnceLock::new(), crosses, inner: Mutex::new(inner) })
    }

    pub(super) const fn channel(&self) -> Channel {
        self.channel
    }

    /// Who is at the other end; none until the handshake is over.
    pub(super) fn peer(&self) -> Option<Peer> {
        self.peer.get().copied()
    }

    pub(super) fn stand(&self, peer: Peer) {
        let _ = self.peer.set(peer);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it takes nothing more.
    pub(super) fn is_over(&self) -> bool {
        self.inner().end.is_some()
    }

    /// Queues a request. Every path out of the returned [`Asked`] takes it back.
    pub(super) fn ask(
        self: &Arc<Self>,
        body: &Bytes,
        is_patient: bool,
        now: Instant,
    ) -> Result<Result<Asked, MeshError>, Over> {
        let mut inner = self.inner();
        if inner.end.is_some() {
            return Err(Over);
        }
        let id = inner.last_id + 1;
        let whole = u32::try_from(body.len()).expect("a body must be checked before it is queued");
        let head = Head::Request { id, whole, is_patient };
        if inner.pending.len() >= self.limits.pending_len_max || !inner.queue.offer(head, body.clone(), 1) {
            drop(inner);
            self.counters.requests_shed.one_more();
            return Ok(Err(MeshError::Overloaded));
        }
        inner.last_id = id;
        inner.all.begin(now);
        if !is_patient {
            inner.impatient.begin(now);
        }
        let (answer, waiting) = oneshot::channel();
        inner.pending.insert(id, Pending { answer, is_patient, is_sent: false });
        wake(inner);
        Ok(Ok(Asked { link: Arc::clone(self), id, waiting, is_done: false }))
    }

    /// Queues a message without an answer. False where there is no room for it.
    pub(super) fn tell(&self, body: &Bytes) -> Result<bool, Over> {
        let mut inner = self.inner();
        if inner.end.is_some() {
            return Err(Over);
        }
        let whole = u32::try_from(body.len()).expect("a body must be checked before it is queued");
        let is_taken = inner.queue.offer(Head::Tell { whole }, body.clone(), 1);
        wake(inner);
        if !is_taken {
            self.counters.tells_shed.one_more();
        }
        Ok(is_taken)
    }

    /// Takes a request back. True where it was written already.
    fn cancel(&self, id: u64) -> bool {
        let mut inner = self.inner();
        let Some(pending) = inner.remove(id) else { return true };
        if pending.is_sent && inner.end.is_none() {
            inner.queue.push(Head::Cancel { id });
        }
        wake(inner);
        pending.is_sent
    }

    /// Ends the link: the pump ends with `how`, and everything pending at once with what is known of it.
    pub(super) fn cut(&self, how: End, never_left: MeshError) {
        let mut inner = self.inner();
        inner.end.get_or_insert(how);
        inner.queue.clear();
        inner.all.len = 0;
        inner.impatient.len = 0;
        let pending = std::mem::take(&mut inner.pending);
        wake(inner);
        for pending in pending.into_values() {
            let error = if pending.is_sent { MeshError::Broken } else { never_left };
            // Who has stopped waiting does not mind.
            let _ = pending.answer.send(Err(error));
        }
    }

    /// No new requests will come: rest as soon as nothing is pending.
    pub(super) fn detach(&self) {
        let mut inner = self.inner();
        inner.is_detached = true;
        wake(inner);
    }
}

/// Wakes the pump outside of the lock.
fn wake(mut inner: MutexGuard<'_, Inner>) {
    let waker = inner.waker.take();
    drop(inner);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Side for Asking {
    fn take(&self, head: Head, body: Bytes) -> Result<(), Garbled> {
        let (id, answer) = match head {
            Head::Answer { id, .. } => (id, Ok(body)),
            Head::Refuse { id, refusal } => (id, Err(MeshError::Refused(refusal))),
            Head::Fail { id } => (id, Err(MeshError::Broken)),
            // No request has this number.
            Head::Pong => (0, Err(MeshError::Broken)),
            _ => return Err(Garbled::Unexpected),
        };
        let mut inner = self.inner();
        let id = if self.crosses { inner.longest_beside(id) } else { id };
        let pending = inner.remove(id);
        inner.all.heard();
        inner.impatient.heard();
        drop(inner);
        // None where the asker had stopped waiting before the peer could know.
        if let Some(pending) = pending {
            let _ = pending.answer.send(answer);
        }
        Ok(())
    }

    fn may_read(&self) -> bool {
        true
    }

    fn fill(&self, batch: &mut Batch, waker: &Waker) -> Filled {
        let mut inner = self.inner();
        let Inner { queue, pending, .. } = &mut *inner;
        let is_wanted = |head: &Head| match head {
            Head::Request { id, .. } => pending.get_mut(id).map(|found| found.is_sent = true).is_some(),
            _ => true,
        };
        if queue.fill(batch, is_wanted) {
            return Filled::Some;
        }
        if let Some(end) = inner.end {
            return Filled::End(end);
        }
        keep(&mut inner.waker, waker);
        Filled::Nothing
    }

    fn forced(&self, waker: &Waker) -> Option<End> {
        let mut inner = self.inner();
        keep(&mut inner.waker, waker);
        inner.end.filter(|end| matches!(end, End::Lost(_)))
    }

    fn due(&self, signs: &Signs) -> (Instant, Deed) {
        let limits = &self.limits;
        let inner = self.inner();
        let stall = stall_due(signs, limits);
        if inner.end.is_some() {
            return stall;
        }
        let (since, ping_ms, silent_ms_max) = if inner.impatient.since.is_some() {
            (inner.impatient.since, limits.ping_ms, limits.silent_ms_max)
        } else {
            (inner.all.since, limits.patient_ping_ms, limits.patient_silent_ms_max)
        };
        let quiet = signs.heard.max(signs.sent);
        let next = if let Some(since) = since {
            let silent = signs.heard.max(since).after_ms(silent_ms_max);
            // Also where nothing was sent for so long: the other end has a limit of its own.
            let last = signs.heard.min(signs.sent).max(signs.pinged).max(since);
            (silent, Deed::Silent).min((last.after_ms(ping_ms), Deed::Ping))
        } else if inner.is_detached {
            (quiet, Deed::Rest)
        } else {
            (quiet.after_ms(limits.idle_ms_max), Deed::Rest)
        };
        stall.min(next)
    }

    fn ping(&self) {
        self.inner().queue.push(Head::Ping);
    }

    fn rest(&self) {
        let mut inner = self.inner();
        if inner.pending.is_empty() && inner.end.is_none() {
            inner.queue.push(Head::Rest);
            inner.end = Some(End::Rested);
        }
    }
}

/// When a link is given up whose peer takes nothing of what is there for it.
pub(super) fn stall_due(signs: &Signs, limits: &MeshLimits) -> (Instant, Deed) {
    let never = Instant::from_nanos(u64::MAX);
    let due = signs.stalled.map_or(never, |since| since.after_ms(limits.patient_silent_ms_max));
    (due, Deed::Silent)
}

/// A request on its way. Dropped before its end, it is taken back.
pub(super) struct Asked {
    link: Arc<Asking>,
    id: u64,
    waiting: oneshot::Receiver<Answer>,
    is_done: bool,
}

impl Asked {
    /// Stops waiting. True where the request was written, so that the peer may have served it.
    pub(super) fn give_up(mut self) -> bool {
        self.is_done = true;
        self.link.cancel(self.id)
    }
}

impl Future for Asked {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        Pin::new(&mut self.waiting).poll(cx).map(|answer| {
            self.is_done = true;
            answer.unwrap_or(Err(MeshError::Broken))
        })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if !self.is_done {
            self.link.cancel(self.id);
        }
    }
}

/// Ends a link with the task that it is in, however that ends.
pub(super) struct Ending(pub(super) Arc<Asking>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.cut(End::Lost(Lost::Reset), MeshError::Unreachable);
    }
}
