//! A node loses its disk for good and comes back with an empty one: it is another node now, with an id that nobody had before.
//! What the one before held is given to it from the replicas that are left, and nothing that was acknowledged is missing.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::harm;

/// See the [module](self) page.
pub const NODE_REPLACED: Scenario = Scenario {
    name: "node_replaced",
    description: "a node loses its disk and comes back as another one: its replicas are rebuilt, its id is never used again",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(40);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(15, 40));
    let mut setup = Setup::cluster(wishes.nodes_or(|| dice.count(3, 5)), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::HOST_GOES_DARK);
    // Longer than it takes to count a node out, and shorter than a run.
    setup.replace_after_ms = dice.between(3_000, 6_000);
    let victim = dice.node(&setup);
    let lost_ms = dice.between(8_500, 11_000);
    let again_ms = lost_ms + dice.between(500, 8_000);
    harm::replace_disk(&mut setup, victim, (lost_ms, again_ms));
    setup.trouble_ms = (lost_ms, again_ms + harm::CALM_AFTER_MS);
    setup
}
