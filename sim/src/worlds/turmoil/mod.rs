//! The second world: [turmoil](https://docs.rs/turmoil), in which each host is a tokio runtime of its own whose clock stands
//! still, and time passes in steps of a millisecond.
//!
//! What the adapter adds to it: a queue of connections in front of the accept, writes of a bounded size, dials that wait
//! where nobody answers, the kernel's disk, and entropy by label. Its seed, its epoch and its capacities are always set:
//! left alone, the first two come from the system, and a full backlog ends the whole simulation.

#![expect(clippy::disallowed_methods, reason = "this module is where the environment meets turmoil's tokio")]

mod fault;
mod listener;
mod run;
mod stream;
mod task;
mod world;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use switchboard::env::{Command, Entropy, Env, Instant, Panicked, WallTime};
use switchboard::event::Event;

pub use listener::TurmoilListener;
pub use run::{run, run_setup};
pub use stream::TurmoilStream;
pub use task::{TurmoilSleep, TurmoilTask};
pub use world::TurmoilWorld;

use super::disk::LifeDisk;
use super::life::{Life, NoChild};

/// turmoil, as one process of one host sees it. What starts something must be called by a task of that host.
#[derive(Clone)]
pub struct TurmoilEnv(Arc<Life>);

impl fmt::Debug for TurmoilEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TurmoilEnv({})", self.0.host.node)
    }
}

impl Env for TurmoilEnv {
    type Sleep = TurmoilSleep;
    type Stream = TurmoilStream;
    type Listener = TurmoilListener;
    type Task = TurmoilTask;
    type Disk = LifeDisk;
    type Child = NoChild;

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wall(&self) -> WallTime {
        self.0.wall()
    }

    fn sleep_until(&self, at: Instant) -> TurmoilSleep {
        TurmoilSleep::new(Arc::clone(&self.0), at)
    }

    fn spawn<F>(&self, name: &'static str, future: F) -> TurmoilTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        TurmoilTask::spawn(&self.0, name, future)
    }

    fn blocking<T, F>(
        &self,
        _name: &'static str,
        work: F,
    ) -> impl Future<Output = Result<T, Panicked>> + Send + 'static
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let result = Panicked::catch(work);
        let done = self.sleep_until(self.0.blocking_done_at());
        async move {
            done.await;
            result
        }
    }

    async fn listen(&self, address: SocketAddr) -> io::Result<TurmoilListener> {
        TurmoilListener::bind(&self.0, address).await
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TurmoilStream> {
        TurmoilStream::connect(&self.0, address).await
    }

    fn entropy(&self, label: &str) -> Entropy {
        self.0.entropy(label)
    }

    fn disk(&self) -> LifeDisk {
        LifeDisk::new(&self.0)
    }

    fn launch(&self, _command: &Command) -> io::Result<NoChild> {
        self.0.launch()
    }

    fn record(&self, event: &Event) {
        self.0.record(event);
    }
}
