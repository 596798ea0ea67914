//! The accepting end of a link: it serves what the other end asks, and sends nothing of its own.
//!
//! A request that is answered at once costs no task. Reading stops while more answers wait than the queue may hold, so a
//! peer that does not take them cannot make this node hold more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::ask::stall_due;
use super::config::MeshLimits;
use super::counters::Counters;
use super::frame::{Garbled, Head};
use super::outgoing::{Batch, Queue};
use super::peer::{Channel, Lost, Peer, Refusal, Service};
use super::pump::{Deed, End, Filled, Side, Signs, keep};
use crate::env::{Either, Env, Instant, race};

/// See the [module](self) page.
pub(super) struct Answering<E> {
    env: E,
    me: Weak<Self>,
    peer: Peer,
    channel: Channel,
    limits: MeshLimits,
    counters: Arc<Counters>,
    service: Arc<dyn Service>,
    inner: Mutex<Inner>,
}

struct Inner {
    queue: Queue,
    /// Requests that wait. Dropping the sender ends the task of one.
    serving: BTreeMap<u64, oneshot::Sender<()>>,
    end: Option<End>,
    waker: Option<Waker>,
}

impl<E: Env> Answering<E> {
    pub(super) fn new(
        env: E,
        (peer, channel): (Peer, Channel),
        limits: MeshLimits,
        counters: Arc<Counters>,
        service: Arc<dyn Service>,
    ) -> Arc<Self> {
        let queue = Queue::new(&limits);
        let inner = Inner { queue, serving: BTreeMap::new(), end: None, waker: None };
        Arc::new_cyclic(|me| Self {
            env,
            me: me.clone(),
            peer,
            channel,
            limits,
            counters,
            service,
            inner: Mutex::new(inner),
        })
    }

    pub(super) const fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(super) const fn channel(&self) -> Channel {
        self.channel
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the link: the pump ends with `how`, and what is served here is dropped.
    pub(super) fn cut(&self, how: End) {
        let mut inner = self.inner();
        inner.end.get_or_insert(how);
        if how != End::Stopped {
            inner.queue.clear();
        }
        let serving = std::mem::take(&mut inner.serving);
        wake(inner);
        drop(serving);
    }

    fn serve(&self, id: u64, body: Bytes) -> Result<(), Garbled> {
        {
            let mut inner = self.inner();
            if inner.serving.contains_key(&id) {
                return Err(Garbled::Unexpected);
            }
            if inner.serving.len() >= self.limits.pending_len_max {
                inner.queue.push(Head::Refuse { id, refusal: Refusal::Busy });
                drop(inner);
                self.counters.requests_shed.one_more();
                return Ok(());
            }
        }
        let mut work = self.service.request(self.peer, self.channel, body);
        // Nobody is woken by this poll: where the work has to wait, its own task polls it again.
        if let Poll::Ready(answer) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            self.answer(self.inner(), id, answer);
            return Ok(());
        }
        let Some(link) = self.me.upgrade() else { return Ok(()) };
        let (cancel, cancelled) = oneshot::channel();
        self.inner().serving.insert(id, cancel);
        self.env.spawn("mesh request", wait(Serving { link, id }, cancelled, work));
        Ok(())
    }

    /// Queues an answer, or what became of it.
    fn answer(&self, mut inner: MutexGuard<'_, Inner>, id: u64, body: Bytes) {
        if inner.end.is_some() {
            return;
        }
        if body.len() > self.limits.body_bytes_max {
            inner.queue.push(Head::Refuse { id, refusal: Refusal::AnswerTooLarge });
        } else {
            let whole = u32::try_from(body.len()).expect("the limit of a body must fit");
            // Twice, because what was under way when reading stopped must have room too; beyond that, answers are lost.
            if !inner.queue.offer(Head::Answer { id, whole }, body, 2) {
                inner.queue.push(Head::Fail { id });
                self.counters.requests_shed.one_more();
            }
        }
        wake(inner);
    }
}

/// A request that had to wait.
struct Serving<E: Env> {
    link: Arc<Answering<E>>,
    id: u64,
}

impl<E: Env> Drop for Serving<E> {
    fn drop(&mut self) {
        // Still there: its task ended without an answer, by a panic.
        let mut inner = self.link.inner();
        if inner.serving.remove(&self.id).is_some() {
            inner.queue.push(Head::Fail { id: self.id });
        }
        wake(inner);
    }
}

async fn wait<E: Env>(
    serving: Serving<E>,
    cancelled: oneshot::Receiver<()>,
    work: BoxFuture<'static, Bytes>,
) {
    if let Either::Right(answer) = race(cancelled, work).await {
        let mut inner = serving.link.inner();
        if inner.serving.remove(&serving.id).is_some() {
            serving.link.answer(inner, serving.id, answer);
        }
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

impl<E: Env> Side for Answering<E> {
    fn take(&self, head: Head, body: Bytes) -> Result<(), Garbled> {
        match head {
            Head::Request { id, .. } => return self.serve(id, body),
            Head::Tell { .. } => self.service.tell(self.peer, self.channel, body),
            Head::Cancel { id } => drop(self.inner().serving.remove(&id)),
            Head::Ping => self.inner().queue.push(Head::Pong),
            _ => return Err(Garbled::Unexpected),
        }
        Ok(())
    }

    fn may_read(&self) -> bool {
        self.inner().queue.has_room()
    }

    fn fill(&self, batch: &mut Batch, waker: &Waker) -> Filled {
        let mut inner = self.inner();
        if inner.queue.fill(batch, |_| true) {
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
        let inner = self.inner();
        let stall = stall_due(signs, &self.limits);
        if inner.end.is_some() {
            return stall;
        }
        // Who waits for an answer sends pings, and is gone where they stay out. Where nobody waits, the asker closes what
        // it does not use; one that cannot any more is not waited for longer than twice that.
        let next = if inner.serving.is_empty() {
            let quiet = signs.heard.max(signs.sent);
            (quiet.after_ms(self.limits.idle_ms_max.saturating_mul(2)), Deed::Rest)
        } else {
            (signs.heard.after_ms(self.limits.patient_silent_ms_max), Deed::Silent)
        };
        stall.min(next)
    }

    fn ping(&self) {}

    fn rest(&self) {
        let mut inner = self.inner();
        if inner.serving.is_empty() {
            inner.end.get_or_insert(End::Rested);
        }
    }
}

/// Ends a link with the task that it is in, however that ends.
pub(super) struct Ending<E: Env>(pub(super) Arc<Answering<E>>);

impl<E: Env> Drop for Ending<E> {
    fn drop(&mut self) {
        self.0.cut(End::Lost(Lost::Reset));
    }
}
