//! Taking connections in: a bounded number of them, each in a task of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Counts the connections of a node.
#[derive(Debug, Default)]
pub(super) struct Turnstile {
    inside: AtomicUsize,
    last: std::sync::atomic::AtomicU64,
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
        core.metrics.connections.inc();
        let id = ConnectionId(turnstile.last.fetch_add(1, Ordering::Relaxed));
        core.env.record(&Event::ConnectionOpened(id));
        Some(Self { core: core.clone(), turnstile: turnstile.clone(), id })
    }
}

impl<E: Env> Drop for Permit<E> {
    fn drop(&mut self) {
        self.turnstile.inside.fetch_sub(1, Ordering::AcqRel);
        self.core.metrics.connections.dec();
        self.core.env.record(&Event::ConnectionClosed(self.id));
    }
}

/// Accepts until the node drains, and hands each connection to `serve`.
async fn accept<E: Env, F>(core: Arc<Core<E>>, mut listener: E::Listener, mut serve: F)
where
    F: FnMut(E::Stream, SocketAddr) + Send,
{
    let mut draining = Box::pin(core.life.reached(Stage::Draining));
    loop {
        match race(&mut draining, listener.accept()).await {
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
    accept(core, listener, move |stream, _| {
        let core = shared.clone();
        let Some(permit) = Permit::take(&core, &turnstile) else {
            env.spawn("refused connection", async move { refuse(&core.env, stream, &core.limits).await });
            return;
        };
        let service = service.clone();
        env.spawn("connection", async move {
            let closing = core.life.reached(Stage::Draining);
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
    accept(core, listener, move |stream, _| {
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
