//! Switchboard: a clustered MCP server as a library, generic over the world it runs in.

#![forbid(unsafe_code)]

pub mod env;
pub mod event;
pub mod ids;
pub mod jsonrpc;
pub mod limits;
pub mod protocol;
pub mod seal;
pub mod table;
pub mod task;
pub mod transport;
pub mod watch;
