//! A bound listening socket, as a node holds it, and the dial that becomes a stream.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;

use switchboard::env::Listener;

use crate::env::SimEnv;
use crate::kernel::here::{enter, try_enter};
use crate::kernel::slab::Key;
use crate::net::connection::Side;
use crate::net::stream::SimStream;

/// A listener of a simulated node. Closes on drop.
#[derive(Debug)]
pub struct SimListener {
    key: Key,
    address: SocketAddr,
}

impl SimListener {
    pub(crate) fn bind(env: SimEnv, address: SocketAddr) -> io::Result<Self> {
        let (key, address) = enter(|kernel| kernel.listen(env, address))?;
        Ok(Self { key, address })
    }
}

impl Listener for SimListener {
    type Stream = SimStream;

    async fn accept(&mut self) -> io::Result<(SimStream, SocketAddr)> {
        let listener = self.key;
        let (key, peer) = poll_fn(|cx| enter(|kernel| kernel.poll_accept(listener, cx))).await?;
        Ok((SimStream::new(key, Side::Accepted), peer))
    }

    fn local_address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        try_enter(|kernel| kernel.close_listener(self.key));
    }
}

/// Dials. Dropped before its end, it takes the greeting back.
pub(crate) async fn connect(env: SimEnv, address: SocketAddr) -> io::Result<SimStream> {
    let key = enter(|kernel| kernel.dial(env, address))?;
    // The stream exists from here on, so that a dial that is dropped half-way is released like one.
    let stream = SimStream::new(key, Side::Dialler);
    poll_fn(|cx| enter(|kernel| kernel.poll_dial(key, cx))).await?;
    Ok(stream)
}
