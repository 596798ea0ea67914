//! What waits to be written on a link, and how it is put into few writes.
//!
//! Two lanes: bodies that fit into one frame, and longer ones, of which a piece goes out after each round of the first.
//! So a large body delays nobody by more than a piece of it, and is never starved either. Each lane has a bound of its own,
//! so a large body takes no room from small ones.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

use super::config::{HEAD_BYTES_MAX, MeshLimits};
use super::frame::{Head, write_head};

/// Bodies up to this size are copied behind their heads; longer ones are written from where they are.
const COPIED_BYTES_MAX: usize = 4 * 1024;
/// Bytes of the first lane that one round takes.
const ROUND_BYTES: usize = 64 * 1024;
/// Slices of one write.
const SLICES_MAX: usize = 16;

/// What a frame costs beside its body, in the count of what waits.
const FRAME_BYTES: usize = 4 + HEAD_BYTES_MAX;

/// Messages that wait for their stream.
#[derive(Debug)]
pub(super) struct Queue {
    chunk_bytes: usize,
    whole: Lane,
    long: Lane,
    /// What is left of the long body whose beginning was sent; counted with its lane.
    cut: Bytes,
}

#[derive(Debug)]
struct Lane {
    messages: VecDeque<(Head, Bytes)>,
    bytes: usize,
    bytes_max: usize,
}

impl Lane {
    const fn new(bytes_max: usize) -> Self {
        Self { messages: VecDeque::new(), bytes: 0, bytes_max }
    }

    fn push(&mut self, head: Head, body: Bytes) {
        self.bytes += body.len() + FRAME_BYTES;
        self.messages.push_back((head, body));
    }

    fn pop(&mut self) -> Option<(Head, Bytes)> {
        let (head, body) = self.messages.pop_front()?;
        self.bytes -= body.len() + FRAME_BYTES;
        Some((head, body))
    }

    fn clear(&mut self) {
        self.messages = VecDeque::new();
        self.bytes = 0;
    }
}

impl Queue {
    pub(super) const fn new(limits: &MeshLimits) -> Self {
        let (queue_bytes_max, body_bytes_max) = (limits.queue_bytes_max, limits.body_bytes_max);
        let long = if body_bytes_max > queue_bytes_max { body_bytes_max } else { queue_bytes_max };
        Self {
            chunk_bytes: limits.chunk_bytes,
            whole: Lane::new(queue_bytes_max),
            long: Lane::new(long),
            cut: Bytes::new(),
        }
    }

    /// Bytes that wait.
    pub(super) const fn bytes(&self) -> usize {
        self.whole.bytes + self.long.bytes
    }

    /// Whether neither lane has reached its bound.
    pub(super) const fn has_room(&self) -> bool {
        self.whole.bytes < self.whole.bytes_max && self.long.bytes < self.long.bytes_max
    }

    /// Adds a message where it fits below so many times the bound of its lane, or where nothing waits in it. False where
    /// it does not.
    pub(super) fn offer(&mut self, head: Head, body: Bytes, times: usize) -> bool {
        let lane = self.lane(&body);
        if lane.bytes > 0 && lane.bytes + body.len() + FRAME_BYTES > times * lane.bytes_max {
            return false;
        }
        lane.push(head, body);
        true
    }

    /// Adds a message without a body whatever waits: of those there is a bound elsewhere.
    pub(super) fn push(&mut self, head: Head) {
        self.whole.push(head, Bytes::new());
    }

    fn lane(&mut self, body: &Bytes) -> &mut Lane {
        if body.len() > self.chunk_bytes { &mut self.long } else { &mut self.whole }
    }

    /// Moves a round of messages to `batch`, those that `is_wanted` still. False where nothing waits.
    pub(super) fn fill(&mut self, batch: &mut Batch, mut is_wanted: impl FnMut(&Head) -> bool) -> bool {
        if self.bytes() == 0 {
            // A burst is over; an idle link keeps no memory of it.
            self.clear();
            return false;
        }
        batch.begin(self.bytes());
        while batch.bytes < ROUND_BYTES
            && let Some((head, body)) = self.whole.pop()
        {
            if is_wanted(&head) {
                batch.add(&head, body);
            }
        }
        if self.cut.has_remaining() {
            let piece = self.next_piece();
            batch.add(&Head::More, piece);
        } else if let Some((head, body)) = self.long.pop()
            && is_wanted(&head)
        {
            self.long.bytes += body.len();
            self.cut = body;
            let piece = self.next_piece();
            batch.add(&head, piece);
        }
        true
    }

    fn next_piece(&mut self) -> Bytes {
        let piece = self.cut.split_to(self.chunk_bytes.min(self.cut.len()));
        if self.cut.is_empty() {
            // An empty slice would keep the whole body alive.
            self.cut = Bytes::new();
        }
        self.long.bytes -= piece.len();
        piece
    }

    /// Throws everything away.
    pub(super) fn clear(&mut self) {
        self.whole.clear();
        self.long.clear();
        self.cut = Bytes::new();
    }
}

/// Bytes on their way into the stream: heads and small bodies side by side, long bodies as they are.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pieces: VecDeque<Bytes>,
    open: BytesMut,
    bytes: usize,
    frames: u64,
}

impl Batch {
    pub(super) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Frames added since this was asked last.
    pub(super) const fn take_frames(&mut self) -> u64 {
        std::mem::replace(&mut self.frames, 0)
    }

    fn begin(&mut self, bytes_expected: usize) {
        if self.open.capacity() == 0 {
            self.open = BytesMut::with_capacity(bytes_expected.min(ROUND_BYTES / 4));
        }
    }

    fn add(&mut self, head: &Head, body: Bytes) {
        let before = self.open.len();
        write_head(&mut self.open, head, body.len());
        self.frames += 1;
        if body.len() <= COPIED_BYTES_MAX {
            self.open.extend_from_slice(&body);
            self.bytes += self.open.len() - before;
        } else {
            self.bytes += self.open.len() - before + body.len();
            self.seal();
            self.pieces.push_back(body);
        }
    }

    fn seal(&mut self) {
        if !self.open.is_empty() {
            self.pieces.push_back(self.open.split().freeze());
        }
    }

    /// One write of what is there, which must not be nothing. Gives the number of bytes that the stream took.
    pub(super) fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut W,
    ) -> Poll<io::Result<usize>> {
        self.seal();
        let first = self.pieces.front().map_or(&[][..], |piece| piece);
        let taken = if self.pieces.len() > 1 && stream.is_write_vectored() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let mut count = 0;
            for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
                *slice = IoSlice::new(piece);
                count += 1;
            }
            ready!(Pin::new(stream).poll_write_vectored(cx, &slices[..count]))?
        } else {
            ready!(Pin::new(stream).poll_write(cx, first))?
        };
        if taken == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.advance(taken);
        Poll::Ready(Ok(taken))
    }

    fn advance(&mut self, mut taken: usize) {
        self.bytes -= taken;
        while taken > 0 {
            let front = self.pieces.front_mut().expect("what was taken must have been there");
            let step = taken.min(front.len());
            front.advance(step);
            taken -= step;
            if front.is_empty() {
                self.pieces.pop_front();
            }
        }
        if self.bytes == 0 {
            self.pieces = VecDeque::new();
            self.open = BytesMut::new();
        }
    }
}
