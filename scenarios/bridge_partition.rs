//! A cluster falls into two halves that see each other only through one node between them: a majority can be found, but not
//! everybody who answers to it sees everybody else who does.

use switchboard_sim::Fault;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::harm;

/// See the [module](self) page.
pub const BRIDGE_PARTITION: Scenario = Scenario {
    name: "bridge_partition",
    description: "two halves meet in one node only: nothing is decided twice, and all is one after the healing",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(25);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| if dice.one_in(2) { 3 } else { 5 }), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::OUT_OF_REACH);
    let nodes = dice.shuffled(&setup);
    // The first is the bridge.
    let (one, other) = nodes[1..].split_at((nodes.len() - 1) / 2);
    let cut_ms = dice.between(8_500, 10_000);
    let healed_ms = cut_ms + dice.between(500, 7_000);
    setup.fault(cut_ms, Fault::Partition { a: one.to_vec(), b: other.to_vec() });
    setup.fault(healed_ms, Fault::HealAll);
    setup.trouble_ms = (cut_ms, healed_ms + harm::CALM_AFTER_MS);
    setup
}
