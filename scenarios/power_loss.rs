//! Two of three nodes, of more nodes two thirds, lose power at one moment, and with it whatever they had not synced. What was
//! acknowledged is there when they are back.

use switchboard_sim::Fault;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::harm;

/// See the [module](self) page.
pub const POWER_LOSS: Scenario = Scenario {
    name: "power_loss",
    description: "two of three nodes lose power and unsynced writes: what was acknowledged is still there",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// How long after the trouble everything must be well again.
const CALM_AFTER_MS: u64 = 8_000;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(28);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| 3), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::HOST_GOES_DARK);
    let nodes = dice.shuffled(&setup);
    let victims = &nodes[..nodes.len() * 2 / 3];
    let dark_ms = dice.between(8_500, 11_000);
    let mut last_ms = dark_ms;
    for victim in victims {
        let again_ms = dark_ms + dice.between(500, 4_000);
        last_ms = last_ms.max(again_ms);
        setup.fault(dark_ms, Fault::PowerLoss(*victim));
        setup.fault(again_ms, Fault::Restart(*victim));
    }
    setup.trouble_ms = (dark_ms, last_ms + CALM_AFTER_MS);
    setup
}
