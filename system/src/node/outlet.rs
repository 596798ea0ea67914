//! Where the messages of a stateful call go: to the queue of a channel, or to a stream that the cluster keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::Mutex;

use super::home::Home;
use crate::cluster::{Piece, Trouble};
use crate::env::{Env, Instant, deadline, flawed};
use crate::event::Event;
use crate::ids::StreamId;
use crate::jsonrpc::{Id, Raw};
use crate::session::Queue;

/// Beyond a call's own time: how long its last messages may wait for a reader that does not read, or for the quorum that
/// keeps them.
const UNSENT_MS_MAX: u64 = 30_000;

/// Who drops what a slow reader does not take, waits so long for it.
const SOON_MS: u64 = 300;

/// See the [module](self) page.
pub(super) enum Outlet<E: Env> {
    /// A channel's queue, which many calls share.
    Channel(Arc<Queue>),
    /// A stream of one request, or of one batch.
    Stream(Arc<Scribe<E>>),
}

impl<E: Env> Clone for Outlet<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Channel(log) => Self::Channel(log.clone()),
            Self::Stream(scribe) => Self::Stream(scribe.clone()),
        }
    }
}

/// The message did not get to where its reader could take it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Unsent;

impl<E: Env> Outlet<E> {
    /// Passes a message on once there is room for it, within the call's time and a little more.
    pub(super) async fn say(&self, env: &E, call_due: Instant, message: Bytes) -> Result<(), Unsent> {
        let due = call_due.max(env.now()).after_ms(UNSENT_MS_MAX);
        match self {
            Self::Channel(log) => {
                let length = message.len();
                let sent = deadline(env, due, log.append_when_room(message)).await;
                env.record(&queue_length(log, length));
                sent.map_err(|_| Unsent)
            }
            Self::Stream(scribe) => {
                if flawed!(env, SilentDrop) {
                    let _ = scribe.write(Some(message), None, false, env.now().after_ms(SOON_MS)).await;
                    return Ok(());
                }
                let said = scribe.write(Some(message), None, false, due).await;
                said.map_err(|_| Unsent)
            }
        }
    }

    /// Passes the answer of a call on, if it has one. A stream ends with the last of its calls.
    pub(super) async fn end(&self, env: &E, id: Option<&Id>, message: Option<Bytes>) {
        match self {
            Self::Channel(log) => message.into_iter().for_each(|message| log.append(message)),
            Self::Stream(scribe) => {
                let due = env.now().after_ms(UNSENT_MS_MAX);
                let finish = scribe.calls_left.fetch_sub(1, Ordering::AcqRel) == 1;
                if let Err(error) = scribe.write(message, id, finish, due).await {
                    // The owner ends the stream with an error once this node is gone; as long as it is not, the client
                    // asks again or gives up.
                    tracing::debug!("the end of a call could not be kept: {error}");
                }
            }
        }
    }

    /// Passes the last message of a call on at once, where that is possible: a channel takes it without waiting.
    pub(super) fn end_now(&self, message: Option<Bytes>) -> Result<(), Option<Bytes>> {
        match self {
            Self::Channel(log) => {
                message.into_iter().for_each(|message| log.append(message));
                Ok(())
            }
            Self::Stream(_) => Err(message),
        }
    }

    /// Closes the connection that reads the stream; the client comes back after a while.
    pub(super) async fn close_reader(&self, retry_ms: u64) {
        if let Self::Stream(scribe) = self {
            scribe.home.cluster().close_reader(scribe.home.id(), scribe.stream, retry_ms).await;
        }
    }
}

/// How full a stream is, just after an event of `length` bytes was appended: one event may be larger than the queue.
fn queue_length(log: &Queue, length: usize) -> Event {
    let (waiting, bound) = (log.waiting_bytes(), log.bytes_max().max(length));
    Event::QueueLength { name: "bytes of a stream", length: waiting as u64, bound: bound as u64 }
}

/// Writes a stream of a session. This node executes the stream's calls, so it alone numbers its events; each is appended
/// behind the one before.
pub(super) struct Scribe<E: Env> {
    home: Arc<Home<E>>,
    stream: StreamId,
    /// The number of the next event. Held while events are appended, so that they keep their order.
    next: Mutex<u64>,
    calls_left: AtomicUsize,
}

impl<E: Env> Scribe<E> {
    /// Writes a stream that `calls` calls end together.
    pub(super) fn new(home: Arc<Home<E>>, stream: StreamId, calls: usize) -> Arc<Self> {
        Arc::new(Self { home, stream, next: Mutex::new(1), calls_left: AtomicUsize::new(calls) })
    }

    /// So many calls more end the stream.
    pub(super) fn expect_more(&self, calls: usize) {
        self.calls_left.fetch_add(calls, Ordering::AcqRel);
    }

    async fn write(
        &self,
        event: Option<Bytes>,
        answered: Option<&Id>,
        finish: bool,
        due: Instant,
    ) -> Result<(), Trouble> {
        let next = &mut *self.next.lock().await;
        let answered = answered.map(|id| Raw::encode(id).expect("an id must encode")).into_iter().collect();
        let piece = Piece { first: *next, events: event.into_iter().collect(), answered, finish };
        let count = piece.events.len() as u64;
        self.home.cluster().append(self.home.id(), self.stream, piece, due).await?;
        *next += count;
        Ok(())
    }
}
