//! What a call says before its answer: a bounded queue between the handler and whoever carries its messages.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

/// A bounded queue of encoded messages with one reader. Writers wait while it is full: a client that reads slowly slows
/// its own call and nothing else.
#[derive(Debug)]
pub(crate) struct Outbox {
    inner: Mutex<Inner>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Bytes>,
    bytes: usize,
    reader: Option<Waker>,
    // Woken all together in the order of waiting; each looks again whether there is room.
    writers: Vec<Waker>,
    close_stream_ms: Option<u64>,
    /// The call is over: what is said now goes nowhere.
    closed: bool,
}

impl Outbox {
    /// An empty queue that holds `bytes_max` bytes, and always at least one message.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { inner: Mutex::new(Inner::default()), bytes_max }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("outbox must not be poisoned")
    }

    /// Puts a message in, waiting for room.
    pub(crate) async fn send(&self, message: Bytes) {
        let mut message = Some(message);
        poll_fn(|cx| {
            let mut inner = self.lock();
            let length = message.as_ref().map_or(0, Bytes::len);
            if inner.closed {
                return Poll::Ready(());
            }
            if !inner.queue.is_empty() && inner.bytes + length > self.bytes_max {
                // Polled again without having been woken: the waker that stands there is ours already.
                if !inner.writers.iter().any(|waker| waker.will_wake(cx.waker())) {
                    inner.writers.push(cx.waker().clone());
                }
                return Poll::Pending;
            }
            if let Some(message) = message.take() {
                inner.bytes += message.len();
                inner.queue.push_back(message);
            }
            if let Some(reader) = inner.reader.take() {
                reader.wake();
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Ends the queue with its call: whoever still holds the context may speak on, and is not heard.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        for writer in inner.writers.drain(..) {
            writer.wake();
        }
    }

    /// Takes the oldest message; registers the reader where there is none.
    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<Bytes> {
        let mut inner = self.lock();
        let Some(message) = inner.queue.pop_front() else {
            if !inner.reader.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                inner.reader = Some(cx.waker().clone());
            }
            return Poll::Pending;
        };
        inner.bytes -= message.len();
        for writer in inner.writers.drain(..) {
            writer.wake();
        }
        Poll::Ready(message)
    }

    /// Asks whoever carries the messages to close the connection under the stream and let the client come back after
    /// `retry_ms` (2025-11-25 transports, polling).
    pub(crate) fn close_stream(&self, retry_ms: u64) {
        let mut inner = self.lock();
        inner.close_stream_ms = Some(retry_ms);
        if let Some(reader) = inner.reader.take() {
            reader.wake();
        }
    }

    /// Takes the wish of [`close_stream`](Self::close_stream).
    pub(crate) fn take_close_stream(&self) -> Option<u64> {
        self.lock().close_stream_ms.take()
    }
}
