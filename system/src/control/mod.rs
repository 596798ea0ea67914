//! The map of the cluster: its nodes, which of them hold which group, its keys. A plain value and the commands that
//! change it.
//!
//! [`ClusterMap`] is the state machine of the control group: no clock, no randomness, no order that is not stated. The
//! same commands in the same order give the same map and the same replies on every replica, and every command carries
//! the time that goes for it. [`plan`] says what the leader of the control group should propose next; it only proposes,
//! and a command that comes too late or twice is refused or finds its work done.
//!
//! What this is not: it sends nothing, waits for nothing and does not know consensus. Whoever uses it
//! - proposes commands through the log and applies what the log gives back, on every replica;
//! - carries out what the map says (memberships of groups, keys), then reports it with a command of its own;
//! - lets only the leader of the control group stamp commands, for time never goes back: a stamp from a clock that runs
//!   ahead delays every replacement until the other clocks have caught up.
//!
//! A timeout means unknown: each command can be proposed again without harm. It names what it is about (a nonce, an
//! incarnation, the move itself), not merely "the present one".

mod apply;
mod codec;
mod command;
mod keys;
mod map;
mod moves;
mod place;
mod plan;
mod query;
mod split;
mod voters;

pub use codec::Undecodable;
pub use command::{Card, Command, Fresh, Lists, Refusal, Reply, Stamped};
pub use keys::KeyChain;
pub use map::{
    ClusterMap, GROUPS_MAX, ListVersions, Move, NODES_MAX, Node, NodeState, Place, REPLICAS, VOTERS_MAX, Wire,
};
pub use plan::{Facts, Settings, plan};
pub use query::Unsafe;
pub use split::groups_wanted;

#[cfg(test)]
mod tests;
