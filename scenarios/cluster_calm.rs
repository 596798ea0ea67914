//! Three nodes form a cluster and nothing goes wrong: every request ends as it should, at whatever node it comes in, and
//! sessions, streams and tasks are at home at all of them.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const CLUSTER_CALM: Scenario = Scenario {
    name: "cluster_calm",
    description: "three nodes form a cluster, and every request of both eras ends as it should at each of them",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(20);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| 3), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &[]);
    setup.must_meet = vec!["task".into(), "haunt".into()];
    setup
}
