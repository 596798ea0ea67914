//! Starting a node, and ending it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::accept::{Door, Turnstile, accept_http, accept_lines};
use super::admin::Admin;
use super::config::Config;
use super::core::{Core, Parts};
use super::http::{Handle, HttpEdge};
use super::life::Stage;
use super::line::{Peer, serve_lines};
use super::metrics::Counted;
use super::reap::reap;
use crate::client::Principal;
use crate::cluster::{Cluster, ClusterError, Settings};
use crate::env::{Either, Env, Listener, race};
use crate::handler::Catalogue;
use crate::probe::Flaw;
use crate::{group, task};

/// Why a node did not start. Nothing is served, and nothing was left behind but, perhaps, a key file.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings must not be used.
    #[error("{0}")]
    Config(String),
    /// An address could not be listened at.
    #[error("cannot listen at {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The node did not become a member of its cluster, be it of itself alone.
    #[error("{0}")]
    Cluster(String),
}

impl From<ClusterError> for StartError {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error.to_string())
    }
}

/// A running node. Dropping the handle lets it run on; [`drain`](Node::drain) ends it.
pub struct Node<E: Env> {
    core: Arc<Core<E>>,
    http: Option<SocketAddr>,
    tcp: Option<SocketAddr>,
    admin: Option<SocketAddr>,
    tasks: Vec<E::Task>,
}

impl<E: Env> Node<E> {
    /// Starts a node: it listens and is ready when this returns.
    ///
    /// # Errors
    /// [`StartError`]; nothing is served then.
    pub async fn start(env: E, config: Config, catalogue: Catalogue) -> Result<Self, StartError> {
        config.check().map_err(StartError::Config)?;
        let cluster = Cluster::start(env.clone(), settings(&config, env.flaw())).await?;
        let core = Core::new(env, Parts { limits: config.limits.clone(), catalogue, cluster });
        core.connect();
        let mut node = Self { core, http: None, tcp: None, admin: None, tasks: Vec::new() };
        node.listen(&config).await?;
        node.core.life.enter(Stage::Ready);
        node.stop_on_failure();
        node.stop_on_leave();
        Ok(node)
    }

    /// A node that was taken out of its cluster for good ends once the others have what it held.
    fn stop_on_leave(&mut self) {
        let core = self.core.clone();
        self.tasks.push(self.core.env.spawn("leaving", async move {
            if let Either::Left(()) = race(core.cluster.left(), core.life.reached(Stage::Draining)).await {
                tracing::info!("this node has left its cluster: it ends");
                core.drain().await;
            }
        }));
    }

    /// A node whose state cannot be kept stops: nothing that it says can be relied on any more.
    fn stop_on_failure(&mut self) {
        let core = self.core.clone();
        self.tasks.push(self.core.env.spawn("failure", async move {
            // The member has said why.
            drop(race(core.cluster.failed(), core.life.reached(Stage::Stopped)).await);
            core.life.enter(Stage::Stopped);
        }));
    }

    async fn listen(&mut self, config: &Config) -> Result<(), StartError> {
        let core = &self.core;
        let turnstile = Turnstile::new(Door::Clients);
        let mut waiting: Vec<(&'static str, futures_util::future::BoxFuture<'static, ()>)> = Vec::new();
        if let Some(http) = &config.http {
            let edge = HttpEdge::new(core.clone(), http, config).map_err(StartError::Config)?;
            let listener = bind(&core.env, http.listen).await?;
            self.http = Some(listener.local_address());
            let service = Arc::new(Handle(Arc::new(edge)));
            waiting.push(("http", Box::pin(accept_http(core.clone(), turnstile.clone(), listener, service))));
        }
        if let Some(address) = config.tcp {
            let listener = bind(&core.env, address).await?;
            self.tcp = Some(listener.local_address());
            waiting.push(("tcp", Box::pin(accept_lines(core.clone(), turnstile, listener))));
        }
        if let Some(address) = config.admin {
            let listener = bind(&core.env, address).await?;
            self.admin = Some(listener.local_address());
            let service = Arc::new(Admin::new(core.clone()));
            // Its own turnstile: a node that is full of clients must still answer its operator.
            let own = Turnstile::new(Door::Operator);
            waiting.push(("admin", Box::pin(accept_http(core.clone(), own, listener, service))));
        }
        waiting.push(("reaper", Box::pin(reap(core.clone()))));
        self.tasks.extend(waiting.into_iter().map(|(name, work)| core.env.spawn(name, work)));
        Ok(())
    }

