//! The own stream of a session is opened twice, at whatever nodes, by readers that know nothing of each other: the one that came
//! last reads, the other is told so, and each is told everything in order.

use switchboard_sim::client::Errand;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const DOUBLE_EDGE: Scenario = Scenario {
    name: "double_edge",
    description: "a stream is read at two nodes at once: the last one reads, and neither is told anything twice",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(22);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| dice.count(3, 5)), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &[]);
    for group in &mut setup.groups {
        (group.twins, group.listens_one_in) = (true, 2);
        group.work.errands.push((Errand::Poke, 60));
    }
    setup.must_meet = vec!["poke".into(), "resume".into()];
    setup
}
