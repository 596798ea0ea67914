//! Thirty nodes start at one moment and become one cluster, which serves a few clients.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const JOINING: Scenario = Scenario {
    name: "joining",
    description: "thirty nodes start at once and become one cluster",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// By then it serves.
const FORMED_MS: u64 = 15_000;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(25);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(5, 10));
    let mut setup = Setup::cluster(30, seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &[]);
    for group in &mut setup.groups {
        group.work.begin_ms = (FORMED_MS, FORMED_MS + 1_000);
    }
    setup
}
