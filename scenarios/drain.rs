//! The node is told to go while everybody works: what it took it finishes, and what it does not finish it never took.

use switchboard_sim::client::Outcome;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const DRAIN: Scenario = Scenario {
    name: "drain",
    description: "a drain under load: no request fails but those that were refused and never ran",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(12);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(40, 120));
    let mut setup = Setup::calm(seconds);
    dice.weather(&mut setup);
    // A question that nobody can answer any more fails its tool.
    let unasked = Outcome::ToolError;
    let forgiven = [Outcome::Refused, Outcome::Http(503), Outcome::Closed, Outcome::Reset, unasked];
    setup.groups = Setup::both_eras(clients, seconds, &forgiven);
    setup.drain_ms = dice.between(seconds * 400, seconds * 700);
    setup.trouble_ms = (setup.drain_ms, u64::MAX);
    setup.cut_means_not_taken = true;
    setup.must_meet = vec!["refused".into()];
    setup
}
