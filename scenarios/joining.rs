//! Thirty nodes, or as many as are wished for, start at one moment and become one cluster, which serves a few clients.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const JOINING: Scenario = Scenario {
    name: "joining",
    description: "thirty nodes start at once and become one cluster",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(16);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(5, 10));
    let mut setup = Setup::cluster(wishes.nodes_or(|| 30), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &[]);
    setup
}
