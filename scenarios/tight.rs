//! A cluster whose limits are just large enough, and clients that come and go all the time: nobody is refused who keeps to them.
//! What a counter is not given back is missed soon.

use switchboard_sim::client::Errand;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const TIGHT: Scenario = Scenario {
    name: "tight",
    description: "limits just large enough, and sessions, calls and streams that come and go: nobody is refused",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(22);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| 3), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &[]);
    for group in &mut setup.groups {
        group.work.errands.extend([(Errand::Renew, 500), (Errand::Slow(3), 150), (Errand::Hang, 60)]);
    }
    let sessions = clients as usize / 2 + 1;
    // Half as many again, for those whose end a node hears a moment after the client has opened the next.
    setup.limits.sessions_max = sessions + sessions.div_ceil(2);
    setup.limits.calls_per_session_max = 4;
    setup.limits.streams_per_session_max = 4;
    setup.must_meet = vec!["haunt".into(), "hang".into(), "slow".into()];
    setup
}
