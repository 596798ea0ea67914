//! The simulator of Switchboard: a seeded event kernel in which the very same node code runs that production runs, and
//! which replays bit for bit.

#![forbid(unsafe_code)]

mod clock;
pub mod contract;
mod disk;
mod entropy;
mod env;
mod fault;
mod kernel;
mod life;
mod net;
mod node;
mod options;
mod process;
mod trace;
mod world;

pub use clock::Drift;
pub use disk::{DiskOperation, SimDisk, SimFile};
pub use env::SimEnv;
pub use fault::{Fault, Fired, Plan, Step};
pub use kernel::task::SimTask;
pub use kernel::timer::SimSleep;
pub use net::{Latency, Link, NetOptions, Overflow, Side, SimListener, SimStream};
pub use node::NodeId;
pub use options::{Options, Policy};
pub use process::{Pipes, SimChild};
pub use trace::{Line, TraceHash};
pub use world::{Census, World};
