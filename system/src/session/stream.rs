//! The log of one event stream: what a stateful client is told, in order, and can be told again.
//!
//! Every event has a sequence number within its stream; `stream.sequence` is its id on the wire. One reader (a
//! connection) takes events from a position. A newer reader replaces an older one: the client came back. Events that were
//! handed out stay for a while, so that a client which lost its connection resumes with `Last-Event-ID` and misses
//! nothing; events that were not handed out are never thrown away. Both kinds are bounded: writers wait, or say no.
//!
//! Source: 2025-11-25 `basic/transports`, Resumability and Redelivery.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::ids::StreamId;

/// How much a stream may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamBounds {
    /// Bytes that wait for a reader.
    pub(crate) queue_bytes_max: usize,
    /// Events that are kept for a resumption after they were handed out.
    pub(crate) kept_events_max: usize,
    /// Bytes that are kept for a resumption after they were handed out.
    pub(crate) kept_bytes_max: usize,
}

/// A stream and its log.
#[derive(Debug)]
pub(crate) struct StreamLog {
    id: StreamId,
    bounds: StreamBounds,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    events: VecDeque<Entry>,
    /// Sequence of `events[0]`; sequences start at 1, so that 0 can name the start of the stream.
    first: u64,
    /// Events below this sequence were handed to the reader.
    taken: u64,
    waiting_bytes: usize,
    kept_bytes: usize,
    reader: u64,
    reader_waker: Option<Waker>,
    writers: Vec<Waker>,
    finished: bool,
    /// The session ended: readers end, writers write into the void.
    ended: bool,
    close_ms: Option<u64>,
}

#[derive(Debug)]
struct Entry {
    data: Bytes,
    /// A later notification of the same matter need not stand in the queue twice.
    topic: Option<Arc<str>>,
}

/// The client resumed from an event that is no longer kept: it cannot be told what it missed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("events after {after} are no longer kept; the oldest is {oldest}")]
pub(crate) struct Gap {
    /// Where the client wanted to go on.
    pub(crate) after: u64,
    /// The oldest that is kept.
    pub(crate) oldest: u64,
}

