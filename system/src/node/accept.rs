//! Taking connections in: a bounded number of them, each in a task of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::core::Core;
use super::life::Stage;
use super::line::{Peer, serve_lines};
use crate::client::Principal;
use crate::env::{Either, Env, Listener, race};
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::transport::http::{Service, refuse, serve_connection};

/// How long accepting rests after a failure: mostly the process is out of open files, and trying again at once is hot.
const REST_MS: u64 = 50;

/// Whose connections a listener takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Door {
    /// Clients: until the node drains.
    Clients,
    /// The operator, who wants to see the drain too: until the node stops. Not counted among the connections, for a drain
    /// waits until those are gone.
    Operator,
}

impl Door {
    const fn closes_at(self) -> Stage {
        match self {
            Self::Clients => Stage::Draining,
            Self::Operator => Stage::Stopped,
        }
    }
}

/// Counts the connections through one door of a node.
#[derive(Debug)]
pub(super) struct Turnstile {
    door: Door,
    inside: AtomicUsize,
    last: AtomicU64,
}

impl Turnstile {
    pub(super) fn new(door: Door) -> Arc<Self> {
        Arc::new(Self { door, inside: AtomicUsize::new(0), last: AtomicU64::new(0) })
    }
}

/// A connection's permission to be there.
pub(super) struct Permit<E: Env> {
    core: Arc<Core<E>>,
    turnstile: Arc<Turnstile>,
    id: ConnectionId,
}

impl<E: Env> Permit<E> {
    fn take(core: &Arc<Core<E>>, turnstile: &Arc<Turnstile>) -> Option<Self> {
        let before = turnstile.inside.fetch_add(1, Ordering::AcqRel);
        if before >= core.limits.connections_max {
            turnstile.inside.fetch_sub(1, Ordering::AcqRel);
            core.metrics.connections_shed.inc();
            core.env.record(&Event::ConnectionShed);
            return None;
        }
        let id = ConnectionId(turnstile.last.fetch_add(1, Ordering::Relaxed));
        if turnstile.door == Door::Clients {
            core.metrics.connections.inc();
            core.env.record(&Event::ConnectionOpened(id));
        }
        Some(Self { core: core.clone(), turnstile: turnstile.clone(), id })
    }
}

impl<E: Env> Drop for Permit<E> {
    fn drop(&mut self) {
        self.turnstile.inside.fetch_sub(1, Ordering::AcqRel);
        if self.turnstile.door == Door::Clients {
            self.core.metrics.connections.dec();
            self.core.env.record(&Event::ConnectionClosed(self.id));
        }
    }
}

/// Accepts until the door closes, and hands each connection to `serve`.
async fn accept<E: Env, F>(core: Arc<Core<E>>, door: Door, mut listener: E::Listener, mut serve: F)
where
    F: FnMut(E::Stream, SocketAddr) + Send,
{
    let mut closing = Box::pin(core.life.reached(door.closes_at()));
    loop {
        match race(&mut closing, listener.accept()).await {
            Either::Left(()) => return,
            Either::Right(Ok((stream, peer))) => serve(stream, peer),
            Either::Right(Err(error)) => {
                tracing::warn!("cannot accept a connection: {error}");
                core.env.sleep_until(core.env.now().after_ms(REST_MS)).await;
            }
        }
    }
}

/// Serves HTTP on a listener.
pub(super) async fn accept_http<E: Env, S: Service>(
    core: Arc<Core<E>>,
    turnstile: Arc<Turnstile>,
    listener: E::Listener,
    service: Arc<S>,
) {
    let env = core.env.clone();
    let shared = core.clone();
    let door = turnstile.door;
    accept(core, door, listener, move |stream, _| {
        let core = shared.clone();
        let Some(permit) = Permit::take(&core, &turnstile) else {
            env.spawn("refused connection", async move { refuse(&core.env, stream, &core.limits).await });
            return;
        };
        let service = service.clone();
        env.spawn("connection", async move {
            let closing = core.life.reached(door.closes_at());
            let end = serve_connection(&core.env, stream, &core.limits, service, closing).await;
            tracing::trace!(?end, "connection ended");
            drop(permit);
        });
    })
    .await;
}

/// Serves newline-delimited JSON on a listener.
pub(super) async fn accept_lines<E: Env>(
    core: Arc<Core<E>>,
    turnstile: Arc<Turnstile>,
    listener: E::Listener,
) {
    let env = core.env.clone();
    let shared = core.clone();
    accept(core, turnstile.door, listener, move |stream, _| {
        let core = shared.clone();
        let Some(permit) = Permit::take(&core, &turnstile) else { return };
        env.spawn("line connection", async move {
            let (reader, writer) = tokio::io::split(stream);
            serve_lines(&core, Principal::anonymous(), Peer::Network, reader, writer).await;
            drop(permit);
        });
    })
    .await;
}
