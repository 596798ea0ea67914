//! A watch channel: many receivers see the last value of one place, and wait for the next.
//!
//! Waiters are woken in the order in which they began to wait, so that a run is a function of its seed. tokio's own
//! watch spreads its waiters over eight queues by a thread-random number; apart from that order, and from its
//! cooperative budget, this one answers as tokio's does in every case (a test drives both with the same operations).
//!
//! - The last value wins: a receiver that was slow sees the newest value once, never a queue of them.
//! - A waiter costs one entry (a waker) while it waits and nothing after: dropping [`Changed`] takes the entry out.
//! - A [`Ref`] holds a read lock. Keep it short and never across an await; it is not `Send`, so the compiler helps.
//!
//! Wakers are woken and dropped outside of every lock, for a waker's drop may run any code, this channel's included.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::mem;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::task::{Context, Poll, Waker};

#[cfg(test)]
mod tests;

/// Bit 0 of the state: every sender is gone. The other bits number the values.
const CLOSED: u64 = 1;
const STEP: u64 = 2;

/// Every sender is gone, and the last value has been seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("channel closed")]
pub struct Closed;

/// There was no receiver, so the value was not stored; here it is back.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("channel closed")]
pub struct SendError<T>(pub T);

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").finish_non_exhaustive()
    }
}

struct Shared<T> {
    value: RwLock<T>,
    /// Changed only under the write lock of `value` (the number) or by the last sender (the bit).
    state: AtomicU64,
    receivers: AtomicUsize,
    senders: AtomicUsize,
    /// Receivers that wait for a change.
    changes: Line,
    /// Senders that wait for the last receiver to go.
    farewells: Line,
}

/// Makes a channel. The receiver counts `value` as seen.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        value: RwLock::new(value),
        state: AtomicU64::new(0),
        receivers: AtomicUsize::new(1),
        senders: AtomicUsize::new(1),
        changes: Line::default(),
        farewells: Line::default(),
    });
    (Sender { shared: Arc::clone(&shared) }, Receiver { shared, seen: 0 })
}

impl<T> Shared<T> {
    fn read(&self) -> RwLockReadGuard<'_, T> {
        // A closure of `send_modify` that panicked left a value all the same; who minds should not panic there.
        self.value.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> u64 {
        self.state.load(Ordering::SeqCst)
    }

    fn number(&self) -> u64 {
        self.state() & !CLOSED
    }

    fn is_closed(&self) -> bool {
        self.state() & CLOSED != 0
    }
}

/// The sending half. Clones send into the same place.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Stores a value and wakes every waiter.
    ///
    /// # Errors
    /// [`SendError`] when there is no receiver: nothing was stored. Use [`send_modify`](Self::send_modify) to store anyway.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.receiver_count() == 0 {
            return Err(SendError(value));
        }
        self.send_replace(value);
        Ok(())
    }

    /// Stores a value, whether or not there is a receiver, and returns the one before.
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|place| mem::swap(place, &mut value));
        value
    }

    /// Changes the value in place and wakes every waiter.
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Changes the value in place and wakes every waiter if `modify` says so. Returns what it said.
    ///
    /// A `modify` that returns false should have changed nothing; one that panics wakes nobody.
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        {
            let mut value = self.shared.value.write().unwrap_or_else(PoisonError::into_inner);
            if !modify(&mut value) {
                return false;
            }
            self.shared.state.fetch_add(STEP, Ordering::SeqCst);
        }
        self.shared.changes.wake_all();
        true
    }

    /// The value now. See [`Ref`] for what it holds.
    #[must_use]
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref { value: self.shared.read(), has_changed: false }
    }

    /// A new receiver, which counts the present value as seen.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        self.shared.receivers.fetch_add(1, Ordering::SeqCst);
        let seen = self.shared.number();
        Receiver { shared: Arc::clone(&self.shared), seen }
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers.load(Ordering::SeqCst)
    }

    /// Whether there is no receiver. [`subscribe`](Self::subscribe) ends that state.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Waits until there is no receiver. Cancel safe.
    pub async fn closed(&self) {
        let mut place = Place { line: &self.shared.farewells, ticket: None };
        std::future::poll_fn(|cx| place.poll(cx, || self.is_closed().then_some(()))).await;
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.senders.fetch_add(1, Ordering::SeqCst);
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.shared.senders.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.shared.state.fetch_or(CLOSED, Ordering::SeqCst);
            self.shared.changes.wake_all();
        }
    }
}

/// The receiving half. A clone has seen what its original has seen.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The number of the value that was seen last.
    seen: u64,
}