/// What a reader gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Item {
    /// An event.
    Event {
        /// Its number within the stream.
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

impl StreamLog {
    /// An empty stream.
    pub(crate) fn new(id: StreamId, bounds: StreamBounds) -> Self {
        Self { id, bounds, inner: Mutex::new(Inner { first: 1, taken: 1, ..Inner::default() }) }
    }

    /// Its number within the session.
    pub(crate) const fn id(&self) -> StreamId {
        self.id
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("stream log must not be poisoned")
    }

    /// Appends an event whatever the queue holds: for the answer that ends a stream.
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
            let full = inner.waiting_bytes > 0 && inner.waiting_bytes + length > self.bounds.queue_bytes_max;
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
            if inner.ended || inner.waiting_bytes <= self.bounds.queue_bytes_max {
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
        let waiting = usize::try_from(inner.taken - inner.first).expect("a log's length must fit in memory");
        if topic.is_some() && inner.events.iter().skip(waiting).any(|entry| entry.topic.as_deref() == topic) {
            return true;
        }
        if inner.waiting_bytes > 0 && inner.waiting_bytes + data.len() > self.bounds.queue_bytes_max {
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

    /// Ends the stream with its session.
    pub(crate) fn end(&self) {
        let inner = &mut *self.lock();
        inner.ended = true;
        inner.wake_reader();
        inner.wake_writers();
    }

    /// Closes the connection of the reader, if there is one, after what it still has to take.
    pub(crate) fn close_reader(&self, retry_ms: u64) {
        let inner = &mut *self.lock();
        inner.close_ms = Some(retry_ms);
        inner.wake_reader();
    }

    /// Whether a reader that left can come back for what it missed.
    pub(crate) fn is_resumable(&self) -> bool {
        self.bounds.kept_events_max > 0
    }

    /// Whether all events were handed out and none will follow.
    pub(crate) fn is_done(&self) -> bool {
        let inner = self.lock();
        inner.ended || (inner.finished && inner.taken == inner.next())
    }

    /// Whether no more events will come, told or not.
    pub(crate) fn is_over(&self) -> bool {
        let inner = self.lock();
        inner.ended || inner.finished
    }

    /// Bytes that wait for the reader.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.lock().waiting_bytes
    }

    /// How many bytes may wait for the reader, beside a single event that is larger.
    pub(crate) const fn queue_bytes_max(&self) -> usize {
        self.bounds.queue_bytes_max
    }

    /// The last event that was handed out; 0 where none was.
    pub(crate) fn taken(&self) -> u64 {
        self.lock().taken - 1
    }

    /// A reader from where the last one stopped.
    pub(crate) fn attach(self: &Arc<Self>) -> Reader {
        let inner = &mut *self.lock();
        inner.reader += 1;
        inner.close_ms = None;
        inner.wake_reader();
        Reader { log: self.clone(), number: inner.reader }
    }

    /// A reader of everything after `after`.
    ///
    /// # Errors
    /// [`Gap`] when some of that is no longer kept; the current reader then goes on.
    pub(crate) fn attach_after(self: &Arc<Self>, after: u64) -> Result<Reader, Gap> {
        let inner = &mut *self.lock();
        if after + 1 < inner.first || after >= inner.next() {
            return Err(Gap { after, oldest: inner.first });
        }
        inner.rewind(after + 1);
        inner.reader += 1;
        inner.close_ms = None;
        inner.wake_reader();
        Ok(Reader { log: self.clone(), number: inner.reader })
    }
}

impl Inner {
    fn next(&self) -> u64 {
        self.first + u64::try_from(self.events.len()).expect("a log's length must fit in 64 bits")
    }

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

    /// Makes `sequence` the next to be handed out.
    fn rewind(&mut self, sequence: u64) {
        self.taken = sequence;
        let kept = usize::try_from(sequence - self.first).expect("a log's length must fit in memory");
        self.kept_bytes = self.events.iter().take(kept).map(|entry| entry.data.len()).sum();
        self.waiting_bytes = self.events.iter().skip(kept).map(|entry| entry.data.len()).sum();
    }

    /// Hands out the next event, and lets go of the oldest that are kept beyond the bounds.
    fn take(&mut self, bounds: StreamBounds) -> Option<(u64, Bytes)> {
        let index = usize::try_from(self.taken - self.first).expect("a log's length must fit in memory");
        let data = self.events.get(index)?.data.clone();
        let sequence = self.taken;
        self.taken += 1;
        self.waiting_bytes -= data.len();
        self.kept_bytes += data.len();
        let mut kept = index + 1;
        while kept > bounds.kept_events_max || (self.kept_bytes > bounds.kept_bytes_max && kept > 1) {
            let oldest = self.events.pop_front().expect("a kept event must be in the log");
            self.kept_bytes -= oldest.data.len();
            self.first += 1;
            kept -= 1;
        }
        self.wake_writers();
        Some((sequence, data))
    }
}

/// The one connection that a stream is read by. A newer one ends it.
#[derive(Debug)]
pub(crate) struct Reader {
    log: Arc<StreamLog>,
    number: u64,
}

impl Reader {
    /// The next item; `None` at the end of the stream, of the session, or of this reader's turn.
    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Item>> {
        let inner = &mut *self.log.lock();
        if inner.reader != self.number || inner.ended {
            return Poll::Ready(None);
        }
        if let Some((sequence, data)) = inner.take(self.log.bounds) {
            return Poll::Ready(Some(Item::Event { sequence, data }));
        }
        if inner.finished {
            return Poll::Ready(None);
        }
        if let Some(retry_ms) = inner.close_ms.take() {
            return Poll::Ready(Some(Item::Close { retry_ms }));
        }
        if !inner.reader_waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            inner.reader_waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Ends this reader's turn: it gets nothing more.
    pub(crate) const fn stop(&mut self) {
        self.number = 0;
    }

    /// The stream that is read.
    pub(crate) const fn log(&self) -> &Arc<StreamLog> {
        &self.log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Arc<StreamLog> {
        let bounds = StreamBounds { queue_bytes_max: 10, kept_events_max: 2, kept_bytes_max: 100 };
        Arc::new(StreamLog::new(StreamId(3), bounds))
    }

    fn take(reader: &Reader) -> Option<Poll<Option<Item>>> {
        Some(reader.poll_next(&Context::from_waker(Waker::noop())))
    }

    fn event(sequence: u64, data: &'static str) -> Option<Poll<Option<Item>>> {
        Some(Poll::Ready(Some(Item::Event { sequence, data: Bytes::from_static(data.as_bytes()) })))
    }

    #[test]
    fn a_client_that_comes_back_gets_exactly_what_it_missed() {
        let log = log();
        for data in ["a", "b", "c"] {
            log.append(Bytes::from_static(data.as_bytes()));
        }
        let first = log.attach();
        assert_eq!(take(&first), event(1, "a"));
        assert_eq!(take(&first), event(2, "b"));
        let second = log.attach_after(1).expect("event 2 must be kept");
        assert_eq!(take(&first), Some(Poll::Ready(None)));
        assert_eq!(take(&second), event(2, "b"));
        assert_eq!(take(&second), event(3, "c"));
        log.finish();
        assert_eq!(take(&second), Some(Poll::Ready(None)));
        assert!(log.is_done());
    }

    #[test]
    fn a_resumption_from_what_is_no_longer_kept_is_refused() {
        let log = log();
        for data in ["a", "b", "c", "d"] {
            log.append(Bytes::from_static(data.as_bytes()));
        }
        let reader = log.attach();
        (0..4).for_each(|_| assert!(take(&reader).is_some()));
        assert_eq!(log.attach_after(1).map(|_| ()), Err(Gap { after: 1, oldest: 3 }));
        assert!(log.attach_after(2).is_ok());
        assert!(log.attach_after(9).is_err(), "an event that never was cannot be resumed from");
    }

    #[test]
    fn a_notification_that_waits_already_is_not_queued_again_and_a_full_queue_says_no() {
        let log = log();
        assert!(log.offer(Some("tools"), Bytes::from_static(b"12345678")));
        assert!(log.offer(Some("tools"), Bytes::from_static(b"12345678")));
        assert_eq!(log.waiting_bytes(), 8);
        assert!(!log.offer(Some("prompts"), Bytes::from_static(b"12345678")));
        let reader = log.attach();
        assert_eq!(take(&reader), event(1, "12345678"));
        assert!(log.offer(Some("tools"), Bytes::from_static(b"12345678")), "the one before was handed out");
    }

    #[test]
    fn a_closed_connection_leaves_the_stream_as_it_is() {
        let log = log();
        log.append(Bytes::from_static(b"a"));
        let reader = log.attach();
        log.close_reader(50);
        assert_eq!(take(&reader), event(1, "a"));
        assert_eq!(take(&reader), Some(Poll::Ready(Some(Item::Close { retry_ms: 50 }))));
        log.append(Bytes::from_static(b"b"));
        assert_eq!(take(&log.attach()), event(2, "b"));
    }
}
