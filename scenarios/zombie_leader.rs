//! A node stands still for longer than an election takes, and goes on as if nothing had been: it believes to lead what others
//! lead by now, and nothing that it does on that belief may have an effect.

use switchboard_sim::Fault;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::harm;

/// See the [module](self) page.
pub const ZOMBIE_LEADER: Scenario = Scenario {
    name: "zombie_leader",
    description: "a node is paused past an election and goes on: what it believes to lead it no longer does",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(25);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| dice.count(3, 5)), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::OUT_OF_REACH);
    let zombie = dice.node(&setup);
    let paused_ms = dice.between(8_500, 10_000);
    let resumed_ms = paused_ms + dice.between(2_500, 7_500);
    setup.fault(paused_ms, Fault::Pause(zombie));
    setup.fault(resumed_ms, Fault::Resume(zombie));
    setup.trouble_ms = (paused_ms, resumed_ms + harm::CALM_AFTER_MS);
    setup
}
