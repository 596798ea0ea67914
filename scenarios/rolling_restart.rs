//! Each node in turn is drained and started again, as for a new version: no request fails but those that were refused and never
//! ran.

use switchboard_sim::Fault;
use switchboard_sim::client::Outcome;
use switchboard_sim::scenario::{Dice, Role, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const ROLLING_RESTART: Scenario = Scenario {
    name: "rolling_restart",
    description: "every node is drained and restarted in turn: no request fails but those that were never taken",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// How long after the trouble everything must be well again.
const CALM_AFTER_MS: u64 = 8_000;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(40);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 50));
    let mut setup = Setup::cluster(dice.count(3, 5), seconds);
    setup.groups = Setup::on_cluster(
        clients,
        seconds,
        &[Outcome::Refused, Outcome::Http(503), Outcome::Closed, Outcome::Reset, Outcome::ToolError],
    );
    // A full client does not come back for the rest of a stream.
    setup.groups.retain(|group| group.role != Role::Full);
    let first_ms = dice.between(9_000, 10_000);
    let mut at_ms = first_ms;
    for node in dice.shuffled(&setup) {
        setup.restarts.push((node, at_ms));
        // A drain takes up to ten seconds, and most take far less.
        setup.fault(at_ms + 4_500, Fault::Restart(node));
        at_ms += 5_500;
    }
    setup.trouble_ms = (first_ms, at_ms + CALM_AFTER_MS);
    setup.cut_means_not_taken = true;
    setup.must_meet = vec!["refused"];
    setup
}
