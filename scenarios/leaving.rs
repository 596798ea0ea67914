//! A node leaves its cluster for good: what it holds moves to the others, it ends by itself, and no request fails but those that
//! were never taken.

use switchboard_sim::client::Outcome;
use switchboard_sim::scenario::{Dice, Role, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const LEAVING: Scenario = Scenario {
    name: "leaving",
    description: "a node is told to leave for good: its replicas move, it ends by itself, and no request fails for it",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(40);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 40));
    let mut setup = Setup::cluster(wishes.nodes_or(|| dice.count(4, 5)), seconds);
    let forgiven =
        [Outcome::Refused, Outcome::Http(503), Outcome::Closed, Outcome::Reset, Outcome::ToolError];
    setup.groups = Setup::on_cluster(clients, seconds, &forgiven);
    // A full client does not come back for the rest of a stream.
    setup.groups.retain(|group| group.role != Role::Full);
    let leaves_ms = dice.between(9_000, 11_000);
    setup.leaves.push((dice.node(&setup), leaves_ms));
    // To the end: clients go on to ask the node that is not there any more.
    setup.trouble_ms = (leaves_ms, setup.end_ms);
    setup.cut_means_not_taken = true;
    setup.must_meet = vec!["refused".into()];
    setup
}
