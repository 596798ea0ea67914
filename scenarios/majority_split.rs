//! A cluster falls apart so that no part is most of it: nothing new is acknowledged anywhere, plain calls go on for a while,
//! and after the healing all is one again.

use switchboard_sim::Fault;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::harm;

/// See the [module](self) page.
pub const MAJORITY_SPLIT: Scenario = Scenario {
    name: "majority_split",
    description: "no part has a majority: nothing is acknowledged that could be lost, and all is one after the healing",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(25);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| if dice.one_in(2) { 3 } else { 5 }), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::OUT_OF_REACH);
    let nodes = dice.shuffled(&setup);
    let size = (setup.nodes as usize) / 2;
    let parts: Vec<Vec<_>> = nodes.chunks(size).map(<[_]>::to_vec).collect();
    let cut_ms = dice.between(8_500, 10_000);
    let healed_ms = cut_ms + dice.between(500, 6_000);
    for (number, part) in parts.iter().enumerate() {
        for other in &parts[number + 1..] {
            setup.fault(cut_ms, Fault::Partition { a: part.clone(), b: other.clone() });
        }
    }
    setup.fault(healed_ms, Fault::HealAll);
    setup.trouble_ms = (cut_ms, healed_ms + harm::CALM_AFTER_MS);
    setup
}
