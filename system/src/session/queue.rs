//! What waits to be told to a client, in order, for one reader: the connection of a channel, or of a subscription.
//!
//! Bounded by bytes: writers wait for room, or hear that there is none. Nothing is kept once it was handed out; the streams
//! that a client can resume are the cluster's.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

/// See the [module](self) page.
#[derive(Debug)]
pub(crate) struct Queue {
    bytes_max: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    events: VecDeque<Entry>,
    /// How many were handed out.
    taken: u64,
    waiting_bytes: usize,
    reader: u64,
    reader_waker: Option<Waker>,
    writers: Vec<Waker>,
    finished: bool,
    /// Its owner ended: readers end, writers write into the void.
    ended: bool,
}

#[derive(Debug)]
struct Entry {
    data: Bytes,
    /// A later notification of the same matter need not stand in the queue twice.
    topic: Option<Arc<str>>,
}

/// What a reader gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Item {
    /// An event.
    Event {
        /// Its number within the stream, from 1.
        sequence: u64,
        /// Its data.
        data: Bytes,
    },
    /// The connection is to be closed; the stream goes on, and the client may come back after a while.
    Close {
        /// Milliseconds to wait.
        retry_ms: u64,
    },
}

impl Queue {
    /// An empty queue of at most so many bytes, beside a single event that is larger.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("queue must not be poisoned")
    }

    /// Appends an event whatever the queue holds: for an answer, which was asked for.
    pub(crate) fn append(&self, data: Bytes) {
        let inner = &mut *self.lock();
        inner.push(data, None);
        inner.wake_reader();
    }

    /// Appends an event once the queue has room.
    pub(crate) async fn append_when_room(&self, data: Bytes) {
        let mut data = Some(data);
        poll_fn(|cx| {
            let inner = &mut *self.lock();
            let length = data.as_ref().map_or(0, Bytes::len);
            let full = inner.waiting_bytes > 0 && inner.waiting_bytes + length > self.bytes_max;
            if full && !inner.ended {
                if !inner.writers.iter().any(|waker| waker.will_wake(cx.waker())) {
                    inner.writers.push(cx.waker().clone());
                }
                return Poll::Pending;
            }
            if let Some(data) = data.take() {
                inner.push(data, None);
                inner.wake_reader();
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Waits until what waits for the reader is within its bound.
    pub(crate) async fn room(&self) {
        poll_fn(|cx| {
            let inner = &mut *self.lock();
            if inner.ended || inner.waiting_bytes <= self.bytes_max {
                return Poll::Ready(());
            }
            if !inner.writers.iter().any(|waker| waker.will_wake(cx.waker())) {
                inner.writers.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Appends a notification if it has room and does not wait there already under the same topic. False when there was
    /// no room: the client was not told.
    pub(crate) fn offer(&self, topic: Option<&str>, data: Bytes) -> bool {
        let inner = &mut *self.lock();
        if inner.ended {
            return true;
        }
        if topic.is_some() && inner.events.iter().any(|entry| entry.topic.as_deref() == topic) {
            return true;
        }
        if inner.waiting_bytes > 0 && inner.waiting_bytes + data.len() > self.bytes_max {
            return false;
        }
        inner.push(data, topic.map(Arc::from));
        inner.wake_reader();
        true
    }

    /// No more events will come: a reader that has taken all is done.
    pub(crate) fn finish(&self) {
        let inner = &mut *self.lock();
        inner.finished = true;
        inner.wake_reader();
    }

    /// Ends the queue where it stands.
    pub(crate) fn end(&self) {
        let inner = &mut *self.lock();
        inner.ended = true;
        inner.wake_reader();
        inner.wake_writers();
    }

    /// Bytes that wait for the reader.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.lock().waiting_bytes
    }

    /// How many bytes may wait for the reader, beside a single event that is larger.
    pub(crate) const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// A reader from where the last one stopped.
    pub(crate) fn attach(self: &Arc<Self>) -> Reader {
        let inner = &mut *self.lock();
        inner.reader += 1;
        inner.wake_reader();
        Reader { queue: self.clone(), number: inner.reader }
    }
}

impl Inner {
    fn push(&mut self, data: Bytes, topic: Option<Arc<str>>) {
        self.waiting_bytes += data.len();
        self.events.push_back(Entry { data, topic });
    }

    fn wake_reader(&mut self) {
        if let Some(waker) = self.reader_waker.take() {
            waker.wake();
        }
    }

    fn wake_writers(&mut self) {
        for waker in self.writers.drain(..) {
            waker.wake();
        }
    }

    fn take(&mut self) -> Option<(u64, Bytes)> {
        let data = self.events.pop_front()?.data;
        self.taken += 1;
        self.waiting_bytes -= data.len();
        self.wake_writers();
        Some((self.taken, data))
    }
}

/// The one connection that reads a queue. A newer one ends it.
#[derive(Debug)]
pub(crate) struct Reader {
    queue: Arc<Queue>,
    number: u64,
}

impl Reader {
    /// The next item; `None` at the end of the queue, of its owner, or of this reader's turn.
    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Item>> {
        let inner = &mut *self.queue.lock();
        if inner.reader != self.number || inner.ended {
            return Poll::Ready(None);
        }
        if let Some((sequence, data)) = inner.take() {
            return Poll::Ready(Some(Item::Event { sequence, data }));
        }
        if inner.finished {
            return Poll::Ready(None);
        }
        if !inner.reader_waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            inner.reader_waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(reader: &Reader) -> Poll<Option<Item>> {
        reader.poll_next(&Context::from_waker(Waker::noop()))
    }

    fn event(sequence: u64, data: &'static str) -> Poll<Option<Item>> {
        Poll::Ready(Some(Item::Event { sequence, data: Bytes::from_static(data.as_bytes()) }))
    }

    #[test]
    fn a_notification_that_waits_already_is_not_queued_again_and_a_full_queue_says_no() {
        let queue = Arc::new(Queue::new(10));
        assert!(queue.offer(Some("tools"), Bytes::from_static(b"12345678")));
        assert!(queue.offer(Some("tools"), Bytes::from_static(b"12345678")));
        assert_eq!(queue.waiting_bytes(), 8);
        assert!(!queue.offer(Some("prompts"), Bytes::from_static(b"12345678")));
        let reader = queue.attach();
        assert_eq!(take(&reader), event(1, "12345678"));
        assert!(queue.offer(Some("tools"), Bytes::from_static(b"12345678")), "the one before was handed out");
    }

    #[test]
    fn a_newer_reader_goes_on_where_the_older_one_stopped() {
        let queue = Arc::new(Queue::new(10));
        ["a", "b", "c"].iter().for_each(|data| queue.append(Bytes::from_static(data.as_bytes())));
        let first = queue.attach();
        assert_eq!(take(&first), event(1, "a"));
        let second = queue.attach();
        assert_eq!(take(&first), Poll::Ready(None));
        assert_eq!(take(&second), event(2, "b"));
        queue.finish();
        assert_eq!(take(&second), event(3, "c"));
        assert_eq!(take(&second), Poll::Ready(None));
    }
}
