//! A cluster in bad weather: every segment takes its time, some a long one, some are lost; and a node is killed in the midst of it.
//! The weather alone fails nothing.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::harm;

/// See the [module](self) page.
pub const LOSSY: Scenario = Scenario {
    name: "lossy",
    description: "latency with a heavy tail, and loss: a cluster bears it, and the kill of a node on top of it",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(28);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| dice.count(3, 5)), seconds);
    dice.storm(&mut setup);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::NODE_DIES);
    harm::kill_one(dice, &mut setup, (8_500, 11_000), (1, 5_000));
    setup
}
