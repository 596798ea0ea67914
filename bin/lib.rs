//! What a real machine gives to a Switchboard node, and what measures one from outside.
//!
//! - [`world`]: [`Env`](switchboard::env::Env) on tokio, the operating system's clock, sockets, files and processes. An
//!   embedding server depends on this package for it.
//! - [`config`]: the configuration file of a node, with every mistake in it told at once.
//! - [`load`]: the load generator behind `switchboard load`.
//!
//! Nothing of the simulator is linked in here unless the feature `sim` asks for it.

#![forbid(unsafe_code)]

pub mod config;
pub mod load;
pub mod world;
