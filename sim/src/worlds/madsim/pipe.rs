//! Frames over a stream of madsim, which knows neither windows nor half-close nor resets: data, how much more of it there is
//! room for, the end, and a reset. Each is on its way as soon as it is written.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BufMut, BytesMut};
use madsim::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// So many bytes wait for their reader, at most.
const WINDOW_BYTES: usize = 64 * 1024;
/// The largest frame of data.
const SEGMENT_BYTES_MAX: usize = 16 * 1024;
const HEAD_BYTES: usize = 5;

/// What a frame is; a length follows, and so many bytes where it is [`DATA`].
const DATA: u8 = 0;
const ROOM: u8 = 1;
const END: u8 = 2;
const RESET: u8 = 3;
/// The dialler's first word, and the listener's answer to it.
pub(super) const HELLO: u8 = 4;

/// How the other end has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// It writes no more.
    Orderly,
    /// It is gone.
    Reset,
}

/// See the [module](self) page.
pub(super) struct Pipe {
    raw: TcpStream,
    reader: Option<Waker>,
    writer: Option<Waker>,
    incoming: BytesMut,
    /// Bytes of a data frame that have not come yet.
    missing: usize,
    unread: BytesMut,
    /// So many bytes were read since the other end was last told.
    owed: usize,
    /// So many bytes the other end has room for.
    room: usize,
    pub(super) is_greeted: bool,
    pub(super) end: Option<End>,
    /// madsim's stream has ended, whether or not its end was said.
    pub(super) is_torn: bool,
}

impl Pipe {
    pub(super) fn new(raw: TcpStream) -> Self {
        Self {
            raw,
            reader: None,
            writer: None,
            incoming: BytesMut::new(),
            missing: 0,
            unread: BytesMut::new(),
            owed: 0,
            room: WINDOW_BYTES,
            is_greeted: false,
            end: None,
            is_torn: false,
        }
    }

    pub(super) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Whoever reads is woken when something comes.
    pub(super) fn read_later(&mut self, cx: &Context<'_>) {
        self.reader = Some(cx.waker().clone());
    }

    /// Whoever writes is woken when something comes.
    pub(super) fn write_later(&mut self, cx: &Context<'_>) {
        self.writer = Some(cx.waker().clone());
    }

    /// Takes in all that comes, until madsim's stream ends.
    pub(super) fn poll_take_in(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 4_096];
        while !self.is_torn {
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.raw).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    self.incoming.extend_from_slice(buffer.filled());
                    self.take_frames();
                }
                _ => self.is_torn = true,
            }
            for waker in [&mut self.reader, &mut self.writer] {
                if let Some(waker) = waker.take() {
                    waker.wake();
                }
            }
        }
        Poll::Ready(())
    }

    fn take_frames(&mut self) {
        loop {
            let ready = self.missing.min(self.incoming.len());
            self.unread.extend_from_slice(&self.incoming.split_to(ready));
            self.missing -= ready;
            if self.missing > 0 || self.incoming.len() < HEAD_BYTES {
                return;
            }
            let (kind, length) = (self.incoming.get_u8(), self.incoming.get_u32() as usize);
            match kind {
                DATA => self.missing = length,
                ROOM => self.room += length,
                END => self.end = self.end.or(Some(End::Orderly)),
                HELLO => self.is_greeted = true,
                _ => self.end = Some(End::Reset),
            }
        }
    }

    /// Gives the reader what there is, and the other end room for as much again.
    pub(super) fn read(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = buffer.remaining().min(self.unread.len());
        buffer.put_slice(&self.unread.split_to(length));
        self.owed += length;
        if self.owed >= WINDOW_BYTES / 2 && self.end.is_none() {
            let owed = u32::try_from(std::mem::take(&mut self.owed)).expect("a window must fit");
            // Where the other end is gone it needs no room.
            let _ = self.send(ROOM, owed, &[]);
        }
    }

    /// Writes as many bytes as there is room for; `None` where there is none.
    ///
    /// # Errors
    /// The other end takes nothing more.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let length = bytes.len().min(self.room).min(SEGMENT_BYTES_MAX);
        if length == 0 {
            return Ok(None);
        }
        self.send(DATA, u32::try_from(length).expect("a segment must fit"), &bytes[..length])?;
        self.room -= length;
        Ok(Some(length))
    }

    pub(super) fn hello(&mut self) -> io::Result<()> {
        self.send(HELLO, 0, &[])
    }

    pub(super) fn say(&mut self, end: End) -> io::Result<()> {
        self.send(if end == End::Orderly { END } else { RESET }, 0, &[])
    }

    fn send(&mut self, kind: u8, length: u32, bytes: &[u8]) -> io::Result<()> {
        let mut frame = BytesMut::with_capacity(HEAD_BYTES + bytes.len());
        frame.put_u8(kind);
        frame.put_u32(length);
        frame.put_slice(bytes);
        let mut cx = Context::from_waker(Waker::noop());
        let written = Pin::new(&mut self.raw).poll_write(&mut cx, &frame);
        debug_assert!(written.is_ready(), "madsim takes every write");
        match Pin::new(&mut self.raw).poll_flush(&mut cx) {
            Poll::Ready(Err(_)) => Err(ErrorKind::BrokenPipe.into()),
            _ => Ok(()),
        }
    }
}
