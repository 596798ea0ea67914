//! A node is heard and hears nothing, or hears and is not heard: worse than silence, for half of what it does works.

use switchboard_sim::Fault;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::harm;

/// See the [module](self) page.
pub const ONE_WAY_CUT: Scenario = Scenario {
    name: "one_way_cut",
    description: "traffic of a node passes in one direction only: it neither disturbs the others nor decides anything alone",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(25);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| dice.count(3, 5)), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::OUT_OF_REACH);
    let nodes = dice.shuffled(&setup);
    let one = vec![nodes[0]];
    // From all of the others, or from one alone; of many, two need not have anything to say to each other.
    let few = if setup.nodes <= harm::FEW { 1 } else { nodes.len() / 3 };
    let others = nodes[1..].iter().copied().take(if dice.one_in(2) { few } else { nodes.len() }).collect();
    let (from, to) = if dice.one_in(2) { (one, others) } else { (others, one) };
    let cut_ms = dice.between(8_500, 10_000);
    let healed_ms = cut_ms + dice.between(500, 7_000);
    setup.fault(cut_ms, Fault::PartitionOneWay { from, to });
    setup.fault(healed_ms, Fault::HealAll);
    setup.trouble_ms = (cut_ms, healed_ms + harm::CALM_AFTER_MS);
    setup
}
