//! TCP. The stream is tokio's own: it already keeps the contract of [`Stream`](switchboard::env::Stream).
//!
//! `TCP_NODELAY` is set on both ends of everything. A message goes out in one write, and Nagle's algorithm against the
//! peer's delayed acknowledgement would hold the tail of it back for 40 ms.

use std::io;
use std::net::SocketAddr;

use switchboard::env::Listener;
use tokio::net::{TcpSocket, TcpStream};

/// How many connections may wait unaccepted. A reconnect storm of a whole node's clients arrives within one round trip;
/// the kernel caps this at `net.core.somaxconn` (4096 by default).
const BACKLOG: u32 = 4096;

/// A bound TCP socket.
#[derive(Debug)]
pub struct TcpListener {
    inner: tokio::net::TcpListener,
    address: SocketAddr,
}

impl TcpListener {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Otherwise a restarted node waits a minute for the connections of its former life to leave TIME_WAIT.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let inner = socket.listen(BACKLOG)?;
        let address = inner.local_addr()?;
        Ok(Self { inner, address })
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.inner.accept().await?;
        stream.set_nodelay(true)?;
        Ok((stream, peer))
    }

    fn local_address(&self) -> SocketAddr {
        self.address
    }
}

pub(super) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
