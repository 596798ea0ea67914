//! The power fails in the middle of a write, at one node or at most of them: what they were writing is there in part, and what they
//! had not synced is in doubt. They read what is whole, and nothing that was acknowledged is missing.

use switchboard_sim::Fault;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::{busy, harm};

/// See the [module](self) page.
pub const TORN_LOG: Scenario = Scenario {
    name: "torn_log",
    description: "the power fails in the middle of a write, at one node or most: they come back with what was whole",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// More than the replicas of a group prove nothing more.
const VICTIMS_MAX: u32 = 3;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(28);
    let nodes = wishes.nodes_or(|| 3);
    // Each node must have something to write: of many nodes each has few of the groups that are written to.
    let each = if nodes <= harm::FEW { 0 } else { 6 * nodes };
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60).max(each));
    let mut setup = Setup::cluster(nodes, seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::HOST_GOES_DARK);
    if nodes > harm::FEW {
        busy::keep_writing(&mut setup);
    }
    // Each of them writes until its turn comes: those before it are no majority.
    let victims = dice.count(1, setup.nodes.div_ceil(2).min(VICTIMS_MAX)) as usize;
    let torn_ms = dice.between(8_500, 11_000);
    let mut last_ms = torn_ms;
    for (turn, node) in dice.shuffled(&setup).into_iter().take(victims).enumerate() {
        // The more of them are gone, the fewer groups are left that make the others write.
        let writes_max = 20_u64 >> turn;
        setup.fault(torn_ms, Fault::PowerLossInWrite { node, after: dice.between(0, writes_max) });
        let again_ms = torn_ms + dice.between(3_000, 5_000);
        last_ms = last_ms.max(again_ms);
        setup.fault(again_ms, Fault::Restart(node));
    }
    setup.trouble_ms = (torn_ms, last_ms + harm::CALM_AFTER_MS);
    setup
}
