//! Each node in turn is drained and comes back as a newer version: old and new ones serve together, and once the last has come
//! back the cluster permits what the old version did not understand.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::in_turn;

/// See the [module](self) page.
pub const ROLLING_UPGRADE: Scenario = Scenario {
    name: "rolling_upgrade",
    description: "every node is drained and comes back as a newer version: both serve together, then the level rises",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 40));
    let nodes = wishes.nodes_or(|| 3);
    let seconds = wishes.seconds.unwrap_or(in_turn::seconds(nodes, 36));
    let mut setup = Setup::cluster(nodes, seconds);
    setup.upgrade_ms = in_turn::restart_each(dice, &mut setup, clients, seconds);
    setup.level_at_end = 2;
    setup
}
