//! Each node in turn is drained and comes back as a newer version: old and new ones serve together, and once the last has come
//! back the cluster permits what the old version did not understand.

use switchboard_sim::Fault;
use switchboard_sim::client::Outcome;
use switchboard_sim::scenario::{Dice, Role, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const ROLLING_UPGRADE: Scenario = Scenario {
    name: "rolling_upgrade",
    description: "every node is drained and comes back as a newer version: both serve together, then the level rises",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// How long after the trouble everything must be well again.
const CALM_AFTER_MS: u64 = 8_000;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(36);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 40));
    let mut setup = Setup::cluster(3, seconds);
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
        setup.fault(at_ms + 4_500, Fault::Restart(node));
        at_ms += 5_500;
    }
    setup.upgrade_ms = first_ms;
    setup.level_at_end = 2;
    setup.trouble_ms = (first_ms, at_ms + CALM_AFTER_MS);
    setup.cut_means_not_taken = true;
    setup
}
