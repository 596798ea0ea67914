//! A connected stream, as a node holds it: a key into the kernel, so it is `Send` and costs nothing while idle.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::kernel::Kernel;
use crate::kernel::here::{enter, register, try_enter};
use crate::kernel::slab::Key;
use crate::net::connection::{Fin, Side, State};
use crate::net::dial::dead;
use crate::node::NodeId;
use crate::trace::digest;

/// A TCP stream of a simulated node.
#[derive(Debug)]
pub struct SimStream {
    key: Key,
    side: Side,
}

impl SimStream {
    pub(crate) fn new(key: Key, side: Side) -> Self {
        Self { key, side }
    }

    /// Its own address.
    ///
    /// # Errors
    /// `NotConnected` where the connection is gone altogether.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.address(self.side)
    }

    /// The address of its peer.
    ///
    /// # Errors
    /// `NotConnected` where the connection is gone altogether.
    pub fn peer_address(&self) -> io::Result<SocketAddr> {
        self.address(self.side.other())
    }

    fn address(&self, side: Side) -> io::Result<SocketAddr> {
        enter(|kernel| kernel.net.connections.get(self.key).map(|found| found.ends[side.index()].address))
            .ok_or_else(dead)
    }
}

impl Kernel {
    fn poll_read(
        &mut self,
        key: Key,
        side: Side,
        cx: &Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(connection) = self.net.connections.get_mut(key) else { return Poll::Ready(Err(dead())) };
        let node = connection.end(side).node;
        if connection.end(side).is_dead {
            return Poll::Ready(Err(dead()));
        }
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let flow = connection.flow(side.other());
        if flow.inbox_bytes > 0 {
            let most = self.io_most(node, out.remaining());
            self.read_inbox(key, side, out, most);
            return Poll::Ready(Ok(()));
        }
        let is_ended = flow.is_ended;
        let end = connection.end(side);
        if is_ended {
            return Poll::Ready(Ok(()));
        }
        if let Some(kind) = end.error.take() {
            return Poll::Ready(Err(kind.into()));
        }
        if end.state == State::Closed {
            return Poll::Ready(Ok(()));
        }
        register(&mut end.reader, cx);
        Poll::Pending
    }

    fn read_inbox(&mut self, key: Key, side: Side, out: &mut ReadBuf<'_>, most: usize) {
        let options = self.net.options;
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let is_open = connection.end(side).state == State::Open;
        let flow = connection.flow(side.other());
        let mut left = most;
        while left > 0
            && let Some(front) = flow.inbox.front_mut()
        {
            let taken = front.len().min(left);
            out.put_slice(&front[..taken]);
            flow.inbox_bytes -= taken as u64;
            left -= taken;
            if taken == front.len() {
                flow.inbox.pop_front();
            } else {
                front.advance(taken);
            }
        }
        if flow.inbox.is_empty() {
            flow.inbox = VecDeque::new();
        }
        // A window update travels once it opens the window by enough to be worth a segment.
        let opened = flow.received - flow.inbox_bytes + options.receive_buffer_bytes - flow.advertised;
        let is_worth_it = opened >= (options.receive_buffer_bytes / 2).min(2 * options.segment_bytes).max(1);
        if is_open && is_worth_it && !flow.is_ended {
            self.acknowledge(key, side.other());
        }
    }

    fn poll_write(
        &mut self,
        key: Key,
        side: Side,
        cx: &Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let (now, options) = (self.now, self.net.options);
        let Some(connection) = self.net.connections.get_mut(key) else { return Poll::Ready(Err(dead())) };
        let end = connection.end(side);
        let node = end.node;
        if end.is_dead {
            return Poll::Ready(Err(dead()));
        }
        if let Some(kind) = end.error.take() {
            return Poll::Ready(Err(kind.into()));
        }
        let is_open = end.state == State::Open;
        let flow = connection.flow(side);
        if !is_open || flow.fin != Fin::No {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        let length: usize = bytes.iter().map(|slice| slice.len()).sum();
        if length == 0 {
            return Poll::Ready(Ok(0));
        }
        flow.take_acks(now);
        let room = flow.room(&options);
        if room == 0 {
            register(&mut connection.end(side).writer, cx);
            self.expect_acks(key, side);
            return Poll::Pending;
        }
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let taken = self.io_most(node, length.min(room));
        let chunk = gather(bytes, taken);
        self.say(|| format!("writes {taken} bytes, digest {:016x}", digest(&chunk)));
        let Some(connection) = self.net.connections.get_mut(key) else { return Poll::Ready(Err(dead())) };
        let flow = connection.flow(side);
        flow.unsent_bytes += taken as u64;
        flow.unsent.push_back(chunk);
        self.transmit(key, side);
        self.expect_acks_for_unsent(key, side);
        Poll::Ready(Ok(taken))
    }

    fn expect_acks_for_unsent(&mut self, key: Key, side: Side) {
        if self
            .net
            .connections
            .get_mut(key)
            .is_some_and(|connection| !connection.flow(side).unsent.is_empty())
        {
            self.expect_acks(key, side);
        }
    }

    /// How many bytes one call moves: all that fit, unless the node suffers from tiny reads and writes.
    fn io_most(&mut self, node: NodeId, length: usize) -> usize {
        match self.node(node).io_bytes_max {
            None => length,
            Some(max) => {
                if let Some(fault) = self.node(node).io_fault {
                    self.touch(fault);
                }
                let drawn = 1 + self.net.draws.below(u64::from(max.max(1)));
                usize::try_from(drawn).unwrap_or(usize::MAX).min(length)
            }
        }
    }

    fn poll_shutdown(&mut self, key: Key, side: Side) -> io::Result<()> {
        let Some(connection) = self.net.connections.get_mut(key) else { return Err(dead()) };
        let end = connection.end(side);
        if end.is_dead {
            return Err(dead());
        }
        // On a stream that is closed already there is nothing to say and nothing to fail, as with tokio's.
        if end.state == State::Open {
            self.queue_fin(key, side);
        }
        Ok(())
    }
}

/// Copies the first `taken` bytes of several slices: the one copy on the way from writer to reader.
fn gather(slices: &[IoSlice<'_>], taken: usize) -> Bytes {
    if let [only] = slices {
        return Bytes::copy_from_slice(&only[..taken]);
    }
    let mut bytes = Vec::with_capacity(taken);
    for slice in slices {
        let more = slice.len().min(taken - bytes.len());
        bytes.extend_from_slice(&slice[..more]);
    }
    Bytes::from(bytes)
}

impl AsyncRead for SimStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        enter(|kernel| kernel.poll_read(self.key, self.side, cx, out))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        enter(|kernel| kernel.poll_write(self.key, self.side, cx, &[IoSlice::new(bytes)]))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        enter(|kernel| kernel.poll_write(self.key, self.side, cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(enter(|kernel| kernel.poll_shutdown(self.key, self.side)))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        try_enter(|kernel| kernel.release_stream(self.key, self.side));
    }
}
