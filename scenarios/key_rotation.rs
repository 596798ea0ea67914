//! The keys of the cluster change every few seconds, under load: ids that were sealed with an older key go on being good, at
//! every node, while one node is killed and comes back in the middle of it.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::harm;

/// See the [module](self) page.
pub const KEY_ROTATION: Scenario = Scenario {
    name: "key_rotation",
    description: "keys change every few seconds while a node is killed: no id that was handed out goes bad",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(25);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 50));
    let mut setup = Setup::cluster(wishes.nodes_or(|| 3), seconds);
    // A ring holds eight keys, and none is let go of in so short a time: five changes, and a margin.
    setup.key_rotate_ms = dice.between(12_000, 20_000);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::NODE_DIES);
    harm::kill_one(dice, &mut setup, (9_000, 15_000), (500, 5_000));
    setup.must_meet = vec!["key_changed".into()];
    setup
}
