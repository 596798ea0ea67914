//! A listener with a backlog. turmoil answers a dial only when it is accepted, and a host of it that has too many dials
//! waiting ends the simulation; so a task accepts, up to a bound, and whoever listens takes from its queue.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use switchboard::env::{Listener, Task};
use tokio::io::{AsyncRead, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

use super::stream::{GREETING, TurmoilStream};
use super::task::TurmoilTask;
use crate::worlds::life::{Life, lock};

/// So many connections wait to be accepted; further ones are not answered.
const BACKLOG: usize = 256;

/// Connections that nobody has accepted yet.
#[derive(Default)]
struct Waiting {
    queue: VecDeque<(TcpStream, SocketAddr)>,
    /// Who waits for a connection.
    taker: Option<Waker>,
    /// Who waits for room.
    filler: Option<Waker>,
}

/// A listening socket of a host.
pub struct TurmoilListener {
    life: Arc<Life>,
    waiting: Arc<Mutex<Waiting>>,
    filler: TurmoilTask,
    address: SocketAddr,
}

impl fmt::Debug for TurmoilListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TurmoilListener({})", self.address)
    }
}

impl TurmoilListener {
    pub(super) async fn bind(life: &Arc<Life>, address: SocketAddr) -> io::Result<Self> {
        life.check_alive()?;
        let is_ours = |ip: IpAddr| ip.is_unspecified() || ip.is_loopback() || ip == life.host.ip;
        if !is_ours(address.ip()) {
            return Err(ErrorKind::AddrNotAvailable.into());
        }
        // A host has one address, and turmoil binds to all that it has.
        let raw = TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await?;
        let address = SocketAddr::new(address.ip(), raw.local_addr()?.port());
        let waiting = Arc::default();
        let filler = TurmoilTask::spawn(life, "backlog", fill(raw, Arc::clone(&waiting)));
        Ok(Self { life: Arc::clone(life), waiting, filler, address })
    }
}

async fn fill(raw: TcpListener, waiting: Arc<Mutex<Waiting>>) {
    loop {
        poll_fn(|cx| lock(&waiting).poll_room(cx)).await;
        let Ok(connection) = raw.accept().await else { return };
        let mut waiting = lock(&waiting);
        waiting.queue.push_back(connection);
        if let Some(taker) = waiting.taker.take() {
            taker.wake();
        }
    }
}

impl Waiting {
    fn poll_room(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.queue.len() < BACKLOG {
            return Poll::Ready(());
        }
        self.filler = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The first connection whose greeting has come.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<(TcpStream, SocketAddr)> {
        let mut place = 0;
        while let Some((stream, _)) = self.queue.get_mut(place) {
            let mut greeting = GREETING;
            match Pin::new(stream).poll_read(cx, &mut ReadBuf::new(&mut greeting)) {
                Poll::Pending => place += 1,
                Poll::Ready(read) => {
                    let taken = self.queue.remove(place).expect("a place in the queue must hold something");
                    if let Some(filler) = self.filler.take() {
                        filler.wake();
                    }
                    if read.is_ok() {
                        return Poll::Ready(taken);
                    }
                }
            }
        }
        self.taker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Listener for TurmoilListener {
    type Stream = TurmoilStream;

    fn accept(&mut self) -> impl Future<Output = io::Result<(TurmoilStream, SocketAddr)>> + Send {
        poll_fn(|cx| {
            let taken = lock(&self.waiting).poll_take(cx);
            taken.map(|(raw, peer)| Ok((TurmoilStream::new(&self.life, raw, peer.ip()), peer)))
        })
    }

    fn local_address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TurmoilListener {
    fn drop(&mut self) {
        self.filler.abort();
        // Whoever waits is reset: its greeting is unread.
        let waiting = std::mem::take(&mut lock(&self.waiting).queue);
        drop(waiting);
    }
}
