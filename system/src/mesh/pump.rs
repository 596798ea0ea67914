//! The one task of a link: reads, writes and watches the clock, in this order, for as long as the link stands.
//!
//! What differs between the end that asks and the end that answers is a [`Side`]. The pump owns the stream; whoever wants
//! something sent puts it into the side's queue and wakes the pump.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::AsyncWrite;

use super::config::MeshLimits;
use super::counters::Counters;
use super::frame::{Assembly, FrameReader, Garbled, Head, Room};
use super::outgoing::Batch;
use super::peer::Lost;
use crate::env::{AnyStream, Env, Instant};

/// Reads, each with the writes that it leads to, before other tasks have a turn.
const TURNS: u32 = 16;

/// How a link ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// It broke or was closed by the peer.
    Lost(Lost),
    /// Nobody used it.
    Rested,
    /// This node closed it.
    Stopped,
}

/// Signs of life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs {
    /// When bytes came last.
    pub(super) heard: Instant,
    /// When bytes were taken last.
    pub(super) sent: Instant,
    /// When a ping went out last.
    pub(super) pinged: Instant,
    /// Since when the peer takes nothing of what is there for it.
    pub(super) stalled: Option<Instant>,
}

/// What is due next on a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Deed {
    /// Give it up.
    Silent,
    /// Close it for want of use.
    Rest,
    /// Ask whether the peer is there.
    Ping,
}

/// What a side has for the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Filled {
    /// Something, now in the batch.
    Some,
    /// Nothing; the waker is kept.
    Nothing,
    /// Nothing any more.
    End(End),
}

/// One end of a link: what to do with what comes, and what to send.
pub(super) trait Side: Send + Sync + 'static {
    /// Takes a whole message.
    fn take(&self, head: Head, body: Bytes) -> Result<(), Garbled>;
    /// Whether more may be read: what comes must have room.
    fn may_read(&self) -> bool;
    /// Moves what waits to the batch.
    fn fill(&self, batch: &mut Batch, waker: &Waker) -> Filled;
    /// What is due, and when.
    fn due(&self, signs: &Signs) -> (Instant, Deed);
    /// Queues a ping.
    fn ping(&self);
    /// How the link was ended by force, if it was: what waits is not written any more. Keeps the waker.
    fn forced(&self, waker: &Waker) -> Option<End>;
    /// Says goodbye for want of use, where it is still unused. The end comes through [`fill`](Side::fill).
    fn rest(&self);
}

/// Keeps a waker, anew only where it is another.
pub(super) fn keep(place: &mut Option<Waker>, waker: &Waker) {
    if place.as_ref().is_none_or(|kept| !kept.will_wake(waker)) {
        *place = Some(waker.clone());
    }
}

enum Read {
    Some,
    Pending,
    Held,
}

/// See the [module](self) page. Ends when the link does.
pub(super) struct Pump<E: Env, T> {
    env: E,
    stream: AnyStream,
    /// Whether everything that the stream took is on its way: a shield may hold some of it back.
    is_flushed: bool,
    side: Arc<T>,
    counters: Arc<Counters>,
    reader: FrameReader,
    assembly: Assembly,
    batch: Batch,
    signs: Signs,
    alarm: Option<(Instant, Pin<Box<E::Sleep>>)>,
    is_resting: bool,
}

impl<E: Env, T: Side> Pump<E, T> {
    pub(super) fn new(
        env: E,
        stream: AnyStream,
        side: Arc<T>,
        limits: &MeshLimits,
        counters: Arc<Counters>,
    ) -> Self {
        let now = env.now();
        Self {
            env,
            stream,
            is_flushed: true,
            side,
            counters,
            reader: FrameReader::new(limits.frame_bytes_max),
            assembly: Assembly::new(limits.body_bytes_max),
            batch: Batch::default(),
            signs: Signs { heard: now, sent: now, pinged: now, stalled: None },
            alarm: None,
            is_resting: false,
        }
    }

