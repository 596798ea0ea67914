//! `Env`: everything that a node may ask of the outside.
//!
//! The same node runs in several worlds: on tokio in production (`switchboard-bin`), inside the seeded event kernel
//! (`switchboard-sim`), and later on other simulators. A world is one type that implements [`Env`]; nothing in this
//! package reaches around it. There are no default bodies: a world that forgets an answer does not compile, instead of
//! leaking the real one. Only what no world but a simulated one may say has one: that there is nothing of the kind.
//!
//! An `Env` value is a cheap handle of **one node in one world** (and, after a restart, of one boot of that node). Clone
//! it freely. Dispatch is static, so production pays nothing for the seam.
//!
//! The law for whoever uses it: branches that wait together are polled in a stated order ([`race`], [`deadline`]), and
//! whatever is iterated has an order. Then a run is a function of its seed.

mod clock;
mod disk;
mod entropy;
mod net;
mod probing;
mod process;
mod task;
mod world;

pub use clock::{Instant, WallTime};
pub use disk::{Disk, File, OpenMode};
pub use entropy::Entropy;
pub use net::{Listener, Stream};
pub(crate) use probing::{always, buggify, flawed, reachable, sometimes};
pub use process::{Child, Command, ExitStatus};
pub use task::{Either, Elapsed, Panicked, Task, deadline, race, yield_now};
pub use world::{AnyStream, World};

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use crate::event::Event;
use crate::probe::{Flaw, Quirk};

/// The world as one node sees it. See the [module](self) page.
pub trait Env: Clone + Send + Sync + Unpin + 'static {
    /// Waits until a point of monotonic time.
    type Sleep: Future<Output = ()> + Send + Sync + 'static;
    /// A connected byte stream.
    type Stream: Stream;
    /// A bound listening socket.
    type Listener: Listener<Stream = Self::Stream>;
    /// A task that this node owns.
    type Task: Task;
    /// The files of this node.
    type Disk: Disk;
    /// A child process with piped standard streams.
    type Child: Child;

    /// Monotonic time of this node. Never goes back, also over clock steps; starts anew at each boot.
    fn now(&self) -> Instant;

    /// Time of day of this node. May be wrong, drift and step.
    fn wall(&self) -> WallTime;

    /// A future that is ready once [`now`](Env::now) has reached `at`. Registers nothing before its first poll.
    fn sleep_until(&self, at: Instant) -> Self::Sleep;

    /// Starts a task. It ends with the node: when the node dies, the task is dropped where it stands.
    /// A panic inside ends that task alone and is reported by [`Task::join`].
    fn spawn<F>(&self, name: &'static str, future: F) -> Self::Task
    where
        F: Future<Output = ()> + Send + 'static;

    /// Runs a closure that blocks (disk, heavy computation) off the event loop and waits for its result.
    /// Dropping the future does not stop the closure.
    fn blocking<T, F>(
        &self,
        name: &'static str,
        work: F,
    ) -> impl Future<Output = Result<T, Panicked>> + Send + 'static
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static;

    /// Binds a TCP listener with `TCP_NODELAY` on what it accepts. Port 0 takes a free port.
    fn listen(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// Opens a TCP connection with `TCP_NODELAY`. Refused, unreachable and timed out are told apart by `ErrorKind`.
    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// A stream of random numbers of its own. The same label asked again gives a new, independent stream, and so does
    /// the same label after a restart: a draw in one part of the node never shifts another part.
    fn entropy(&self, label: &str) -> Entropy;

    /// The disk of this node. What was synced survives a crash; what was not may be gone, torn or whole.
    fn disk(&self) -> Self::Disk;

    /// Starts a child process with its three standard streams as pipes. It is killed when its handle is dropped.
    fn launch(&self, command: &Command) -> io::Result<Self::Child>;

    /// Tells the world what happened in the node. Free in production; in a simulation it feeds the trace and the checkers.
    fn record(&self, event: &Event);

    /// Goes into the keys of hashers, beside what a node draws for them. Nothing but their speed may depend on it: a simulation
    /// runs a seed under two of them and expects the same run. 0 where nobody compares.
    fn hash_key(&self) -> u64 {
        0
    }

    /// Whether to take a liberty that the code has at any time. Only a simulation does, now and then.
    fn buggify(&self, _: Quirk) -> bool {
        false
    }

    /// The bug that is planted in every node, in a simulation that must find it.
    fn flaw(&self) -> Option<Flaw> {
        None
    }
}
