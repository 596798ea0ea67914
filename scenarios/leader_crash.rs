//! A node of a cluster is killed under load and starts again: what it led finds another leader, what it kept is still there,
//! and nobody waits for what it had begun.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::harm;

/// See the [module](self) page.
pub const LEADER_CRASH: Scenario = Scenario {
    name: "leader_crash",
    description: "a node is killed under load and started again: others lead, and nothing acknowledged is lost",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(25);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| 3), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::NODE_DIES);
    harm::kill_one(dice, &mut setup, (8_500, 11_000), (1, 5_000));
    setup
}
