//! A node is cut off from the others until they count it out, and its clients stay with it: what it told them while it was alone
//! is what the others keep, or it must not have told it.

use switchboard_sim::Fault;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::{busy, harm};

/// See the [module](self) page.
pub const ISLAND: Scenario = Scenario {
    name: "island",
    description: "a node is cut off with its clients until it is counted out: what it told them is what the others keep",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(28);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 40));
    let mut setup = Setup::cluster(wishes.nodes_or(|| dice.count(3, 5)), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::OUT_OF_REACH);
    busy::keep_writing(&mut setup);
    let nodes = dice.shuffled(&setup);
    let cut_ms = dice.between(8_500, 11_000);
    let healed_ms = cut_ms + dice.between(5_000, 9_000);
    setup.fault(cut_ms, Fault::Partition { a: nodes[..1].to_vec(), b: nodes[1..].to_vec() });
    setup.fault(healed_ms, Fault::HealAll);
    setup.trouble_ms = (cut_ms, healed_ms + harm::CALM_AFTER_MS);
    setup
}
