//! All connections are cut at one moment, and everybody comes back: streams go on after their last event, and nothing
//! that was said is lost or said twice.

use switchboard_sim::client::Outcome;
use switchboard_sim::scenario::{Dice, SERVER, Scenario, Setup, Wishes};
use switchboard_sim::{Fault, Step};

/// See the [module](self) page.
pub const RECONNECT_STORM: Scenario = Scenario {
    name: "reconnect_storm",
    description: "all clients are cut at once and come back: streams resume, with nothing lost or said twice",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// How long after a storm everything must be well again.
const CALM_AFTER_MS: u64 = 5_000;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(20);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(100, 200));
    let mut setup = Setup::calm(seconds);
    dice.weather(&mut setup);
    setup.groups = Setup::both_eras(clients, seconds, &[Outcome::Reset, Outcome::Closed]);
    let storms = dice.between(1, 3);
    let first_ms = dice.between(3_000, 6_000);
    let times: Vec<u64> = (0..storms).map(|number| first_ms + number * dice.between(1_500, 2_500)).collect();
    for at_ms in &times {
        let reset = |b| Fault::ResetConnections { a: SERVER, b };
        let steps = setup.client_hosts().into_iter().map(|host| Step { at_ms: *at_ms, fault: reset(host) });
        setup.faults.steps.extend(steps);
    }
    let last_ms = times.iter().max().copied().unwrap_or(first_ms);
    setup.trouble_ms = (first_ms, last_ms + CALM_AFTER_MS);
    setup.must_meet = vec!["resume".into()];
    setup
}
