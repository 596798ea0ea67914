//! Starting a node, and ending it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use prometheus_client::metrics::gauge::Gauge;
use tokio::io::{AsyncRead, AsyncWrite};

use super::accept::{Door, Turnstile, accept_http, accept_lines};
use super::admin::Admin;
use super::config::Config;
use super::core::{Core, Parts};
use super::http::{Handle, HttpEdge};
use super::life::Stage;
use super::line::{Peer, serve_lines};
use super::reap::reap;
use crate::cancel::CancelReason;
use crate::client::Principal;
use crate::env::{Disk, Env, Listener, deadline};
use crate::handler::Catalogue;
use crate::limits::Limits;
use crate::seal::{KeyFileError, Keys, Ring};
use crate::task::{Bounds, LocalStore};

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
    /// The keys could not be read or written.
    #[error("cannot keep keys: {0}")]
    Keys(#[from] KeyFileError),
    /// The state directory could not be made.
    #[error("cannot use the state directory: {0}")]
    StateDir(io::Error),
    /// Work off the event loop broke.
    #[error("start-up broke: {0}")]
    Broken(#[from] crate::env::Panicked),
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
        let keys = load_keys(&env, &config).await?;
        let store = Arc::new(LocalStore::new(env.clone(), task_bounds(&config.limits)));
        let parts = Parts { limits: config.limits.clone(), catalogue, keys, store };
        let core = Core::new(env, parts);
        let mut node = Self { core, http: None, tcp: None, admin: None, tasks: Vec::new() };
        node.listen(&config).await?;
        node.core.life.enter(Stage::Ready);
        Ok(node)
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

    /// Ends the node in order: nothing new is taken, standing streams end with a word on when to come back, calls under
    /// way are finished on the connections that they are on within `drain_ms_max`, for nobody could come back to this
    /// node; what is left then is cut off.
    pub async fn drain(&self) {
        let core = &self.core;
        core.life.enter(Stage::Draining);
        for session in core.hub.sessions() {
            session.close_standalone(core.limits.retry_ms);
            // Nothing is read any more, answers neither: a call that waits for one must not wait in vain.
            session.questions.close();
        }
        for channel in core.channels.keys_sorted().iter().filter_map(|id| core.channels.get(id)) {
            core.env.spawn("last calls of a channel", async move {
                channel.idle().await;
                channel.finish();
            });
        }
        // Those on a channel end with their channel, after its calls.
        for listen in core.hub.listens().iter().filter(|listen| listen.alone) {
            listen.finish(&core.server_info);
            listen.log.finish();
        }
        let due = core.env.now().after_ms(core.limits.drain_ms_max);
        let quiet = async {
            while core.metrics.connections.get() > 0 {
                core.env.sleep_until(core.env.now().after_ms(DRAIN_LOOK_MS)).await;
            }
        };
        // Late ones are told below that the node goes down.
        let _ = deadline(&core.env, due, quiet).await;
        for id in core.sessions.keys_sorted() {
            if let Some(seat) = core.sessions.get(&id) {
                core.end_session(&seat, CancelReason::Shutdown);
            }
        }
        core.life.enter(Stage::Stopped);
    }
}

/// One more, as long as it lives.
struct Counted<'a>(&'a Gauge);

impl<'a> Counted<'a> {
    fn new(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// How often a drain looks whether the last connection is gone.
const DRAIN_LOOK_MS: u64 = 5;

impl<E: Env> std::fmt::Debug for Node<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("http", &self.http).field("stage", &self.stage()).finish_non_exhaustive()
    }
}

async fn bind<E: Env>(env: &E, address: SocketAddr) -> Result<E::Listener, StartError> {
    env.listen(address).await.map_err(|error| StartError::Listen { address, error })
}

/// What of the limits concerns tasks.
fn task_bounds(limits: &Limits) -> Bounds {
    Bounds {
        tasks_max: limits.tasks_max,
        task_bytes_max: limits.message_bytes_max,
        ttl_ms_max: limits.task_ttl_ms_max,
        page_max: limits.page_len,
        redemption_ttl_ms_max: limits.request_state_ms_max,
        ..Bounds::default()
    }
}

/// The keys of the state directory, or keys for this life only.
async fn load_keys<E: Env>(env: &E, config: &Config) -> Result<Keys, StartError> {
    let mut entropy = env.entropy("keys");
    let Some(directory) = config.state_dir.clone() else {
        return Ok(Keys::new(Ring::generate(&mut entropy), entropy));
    };
    let disk = env.disk();
    let keys = env.blocking("keys", move || {
        disk.create_directory(&directory).map_err(StartError::StateDir)?;
        Keys::load_or_create(&disk, &directory.join("keys"), entropy).map_err(StartError::Keys)
    });
    keys.await?
}
