//! A connection: turmoil's own, with the few things that it does otherwise than a system would put right.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use switchboard::env::Env;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

use super::TurmoilEnv;
use super::task::TurmoilTask;
use crate::worlds::cord::Cord;
use crate::worlds::life::Life;

/// The largest segment. turmoil counts segments and would take a write of any size as one.
const SEGMENT_BYTES_MAX: usize = 16 * 1024;

/// How long a dial waits for a host that says nothing.
const DIAL_GIVE_UP_MS: u64 = 10_000;

/// What a dialler sends first, and the listener takes off. A connection that nobody accepted has it unread, so it ends by a
/// reset as it does on a real host.
pub(super) const GREETING: [u8; 1] = [0];

/// A connection between two hosts.
pub struct TurmoilStream {
    /// There until it is dropped.
    raw: Option<TcpStream>,
    life: Arc<Life>,
    cord: Arc<Cord>,
    is_shut: bool,
}

impl fmt::Debug for TurmoilStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TurmoilStream({:?})", self.raw)
    }
}

impl TurmoilStream {
    /// The end at the host of `life` of a connection to `peer`.
    pub(super) fn new(life: &Arc<Life>, raw: TcpStream, peer: IpAddr) -> Self {
        let (ground, here) = (&life.host.ground, life.host.node);
        let there = ground.at(peer).unwrap_or(here);
        let cord = ground.cords.tie(here, there);
        Self { raw: Some(raw), life: Arc::clone(life), cord, is_shut: false }
    }

    fn raw(&mut self) -> &mut TcpStream {
        self.raw.as_mut().expect("a stream is there until it is dropped")
    }

    pub(super) async fn connect(life: &Arc<Life>, address: SocketAddr) -> io::Result<Self> {
        life.check_alive()?;
        let began = life.now();
        match TcpStream::connect(address).await {
            Ok(mut raw) => {
                let written = poll_fn(|cx| Pin::new(&mut raw).poll_write(cx, &GREETING)).await?;
                debug_assert_eq!(written, GREETING.len(), "a new connection must have room");
                Ok(Self::new(life, raw, address.ip()))
            }
            // A refusal travels. What is refused at once was lost on a cut link, and nobody will ever answer.
            Err(error)
                if error.kind() == ErrorKind::ConnectionRefused
                    && life.now().since(began) < Duration::from_millis(1) =>
            {
                let env = TurmoilEnv(Arc::clone(life));
                env.sleep_until(began.after_ms(DIAL_GIVE_UP_MS)).await;
                Err(ErrorKind::TimedOut.into())
            }
            Err(error) => Err(error),
        }
    }
}

impl AsyncRead for TurmoilStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cord.is_cut_for_reader(cx) {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        Pin::new(self.raw()).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TurmoilStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.cord.is_cut_for_writer(cx) {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        let segment = &bytes[..bytes.len().min(SEGMENT_BYTES_MAX)];
        Pin::new(self.raw()).poll_write(cx, segment)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.raw()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_shut || self.cord.is_cut_for_writer(cx) {
            return Poll::Ready(Ok(()));
        }
        ready!(poll_room(self.raw(), cx))?;
        self.is_shut = true;
        Pin::new(self.raw()).poll_shutdown(cx)
    }
}

/// Whether there is room for one more segment. turmoil sends the end without asking, and where the reader's queue is full it
/// would never be read: so the end waits for its turn, too.
fn poll_room(raw: &TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    pin!(raw.writable()).poll(cx)
}

impl Drop for TurmoilStream {
    fn drop(&mut self) {
        let Some(raw) = self.raw.take() else { return };
        if self.life.is_over() || self.is_shut {
            return;
        }
        if poll_room(&raw, &mut Context::from_waker(Waker::noop())).is_pending() {
            TurmoilTask::spawn(&self.life, "last segments", async move {
                // An error is as good: the other end is gone.
                let _ = raw.writable().await;
            });
        }
    }
}
