//! Each node in turn is drained and started again, as for a new version: no request fails but those that were refused and never
//! ran.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::in_turn;

/// See the [module](self) page.
pub const ROLLING_RESTART: Scenario = Scenario {
    name: "rolling_restart",
    description: "every node is drained and restarted in turn: no request fails but those that were never taken",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 50));
    let nodes = wishes.nodes_or(|| dice.count(3, 5));
    let seconds = wishes.seconds.unwrap_or(in_turn::seconds(nodes, 40));
    let mut setup = Setup::cluster(nodes, seconds);
    in_turn::restart_each(dice, &mut setup, clients, seconds);
    setup.must_meet = vec!["refused".into()];
    setup
}
