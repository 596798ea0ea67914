//! The links of some nodes are cut one after the other, and healed one after the other in another order: between the first cut and
//! the last healing a cluster is in every state that lies between whole and torn, for a moment each.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::harm;

/// See the [module](self) page.
pub const SWIZZLE: Scenario = Scenario {
    name: "swizzle",
    description: "links of some nodes are cut one by one and healed in another order: nothing is decided twice",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(30);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| dice.count(3, 5)), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::OUT_OF_REACH);
    let clogged = harm::clog(dice, &mut setup);
    let from_ms = dice.between(8_500, 10_000);
    let to_ms = from_ms + dice.between(6_000, 12_000);
    dice.swizzle(&mut setup, &clogged, (from_ms, to_ms));
    setup.trouble_ms = (from_ms, to_ms + harm::CALM_AFTER_MS);
    setup
}
