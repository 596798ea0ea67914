//! The production world: [`Env`] on tokio and the operating system.
//!
//! The file names are those of `switchboard::env`; each holds the real twin of the trait that stands there. `tls` is the
//! shield around the links of a cluster, for it needs the system's time and randomness too. This is the only place of the server that reads a clock, opens a socket or draws randomness from the system: everything above
//! asks its `Env`, so that the same node replays inside a simulator.
//!
//! One [`TokioEnv`] is one boot of one node. Make it once, inside a tokio runtime with I/O and time enabled, and clone
//! it; every call that starts something (sleep, spawn, blocking, sockets, children) must be made inside that runtime.

mod clock;
mod disk;
mod entropy;
mod net;
mod process;
mod task;
mod tls;

pub use clock::Sleep;
pub use disk::{OsDisk, OsFile};
pub use net::TcpListener;
pub use process::OsChild;
pub use task::TokioTask;
pub use tls::{Tls, TlsError};

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use switchboard::env::{Command, Entropy, Env, Instant, Panicked, WallTime};
use switchboard::event::Event;
use switchboard::handler::Catalogue;
use switchboard::node::{Config, Node, StartError};

use clock::Clock;
use entropy::Root;

/// Starts a node on tokio.
///
/// The one place where a node meets this world: consensus and HTTP are large to compile, and are so once, here, however
/// many programs start a node.
///
/// # Errors
/// [`StartError`]; nothing is served then.
pub fn start(
    env: TokioEnv,
    config: Config,
    catalogue: Catalogue,
) -> BoxFuture<'static, Result<Node<TokioEnv>, StartError>> {
    Box::pin(Node::start(env, config, catalogue))
}

/// The real world, as one node sees it. See the [module](self) page.
#[derive(Clone, Debug)]
pub struct TokioEnv {
    clock: Clock,
    root: Arc<Root>,
}

impl TokioEnv {
    /// Boots: monotonic time starts at zero, and the root of all randomness is drawn from the operating system.
    ///
    /// # Errors
    /// The operating system has no randomness to give. A node must not start then: its ids could be guessed.
    pub fn boot() -> io::Result<Self> {
        Ok(Self { clock: Clock::start(), root: Arc::new(Root::draw()?) })
    }
}

impl Env for TokioEnv {
    type Sleep = Sleep;
    type Stream = tokio::net::TcpStream;
    type Listener = TcpListener;
    type Task = TokioTask;
    type Disk = OsDisk;
    type Child = OsChild;

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn wall(&self) -> WallTime {
        clock::wall()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Sleep::new(self.clock, at)
    }

    fn spawn<F>(&self, name: &'static str, future: F) -> TokioTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        TokioTask::spawn(name, future)
    }

    fn blocking<T, F>(
        &self,
        name: &'static str,
        work: F,
    ) -> impl Future<Output = Result<T, Panicked>> + Send + 'static
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        task::blocking(name, work)
    }

    async fn listen(&self, address: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::bind(address)
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<tokio::net::TcpStream> {
        net::connect(address).await
    }

    fn entropy(&self, label: &str) -> Entropy {
        self.root.stream(label)
    }

    fn disk(&self) -> OsDisk {
        OsDisk
    }

    fn launch(&self, command: &Command) -> io::Result<OsChild> {
        OsChild::launch(command)
    }

    fn record(&self, event: &Event) {
        // One relaxed load where nobody listens at this level, which is production.
        tracing::trace!(target: "switchboard::event", ?event);
    }
}
