//! Two of the control group's three voters are gone for half a minute: nothing is placed anew, and nobody is counted out, but every
//! group that has its majority serves as before.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};
use switchboard_sim::{Fault, NodeId};

use crate::harm;

/// See the [module](self) page.
pub const CONTROL_LOST: Scenario = Scenario {
    name: "control_lost",
    description: "the control group has no majority for half a minute: groups that have theirs go on",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// Longer than the control group is lost.
const PATIENCE_MS: u64 = 45_000;
/// How long after the trouble everything must be well again.
const CALM_AFTER_MS: u64 = 10_000;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(45);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(15, 30));
    let mut setup = Setup::cluster(5, seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::NODE_DIES);
    for group in &mut setup.groups {
        // Meanwhile nobody is counted out, and a call whose node died is answered only once that node is.
        group.work.patience_ms = PATIENCE_MS;
    }
    let lost_ms = dice.between(9_000, 11_000);
    // The founder votes from the first moment. Voters are spread over zones, and node 2 is the only one of its zone: so these
    // two vote. Of fewer nodes the data groups would lose their majority too, of more nobody knows who votes.
    for (number, later_ms) in [(0, 0), (2, dice.between(0, 500))] {
        setup.fault(lost_ms + later_ms, Fault::Kill(NodeId(number)));
        setup.fault(lost_ms + 30_000 + later_ms, Fault::Restart(NodeId(number)));
    }
    setup.trouble_ms = (lost_ms, lost_ms + 30_500 + CALM_AFTER_MS);
    setup
}
