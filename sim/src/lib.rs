//! The simulator of Switchboard: a seeded event kernel in which the very same node code runs that production runs, and
//! which replays bit for bit.
//!
//! # The determinism contract
//!
//! A run is a function of its [`Options`] (the seed among them), of the code, and of nothing else. Each way in which
//! something else could leak in has a rule, and a guard where one is possible:
//!
//! | leak | rule | guard |
//! |---|---|---|
//! | time | virtual, in nanoseconds; it jumps from event to event | trap; clippy bans the real clock |
//! | randomness | ChaCha streams by label below the root seed; the kernel has its own for each of its parts | trap; clippy; draw counts are in the trace hash |
//! | order of events | (time, sequence), never an address or a hash | `kernel/heap.rs` is the only queue; both are in the trace hash |
//! | order of tasks | one of the ready ones, drawn from the seed ([`Policy`]) | in the trace hash |
//! | order of containers | slabs, vectors and B-trees; nothing hashed is walked | clippy bans the hash maps; a run under another [`Options::hash_key`] has the same hash |
//! | order inside libraries | none may show: the keys of the standard library's maps and of ahash's differ in each process | two processes have one hash; `sim diff` names the task |
//! | addresses | none is compared, hashed or printed | processes with and without a random layout of memory have one hash |
//! | threads, processes | none; a world stays on its thread, and threads may have one each | trap; [`World`] is not `Send` |
//! | the system's network and `/dev/urandom` | none | trap |
//! | its other files, its environment | none | review; processes in other places have one hash |
//! | logging | each line bears virtual time and is written [`aside`] | runs with and without `RUST_LOG=trace` have one hash |
//! | globals | one thread-local, empty between worlds; what counts worlds is part of no decision | two runs in one thread give one hash |
//! | floats | integers and parts per million | review |
//! | the build | nothing but checks may hang on `debug_assertions` | debug and release have one hash |
//!
//! A **trap** ends the program where a task, while it is polled or dropped, reads a real clock, asks the system for randomness,
//! starts a thread or process, sleeps in real time or opens a socket: with exit code [`TRAPPED`], and with the call, the task, its
//! node, the virtual time, the seed and a backtrace. See the package `switchboard-trap`, which says what it cannot see, and which
//! has all the `unsafe` code of the simulator. The feature `traps` is on by default, and of use on Linux on x86-64. It takes over
//! symbols of the C library, as other simulators do: do not link it with one of those. A build with madsim has no traps.
//!
//! `scenarios/canary.rs` leaks on purpose, so that each guard is seen to work, and `.ci/determinism` compares the processes.
//!
//! [`World::trace_hash`] covers every pick, event and its time, delivered byte, loss, fault, disk operation and recorded event.
//! Two runs with one hash were one run.
//!
//! # The map
//!
//! - [`World`]: nodes, virtual time, the loop; `life` is how nodes die and start again.
//! - [`SimEnv`]: the world as one boot of one node sees it, an [`Env`](switchboard::env::Env).
//! - `kernel`: scheduler, event heap, timers, tasks, and the borrow discipline in `kernel/here.rs`. Read that head first.
//! - `net`: TCP over links with latency, loss and cuts. `disk`: files that a power loss tears. `process`: children.
//! - [`Fault`], [`Plan`]: what goes wrong and when, as data.
//! - [`page`]: a run, explained on one page.
//! - `probe`: the points that nodes reached, and the quirks that a seed gives them.
//! - [`trial`]: your own tools, clients and checks under the same faults.
//! - [`contract`]: what a connection is, as checks over any world.
//!
//! ```
//! use std::{net::SocketAddr, time::Duration};
//! use switchboard::env::{Env, Listener};
//! use switchboard_sim::{Fault, Options, Plan, Step, World};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! let mut world = World::new(Options::seeded(7));
//! let (server, client) = (world.add_node("server", None), world.add_node("client", None));
//! world.boot(server, |env| async move {
//!     let mut listener = env.listen("0.0.0.0:80".parse().unwrap()).await.unwrap();
//!     let (mut stream, _peer) = listener.accept().await.unwrap();
//!     stream.write_all(b"hello").await.unwrap();
//! });
//! world.run_for(Duration::from_millis(1));
//! let cut = Fault::Partition { a: vec![server], b: vec![client] };
//! world.schedule(&Plan { steps: vec![Step { at_ms: 1, fault: cut }, Step { at_ms: 400, fault: Fault::HealAll }] });
//! let (env, address) = (world.env(client), SocketAddr::new(world.ip(server), 80));
//! let greeting = world.block_on(client, async move {
//!     let mut greeting = String::new();
//!     env.connect(address).await.unwrap().read_to_string(&mut greeting).await.unwrap();
//!     greeting
//! });
//! assert_eq!(greeting, "hello");
//! assert!(world.fired().iter().all(|fired| fired.touched > 0), "a fault that touched nothing proved nothing");
//! println!("{} after {:?}", world.trace_hash(), world.now());
//! ```

#![forbid(unsafe_code)]

pub mod check;
pub mod client;
mod clock;
pub mod contract;
mod disk;
mod entropy;
mod env;
mod fault;
mod kernel;
mod life;
mod moment;
mod net;
mod node;
mod options;
pub mod page;
mod plan;
mod probe;
mod process;
pub mod scenario;
mod trace;
pub mod trial;
mod world;
pub mod worlds;

pub use clock::Drift;
pub use disk::{DiskOperation, SimDisk, SimFile};
pub use env::SimEnv;
pub use fault::{Fault, Fired};
pub use kernel::task::SimTask;
pub use kernel::timer::SimSleep;
pub use life::{Turned, Turning};
pub use moment::{Moment, moment};
pub use net::{Carried, Latency, Link, NetOptions, Overflow, Side, SimListener, SimStream};
pub use node::NodeId;
pub use options::{Options, Policy};
pub use plan::{Plan, Step};
pub use process::{Pipes, SimChild};
#[cfg(feature = "memory")]
pub use switchboard_trap::Memory;
pub use switchboard_trap::tally::{Held, Tally};
pub use switchboard_trap::{EXIT_CODE as TRAPPED, aside};
pub use trace::{CHECKPOINT_MARKS, Line, TraceHash};
pub use world::{Census, World};
