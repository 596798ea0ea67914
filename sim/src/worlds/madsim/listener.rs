//! A listener with a bound on what waits in front of it.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use madsim::net::TcpListener;
use switchboard::env::{Env, Listener, Task};

use super::MadsimEnv;
use super::stream::MadsimStream;
use super::task::MadsimTask;
use crate::worlds::life::lock;

/// So many connections wait to be accepted; further ones are refused.
const BACKLOG: usize = 1_024;

#[derive(Default)]
struct Waiting {
    queue: VecDeque<(MadsimStream, SocketAddr)>,
    taker: Option<Waker>,
    is_closed: bool,
}

/// A listening socket of a host.
pub struct MadsimListener {
    waiting: Arc<Mutex<Waiting>>,
    filler: MadsimTask,
    address: SocketAddr,
}

impl fmt::Debug for MadsimListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MadsimListener({})", self.address)
    }
}

impl MadsimListener {
    pub(super) async fn bind(env: MadsimEnv, address: SocketAddr) -> io::Result<Self> {
        let is_ours = address.ip().is_unspecified() || address.ip().is_loopback();
        if !is_ours && address.ip() != env.life.host.ip {
            return Err(ErrorKind::AddrNotAvailable.into());
        }
        let raw = TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await?;
        let address = SocketAddr::new(address.ip(), raw.local_addr()?.port());
        let waiting = Arc::default();
        let filler = env.spawn("backlog", fill(env.clone(), raw, Arc::clone(&waiting)));
        Ok(Self { waiting, filler, address })
    }
}

async fn fill(env: MadsimEnv, raw: TcpListener, waiting: Arc<Mutex<Waiting>>) {
    while let Ok((stream, peer)) = raw.accept().await {
        let there = if peer.ip().is_loopback() {
            Some(env.life.host.node)
        } else {
            env.life.host.ground.at(peer.ip())
        };
        let Some(node) = there else { continue };
        let mut stream = MadsimStream::new(env.clone(), stream, node);
        stream.set_unwanted(true);
        env.spawn("dial", admit(stream, peer, Arc::clone(&waiting)));
    }
}

/// Answers a dial, or refuses it by dropping it.
async fn admit(mut stream: MadsimStream, peer: SocketAddr, waiting: Arc<Mutex<Waiting>>) {
    if stream.greeted().await.is_err() {
        return;
    }
    let mut waiting = lock(&waiting);
    if waiting.is_closed || waiting.queue.len() >= BACKLOG || stream.greet().is_err() {
        return;
    }
    waiting.queue.push_back((stream, peer));
    if let Some(taker) = waiting.taker.take() {
        taker.wake();
    }
}

impl Listener for MadsimListener {
    type Stream = MadsimStream;

    fn accept(&mut self) -> impl Future<Output = io::Result<(MadsimStream, SocketAddr)>> + Send {
        poll_fn(|cx| {
            let mut waiting = lock(&self.waiting);
            match waiting.queue.pop_front() {
                Some((mut stream, peer)) => {
                    stream.set_unwanted(false);
                    Poll::Ready(Ok((stream, peer)))
                }
                None => {
                    waiting.taker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
    }

    fn local_address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MadsimListener {
    fn drop(&mut self) {
        self.filler.abort();
        let waiting = &mut *lock(&self.waiting);
        waiting.is_closed = true;
        // Whoever waits is reset.
        waiting.queue.clear();
    }
}
