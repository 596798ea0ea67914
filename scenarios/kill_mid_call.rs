//! The node's process dies in the middle of calls and starts again: clients see their connections end before the
//! answer and ask again; sessions and their streams were kept, and calls that died are answered in their place.

use switchboard_sim::client::Errand;
use switchboard_sim::scenario::{Dice, SERVER, Scenario, Setup, Wishes};
use switchboard_sim::{Fault, Step};

use crate::harm;

/// See the [module](self) page.
pub const KILL_MID_CALL: Scenario = Scenario {
    name: "kill_mid_call",
    description: "the node is killed in mid-call and restarted: cut connections, then all goes on",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// How long after the restart everything must be well again.
const CALM_AFTER_MS: u64 = 8_000;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(25);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(40, 100));
    let mut setup = Setup::calm(seconds);
    dice.weather(&mut setup);
    setup.groups = Setup::both_eras(clients, seconds, &harm::NODE_DIES);
    for group in &mut setup.groups {
        // Enough of them that some are always under way.
        group.work.errands.push((Errand::Slow(9), 300));
    }
    let killed_ms = dice.between(3_000, 6_000);
    let again_ms = killed_ms + dice.between(1, 2_500);
    let steps = [(killed_ms, Fault::Kill(SERVER)), (again_ms, Fault::Restart(SERVER))];
    setup.faults.steps.extend(steps.map(|(at_ms, fault)| Step { at_ms, fault }));
    setup.trouble_ms = (killed_ms, again_ms + CALM_AFTER_MS);
    // A foreign world resets all that a process leaves behind; ours ends in order what was read.
    let cut = if wishes.is_foreign { "reset" } else { "closed" };
    setup.must_meet = vec![cut.into(), "resume".into()];
    setup
}