    /// One read, and what it brings; or first what was read before and had no room.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<Read, End> {
        if !self.side.may_read() {
            return Ok(Read::Held);
        }
        let Self { reader, stream, assembly, side, counters, is_resting, .. } = self;
        let take = |head, body| {
            counters.frames_received.one_more();
            if let Some((head, body)) = assembly.take(head, body)? {
                match head {
                    Head::Rest => *is_resting = true,
                    Head::Cancel { id } if assembly.forget(id) => {}
                    _ => side.take(head, body)?,
                }
            }
            Ok(if side.may_read() { Room::Some } else { Room::None })
        };
        if reader.is_holding() {
            return reader.resume(take).map(|()| Read::Some).map_err(|garbled| broken(&garbled.into()));
        }
        let read = match reader.poll_read(cx, stream, take) {
            // A shield tells an end without its own farewell apart. Frames say how long they are, and whoever can end a
            // connection can break it as well: no need to.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(0)),
            read => read,
        };
        match read {
            Poll::Pending => Ok(Read::Pending),
            Poll::Ready(Ok(0)) if self.is_resting => Err(End::Rested),
            Poll::Ready(Ok(0)) => Err(End::Lost(Lost::Closed)),
            Poll::Ready(Ok(length)) => {
                self.signs.heard = self.env.now();
                self.counters.bytes_received.add(length as u64);
                Ok(Read::Some)
            }
            Poll::Ready(Err(error)) => Err(broken(&error)),
        }
    }

    /// Writes until nothing waits or the stream takes no more.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        loop {
            if self.batch.is_empty() {
                match self.side.fill(&mut self.batch, cx.waker()) {
                    Filled::Some if self.batch.is_empty() => continue,
                    Filled::Some => self.counters.frames_sent.add(self.batch.take_frames()),
                    Filled::Nothing => return self.flush(cx).map(|_| ()),
                    Filled::End(end) if self.flush(cx)? => return Err(end),
                    Filled::End(_) => return self.side.forced(cx.waker()).map_or(Ok(()), Err),
                }
            }
            match self.batch.poll_write(cx, &mut self.stream) {
                Poll::Pending => {
                    self.signs.stalled.get_or_insert_with(|| self.env.now());
                    return self.side.forced(cx.waker()).map_or(Ok(()), Err);
                }
                Poll::Ready(Ok(length)) => {
                    self.counters.writes.one_more();
                    self.counters.bytes_sent.add(length as u64);
                    self.signs.sent = self.env.now();
                    self.signs.stalled = None;
                    self.is_flushed = false;
                }
                Poll::Ready(Err(error)) => return Err(broken(&error)),
            }
            if self.batch.is_empty() {
                self.flush(cx)?;
            }
        }
    }

    /// Sees that nothing stays behind in the stream. True once nothing does.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        if self.is_flushed {
            return Ok(true);
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => {
                self.signs.stalled.get_or_insert_with(|| self.env.now());
                Ok(false)
            }
            Poll::Ready(Ok(())) => {
                self.signs.stalled = None;
                self.is_flushed = true;
                Ok(true)
            }
            Poll::Ready(Err(error)) => Err(broken(&error)),
        }
    }

    /// Does what is due and sets the alarm for what comes next.
    fn watch(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        loop {
            let (at, deed) = self.side.due(&self.signs);
            let now = self.env.now();
            if at <= now {
                match deed {
                    Deed::Silent => return Err(End::Lost(Lost::Silent)),
                    Deed::Rest => self.side.rest(),
                    Deed::Ping => {
                        self.signs.pinged = now;
                        self.counters.pings.one_more();
                        self.side.ping();
                    }
                }
                self.write(cx)?;
                continue;
            }
            // An alarm that rings too early is only asked again; it is set anew only where it would ring too late.
            if self.alarm.as_ref().is_none_or(|(set, _)| *set > at) {
                self.alarm = Some((at, Box::pin(self.env.sleep_until(at))));
            }
            let (_, alarm) = self.alarm.as_mut().expect("the alarm must be set");
            if alarm.as_mut().poll(cx).is_pending() {
                return Ok(());
            }
            self.alarm = None;
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        for _ in 0..TURNS {
            let read = self.read(cx)?;
            self.write(cx)?;
            match read {
                Read::Some => {}
                Read::Held if self.side.may_read() => {}
                Read::Pending | Read::Held => return self.watch(cx),
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }
}

fn broken(error: &io::Error) -> End {
    if error.kind() == io::ErrorKind::InvalidData {
        tracing::warn!("a peer does not keep to the wire: {error}");
    }
    let how = if error.kind() == io::ErrorKind::TimedOut { Lost::Silent } else { Lost::Reset };
    End::Lost(how)
}

impl<E: Env, T: Side> Future for Pump<E, T> {
    type Output = End;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<End> {
        match self.get_mut().turn(cx) {
            Ok(()) => Poll::Pending,
            Err(end) => Poll::Ready(end),
        }
    }
}