    /// Where HTTP is served, with the port that was chosen.
    #[must_use]
    pub const fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Where newline-delimited TCP is served.
    #[must_use]
    pub const fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// Where health and metrics are served.
    #[must_use]
    pub const fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// What the node offers, to change it.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.core.catalogue
    }

    /// Where the node is in its life.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.core.life.stage()
    }

    /// The metrics, as `/metrics` prints them.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.core.metrics.print()
    }

    /// Serves one client on a pair of streams, such as standard input and output, until either side ends it.
    pub async fn serve_stdio<R, W>(&self, reader: R, writer: W)
    where
        R: AsyncRead + Unpin + Send,
        W: AsyncWrite + Unpin + Send,
    {
        // A drain waits until its calls are done, as for any connection.
        let _counted = Counted::new(&self.core.metrics.connections);
        serve_lines(&self.core, Principal::named("stdio"), Peer::Parent, reader, writer).await;
    }

    /// Ends the node in order; nothing new is taken, what it leads is handed over, standing streams end with a word on when
    /// to come back, and calls under way are finished within `drain_ms_max`; what is left then is cut off.
    pub async fn drain(&self) {
        self.core.drain().await;
    }

    /// Waits until the node has stopped, and nothing of it is left to write: it was drained, or its state could not be kept,
    /// and then this says why.
    pub async fn stopped(&self) -> Option<Arc<str>> {
        self.core.life.reached(Stage::Stopped).await;
        let failure = self.core.cluster.failure();
        if failure.is_none() {
            // Whoever began the drain may still be writing; a process that ended now would cut that off.
            self.core.cluster.stop().await;
        }
        failure
    }
}

impl<E: Env> std::fmt::Debug for Node<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("http", &self.http).field("stage", &self.stage()).finish_non_exhaustive()
    }
}

async fn bind<E: Env>(env: &E, address: SocketAddr) -> Result<E::Listener, StartError> {
    env.listen(address).await.map_err(|error| StartError::Listen { address, error })
}

/// What of a node's settings concerns its part in the cluster.
fn settings(config: &Config, flaw: Option<Flaw>) -> Settings {
    let limits = &config.limits;
    let tasks = task::Bounds {
        tasks_max: limits.tasks_max,
        task_bytes_max: limits.message_bytes_max,
        ttl_ms_max: limits.task_ttl_ms_max,
        page_max: limits.page_len,
        redemption_ttl_ms_max: limits.request_state_ms_max,
        flaw,
        ..task::Bounds::default()
    };
    let group = group::Bounds {
        sessions_max: limits.sessions_max,
        subscriptions_max: limits.subscriptions_per_session_max,
        streams_max: limits.streams_per_session_max,
        kept_events_max: limits.stream_log_events_max,
        kept_bytes_max: limits.stream_log_bytes_max,
        tasks,
        ..group::Bounds::default()
    };
    Settings {
        state_dir: config.state_dir.clone(),
        cluster: config.cluster.clone(),
        http: config.http.as_ref().map(|http| http.listen.to_string()),
        group,
        session_idle_ms_max: limits.session_idle_ms_max,
        session_grace_ms: limits.session_grace_ms,
        stream_queue_bytes_max: limits.stream_queue_bytes_max,
        ..Settings::default()
    }
}
