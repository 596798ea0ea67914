//! Switchboard: a clustered MCP server as a library, generic over the world it runs in.

#![forbid(unsafe_code)]

mod cancel;
mod client;
mod cluster;
pub mod control;
pub mod detector;
mod dispatch;
pub mod env;
pub mod event;
pub mod group;
pub mod handler;
pub mod ids;
pub mod jsonrpc;
pub mod limits;
pub mod mesh;
pub mod node;
pub mod probe;
pub mod protocol;
pub mod raft;
pub mod seal;
mod session;
pub mod store;
pub mod table;
pub mod task;
pub mod transport;
pub mod watch;
