//! Every node of a cluster is drained and started again, one after the other, under clients that come back elsewhere.

use switchboard_sim::Fault;
use switchboard_sim::client::Outcome;
use switchboard_sim::scenario::{Dice, Role, Setup};

use crate::harm;

/// A node starts again so long after its drain began: a drain takes up to ten seconds, and most take far less.
const AGAIN_AFTER_MS: u64 = 4_500;
/// The next node drains so long after the one before it.
const NEXT_AFTER_MS: u64 = 5_500;
/// For how many seconds clients work: until every node has had its turn, or for `least` seconds.
pub(crate) fn seconds(nodes: u32, least: u64) -> u64 {
    least.max(12 + u64::from(nodes) * NEXT_AFTER_MS / 1_000)
}

/// Lets so many clients work while each node in turn restarts; gives when the first of them drains.
pub(crate) fn restart_each(dice: &mut Dice, setup: &mut Setup, clients: u32, seconds: u64) -> u64 {
    setup.groups = Setup::on_cluster(
        clients,
        seconds,
        &[Outcome::Refused, Outcome::Http(503), Outcome::Closed, Outcome::Reset, Outcome::ToolError],
    );
    // A full client does not come back for the rest of a stream.
    setup.groups.retain(|group| group.role != Role::Full);
    let first_ms = dice.between(9_000, 10_000);
    let mut at_ms = first_ms;
    for node in dice.shuffled(setup) {
        setup.restarts.push((node, at_ms));
        setup.fault(at_ms + AGAIN_AFTER_MS, Fault::Restart(node));
        at_ms += NEXT_AFTER_MS;
    }
    setup.trouble_ms = (first_ms, at_ms + harm::CALM_AFTER_MS);
    setup.cut_means_not_taken = true;
    first_ms
}
