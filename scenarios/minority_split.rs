//! A few nodes are cut off from most: where most are everything goes on, the others say what they cannot do, and after the
//! healing all is one again. Clients reach every node all the time.

use switchboard_sim::Fault;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::harm;

/// See the [module](self) page.
pub const MINORITY_SPLIT: Scenario = Scenario {
    name: "minority_split",
    description: "a minority is cut off: the majority goes on, nothing is decided twice, and all is one after the healing",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(25);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| dice.count(3, 5)), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::OUT_OF_REACH);
    let nodes = dice.shuffled(&setup);
    let few = dice.count(1, (setup.nodes - 1) / 2) as usize;
    let cut_ms = dice.between(8_500, 10_000);
    let healed_ms = cut_ms + dice.between(500, 7_000);
    setup.fault(cut_ms, Fault::Partition { a: nodes[..few].to_vec(), b: nodes[few..].to_vec() });
    setup.fault(healed_ms, Fault::HealAll);
    setup.trouble_ms = (cut_ms, healed_ms + harm::CALM_AFTER_MS);
    setup
}
