//! What is nobody's fault while something is wrong with a cluster: how requests end, and for how long after; and the harm that
//! several scenarios do.

use switchboard::protocol::fault::code;
use switchboard_sim::client::Outcome;
use switchboard_sim::scenario::{Dice, Setup};
use switchboard_sim::{Fault, NodeId};

use crate::busy;

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

/// A node is killed at some time, and started again so much later. That is all of the trouble.
pub(crate) fn kill_one(dice: &mut Dice, setup: &mut Setup, at_ms: (u64, u64), later_ms: (u64, u64)) {
    let victim = dice.node(setup);
    let killed_ms = dice.between(at_ms.0, at_ms.1);
    let again_ms = killed_ms + dice.between(later_ms.0, later_ms.1);
    setup.fault(killed_ms, Fault::Kill(victim));
    setup.fault(again_ms, Fault::Restart(victim));
    setup.trouble_ms = (killed_ms, again_ms + CALM_AFTER_MS);
}

/// The disk of a node is gone for good at one time, and at another its host starts with an empty one: as another node.
pub(crate) fn replace_disk(setup: &mut Setup, node: NodeId, (lost_ms, again_ms): (u64, u64)) {
    setup.fault(lost_ms, Fault::DiskLoss(node));
    setup.fault(again_ms, Fault::Restart(node));
    setup.replaced = 1;
}

/// Nodes whose links are to be cut, while something is under way on every link.
pub(crate) fn clog(dice: &mut Dice, setup: &mut Setup) -> Vec<NodeId> {
    busy::keep_writing(setup);
    let mut nodes = dice.shuffled(setup);
    nodes.truncate(dice.count(1, setup.nodes - 1).min(FEW) as usize);
    nodes
}