impl<T> Receiver<T> {
    /// The value now, without counting it as seen.
    #[must_use]
    pub fn borrow(&self) -> Ref<'_, T> {
        let value = self.shared.read();
        let has_changed = self.shared.number() != self.seen;
        Ref { value, has_changed }
    }

    /// The value now, which counts as seen from here on.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.shared.read();
        let number = self.shared.number();
        let has_changed = number != self.seen;
        self.seen = number;
        Ref { value, has_changed }
    }

    /// Whether there is a value that this receiver has not seen.
    ///
    /// # Errors
    /// [`Closed`] when every sender is gone, even where the last value is unseen (as in tokio).
    pub fn has_changed(&self) -> Result<bool, Closed> {
        let state = self.shared.state();
        if state & CLOSED != 0 {
            return Err(Closed);
        }
        Ok(state != self.seen)
    }

    /// Counts the present value as unseen, so that the next [`changed`](Self::changed) is ready at once.
    pub const fn mark_changed(&mut self) {
        self.seen = self.seen.wrapping_sub(STEP);
    }

    /// Counts the present value as seen.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.number();
    }

    /// Waits for a value that this receiver has not seen, and counts it as seen.
    ///
    /// Fails with [`Closed`] when every sender is gone and the last value has been seen. Cancel safe: a change is
    /// counted as seen only by a poll that returned it.
    pub fn changed(&mut self) -> Changed<'_, T> {
        Changed::new(&self.shared, &mut self.seen)
    }

    /// Waits for a value that satisfies `wanted`, beginning with the present one, and counts it as seen.
    ///
    /// # Errors
    /// [`Closed`] when every sender is gone and the last value does not satisfy `wanted`. Cancel safe.
    pub async fn wait_for(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, Closed> {
        let mut closed = false;
        loop {
            {
                let value = self.shared.read();
                let number = self.shared.number();
                let has_changed = number != self.seen;
                self.seen = number;
                if (!closed || has_changed) && wanted(&value) {
                    return Ok(Ref { value, has_changed });
                }
            }
            if closed {
                return Err(Closed);
            }
            closed = Changed::new(&self.shared, &mut self.seen).await.is_err();
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.receivers.fetch_add(1, Ordering::SeqCst);
        Self { shared: Arc::clone(&self.shared), seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if self.shared.receivers.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.shared.farewells.wake_all();
        }
    }
}

/// What [`Receiver::changed`] waits with. Dropping it before it is ready leaves nothing behind.
#[must_use = "futures do nothing unless polled"]
pub struct Changed<'a, T> {
    shared: &'a Shared<T>,
    seen: &'a mut u64,
    place: Place<'a>,
}

impl<'a, T> Changed<'a, T> {
    const fn new(shared: &'a Shared<T>, seen: &'a mut u64) -> Self {
        Self { shared, seen, place: Place { line: &shared.changes, ticket: None } }
    }
}

impl<T> Future for Changed<'_, T> {
    type Output = Result<(), Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { shared, seen, place } = self.get_mut();
        place.poll(cx, || {
            // An unseen value comes before the news that it was the last.
            let number = shared.number();
            if number != **seen {
                **seen = number;
                return Some(Ok(()));
            }
            shared.is_closed().then_some(Err(Closed))
        })
    }
}

/// The value, behind a read lock for as long as this lives.
pub struct Ref<'a, T> {
    value: RwLockReadGuard<'a, T>,
    has_changed: bool,
}

impl<T> Ref<'_, T> {
    /// Whether the receiver that borrowed it had not seen it before; always false for a sender.
    #[must_use]
    pub const fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("watch::Sender").field("receivers", &self.receiver_count()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("watch::Receiver").field("seen", &self.seen).finish_non_exhaustive()
    }
}

/// Those who wait, in the order in which they came: tickets only rise, and the map is in ticket order.
#[derive(Default)]
struct Line(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    next_ticket: u64,
    wakers: BTreeMap<u64, Waker>,
}

impl Line {
    fn with<R>(&self, act: impl FnOnce(&mut Waiting) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Empties the line, then wakes who stood in it, first come first.
    fn wake_all(&self) {
        let wakers = self.with(|waiting| mem::take(&mut waiting.wakers));
        wakers.into_values().for_each(Waker::wake);
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.with(|waiting| waiting.wakers.len())
    }
}

/// A place in a line. It keeps its ticket for life, so a waiter that was woken for nothing does not go to the back.
struct Place<'a> {
    line: &'a Line,
    ticket: Option<u64>,
}

impl Place<'_> {
    /// Asks `ready`, and stands in the line where it has nothing. It is asked under the line's lock: news that comes
    /// after the question finds the waiter in the line.
    fn poll<R>(&mut self, cx: &Context<'_>, ready: impl FnOnce() -> Option<R>) -> Poll<R> {
        let waker = cx.waker().clone();
        let (answer, replaced) = self.line.with(|waiting| {
            if let Some(answer) = ready() {
                return (Poll::Ready(answer), Some(waker));
            }
            let ticket = *self.ticket.get_or_insert_with(|| {
                waiting.next_ticket += 1;
                waiting.next_ticket
            });
            (Poll::Pending, waiting.wakers.insert(ticket, waker))
        });
        drop(replaced);
        if answer.is_ready() {
            self.leave();
        }
        answer
    }

    fn leave(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            drop(self.line.with(|waiting| waiting.wakers.remove(&ticket)));
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}
