//! What is nobody's fault while something is wrong with a cluster: how requests end, and for how long after.

use switchboard::protocol::fault::code;
use switchboard_sim::client::Outcome;

/// How long after trouble in a cluster everything must be well again.
pub(crate) const CALM_AFTER_MS: u64 = 8_000;

/// Up to so many nodes each of them has clients, and something to write.
pub(crate) const FEW: u32 = 6;

/// The way to the owner is cut, but none to a client: a node says that it cannot, and when to come back. A call whose node
/// was taken for lost is answered in its place, and what the client was asked is not answered any more.
pub(crate) const OUT_OF_REACH: [Outcome; 3] =
    [Outcome::Http(503), Outcome::RpcError(code::INTERNAL_ERROR), Outcome::ToolError];

/// A node's process dies: its connections with it, and until it runs again nobody listens there.
pub(crate) const NODE_DIES: [Outcome; 6] = [
    Outcome::Http(503),
    Outcome::RpcError(code::INTERNAL_ERROR),
    Outcome::ToolError,
    Outcome::Reset,
    Outcome::Closed,
    Outcome::Refused,
];

/// A host goes dark: whoever was connected to it waits in vain.
pub(crate) const HOST_GOES_DARK: [Outcome; 8] = [
    Outcome::Http(503),
    Outcome::RpcError(code::INTERNAL_ERROR),
    Outcome::ToolError,
    Outcome::Reset,
    Outcome::Closed,
    Outcome::Refused,
    Outcome::ConnectTimeout,
    Outcome::Timeout,
];
