//! The third world: [madsim](https://docs.rs/madsim), which draws the order of tasks and jumps from event to event.
//!
//! It takes the place of the system's clock, randomness and threads for the whole process, so it is compiled only with
//! `--cfg madsim`. What the adapter adds to it: every write is on its way without a flush, and a flush of nothing sends
//! nothing (madsim's own would wake the other end, and hyper's answer would wake this one, for ever); windows, half-close,
//! resets and a dial that travels, in frames over its stream; listeners with a bound; silence of hosts without power.

mod fault;
mod listener;
mod pipe;
mod run;
mod stream;
mod task;
mod weather;
mod world;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use switchboard::env::{Command, Entropy, Env, Instant, Panicked, WallTime};
use switchboard::event::Event;

pub use listener::MadsimListener;
pub use run::{run, run_setup};
pub use stream::MadsimStream;
pub use task::{MadsimSleep, MadsimTask};
pub use world::MadsimWorld;

use super::disk::LifeDisk;
use super::life::{Life, NoChild};
use weather::Weather;

/// madsim, as one process of one host sees it.
#[derive(Clone)]
pub struct MadsimEnv {
    life: Arc<Life>,
    weather: Arc<Weather>,
}

impl fmt::Debug for MadsimEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MadsimEnv({})", self.life.host.node)
    }
}

impl MadsimEnv {
    /// Runs a future on the host of this process, whoever asks for it.
    async fn at_home<T: Send + 'static>(
        &self,
        future: impl Future<Output = io::Result<T>> + Send + 'static,
    ) -> io::Result<T> {
        self.life.check_alive()?;
        let running = self.weather.host(self.life.host.node).spawn(future);
        running.await.unwrap_or_else(|_| Err(io::Error::other("the process of this host has died")))
    }
}

impl Env for MadsimEnv {
    type Sleep = MadsimSleep;
    type Stream = MadsimStream;
    type Listener = MadsimListener;
    type Task = MadsimTask;
    type Disk = LifeDisk;
    type Child = NoChild;

    fn now(&self) -> Instant {
        self.life.now()
    }

    fn wall(&self) -> WallTime {
        self.life.wall()
    }

    fn sleep_until(&self, at: Instant) -> MadsimSleep {
        MadsimSleep::new(Arc::clone(&self.life), at)
    }

    fn spawn<F>(&self, name: &'static str, future: F) -> MadsimTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        MadsimTask::spawn(self, name, future)
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
        let done = self.sleep_until(self.life.blocking_done_at());
        async move {
            done.await;
            result
        }
    }

    async fn listen(&self, address: SocketAddr) -> io::Result<MadsimListener> {
        self.at_home(MadsimListener::bind(self.clone(), address)).await
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<MadsimStream> {
        self.at_home(stream::connect(self.clone(), address)).await
    }

    fn entropy(&self, label: &str) -> Entropy {
        self.life.entropy(label)
    }

    fn disk(&self) -> LifeDisk {
        LifeDisk::new(&self.life)
    }

    fn launch(&self, _command: &Command) -> io::Result<NoChild> {
        self.life.launch()
    }

    fn record(&self, event: &Event) {
        self.life.record(event);
    }
}
