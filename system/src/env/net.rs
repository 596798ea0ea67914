//! Byte streams and the sockets that give them. The contract that every world keeps is executable: one suite
//! (`switchboard-sim`, `contract`) runs against the kernel and against real loopback sockets.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};

/// A connected, ordered, reliable byte stream.
///
/// - A read of zero bytes into a buffer with room is the peer's orderly end (FIN); writing may still go on (half-close).
/// - A reset by the peer is `ConnectionReset` on read and `BrokenPipe` or `ConnectionReset` on write.
/// - Dropping a stream with unread received bytes resets the connection; otherwise it closes in order.
/// - A write takes what the window has room for and may take less than it was given.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// A bound listening socket. Closes on drop; connections that wait unaccepted are then reset.
pub trait Listener: Send + 'static {
    /// What it gives.
    type Stream: Stream;

    /// The next connection and the address of its peer.
    ///
    /// # Errors
    /// An error concerns one connection or a passing shortage (open files); the listener itself stays usable. Cancel safe.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;

    /// The address it is bound to, with the port that was chosen.
    fn local_address(&self) -> SocketAddr;
}
