//! A connection.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use madsim::net::TcpStream;
use switchboard::env::{Env, Task, deadline};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::MadsimEnv;
use super::pipe::{End, Pipe};
use super::task::MadsimTask;
use crate::node::NodeId;
use crate::worlds::cord::Cord;
use crate::worlds::life::lock;

/// How long a dial waits for a host that says nothing.
const DIAL_GIVE_UP_MS: u64 = 10_000;

/// A connection between two hosts.
pub struct MadsimStream {
    env: MadsimEnv,
    pipe: Arc<Mutex<Pipe>>,
    /// Takes in what comes.
    feeder: MadsimTask,
    cord: Arc<Cord>,
    /// The host at the other end.
    peer: NodeId,
    is_shut: bool,
    /// Nobody has taken it: it ends by a reset.
    is_unwanted: bool,
}

impl fmt::Debug for MadsimStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MadsimStream({} to {})", self.env.life.host.node, self.peer)
    }
}

/// Dials. The first word and its answer travel as everything else does.
pub(super) async fn connect(env: MadsimEnv, address: SocketAddr) -> io::Result<MadsimStream> {
    let due = env.now().after_ms(DIAL_GIVE_UP_MS);
    let home = env.life.host.node;
    let there = if address.ip().is_loopback() { Some(home) } else { env.life.host.ground.at(address.ip()) };
    let Some(peer) = there else { return Err(ErrorKind::HostUnreachable.into()) };
    let dialled = async {
        let raw = TcpStream::connect(address).await?;
        let mut stream = MadsimStream::new(env.clone(), raw, peer);
        stream.is_unwanted = true;
        // A port that the other end of a connection has listens to nobody, and madsim says so only now.
        stream.greet().map_err(|_| ErrorKind::ConnectionRefused)?;
        stream.greeted().await?;
        stream.is_unwanted = false;
        Ok(stream)
    };
    match deadline(&env, due, dialled).await {
        Err(_) => Err(ErrorKind::TimedOut.into()),
        // What does not even reach the host is not refused by it.
        Ok(Err(_)) if env.weather.is_silent(peer, home) || env.weather.is_silent(home, peer) => {
            env.sleep_until(due).await;
            Err(ErrorKind::TimedOut.into())
        }
        Ok(dialled) => dialled,
    }
}

impl MadsimStream {
    pub(super) fn new(env: MadsimEnv, raw: TcpStream, peer: NodeId) -> Self {
        let cord = env.life.host.ground.cords.tie(env.life.host.node, peer);
        let pipe = Arc::new(Mutex::new(Pipe::new(raw)));
        let fed = Arc::clone(&pipe);
        // madsim's bytes travel only while somebody waits for them; those that arrive unread must be known of.
        let feeder = env.spawn("wire", poll_fn(move |cx| lock(&fed).poll_take_in(cx)));
        Self { env, pipe, feeder, cord, peer, is_shut: false, is_unwanted: false }
    }

    /// Marks it as taken by nobody yet, or as taken.
    pub(super) fn set_unwanted(&mut self, is_unwanted: bool) {
        self.is_unwanted = is_unwanted;
    }

    /// Waits for the first word of the other end.
    ///
    /// # Errors
    /// There is none.
    pub(super) async fn greeted(&mut self) -> io::Result<()> {
        poll_fn(|cx| {
            let mut pipe = self.pipe();
            pipe.read_later(cx);
            match pipe.end {
                Some(_) => Poll::Ready(Err(ErrorKind::ConnectionRefused.into())),
                None if pipe.is_greeted => Poll::Ready(Ok(())),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Says the first word, or answers it.
    pub(super) fn greet(&self) -> io::Result<()> {
        self.send(&mut self.pipe(), Pipe::hello)
    }

    /// What is known of the connection. One that was torn has ended by a reset, where its end could be heard.
    fn pipe(&self) -> MutexGuard<'_, Pipe> {
        let mut pipe = lock(&self.pipe);
        if pipe.is_torn && pipe.end.is_none() && !self.is_silent() {
            pipe.end = Some(End::Reset);
        }
        pipe
    }

    /// Whether this end hears nothing of the other one.
    fn is_silent(&self) -> bool {
        self.env.weather.is_silent(self.peer, self.env.life.host.node)
    }

    fn send<T>(&self, pipe: &mut Pipe, what: impl FnOnce(&mut Pipe) -> io::Result<T>) -> io::Result<T> {
        self.env.life.check_alive()?;
        self.env.weather.sent(self.env.life.host.node, self.peer);
        what(pipe)
    }
}

impl AsyncRead for MadsimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cord.is_cut_for_reader(cx) {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        let mut pipe = self.pipe();
        if pipe.has_unread() {
            pipe.read(buffer);
            return Poll::Ready(Ok(()));
        }
        match pipe.end {
            Some(End::Orderly) => Poll::Ready(Ok(())),
            Some(End::Reset) => Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            None => {
                pipe.read_later(cx);
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for MadsimStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_shut || self.cord.is_cut_for_writer(cx) {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut pipe = self.pipe();
        if pipe.end == Some(End::Reset) {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        match self.send(&mut pipe, |pipe| pipe.write(bytes)) {
            Ok(Some(length)) => Poll::Ready(Ok(length)),
            Ok(None) => {
                pipe.write_later(cx);
                Poll::Pending
            }
            // It goes where nobody is, and nobody says so.
            Err(_) if self.is_silent() => Poll::Ready(Ok(bytes.len())),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing waits here: every write is on its way.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut {
            self.is_shut = true;
            // Where the other end is gone, it needs no end.
            let _ = self.send(&mut self.pipe(), |pipe| pipe.say(End::Orderly));
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for MadsimStream {
    fn drop(&mut self) {
        self.feeder.abort();
        if self.env.life.is_over() {
            return;
        }
        let mut pipe = self.pipe();
        let last = if self.is_unwanted || pipe.has_unread() { End::Reset } else { End::Orderly };
        if last == End::Reset || !self.is_shut {
            let _ = self.send(&mut pipe, |pipe| pipe.say(last));
        }
    }
}
