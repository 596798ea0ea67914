//! Some hosts lose their way to the node, and find it again. Meanwhile a middlebox may have forgotten their connections:
//! then stateful streams are resumed, with exactly the events that were missed, once each.

use switchboard_sim::client::Outcome;
use switchboard_sim::scenario::{Dice, SERVER, Scenario, Setup, Wishes};
use switchboard_sim::{Fault, Step};

/// See the [module](self) page.
pub const PARTITION_HEAL: Scenario = Scenario {
    name: "partition_heal",
    description: "hosts are cut off and healed: streams resume with exactly the events that were missed, once each",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// How long after the healing everything must be well again: dials may have waited for their next try.
const CALM_AFTER_MS: u64 = 20_000;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(40);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(60, 120));
    let mut setup = Setup::calm(seconds);
    dice.weather(&mut setup);
    let forgiven =
        [Outcome::Reset, Outcome::Closed, Outcome::Refused, Outcome::ConnectTimeout, Outcome::Timeout];
    setup.groups = Setup::both_eras(clients, seconds, &forgiven);
    let cut: Vec<_> = (0..dice.count(4, setup.hosts)).map(|number| setup.client_host(number)).collect();
    let from_ms = dice.between(3_000, 6_000);
    let to_ms = from_ms + dice.between(500, 8_000);
    // A reset must find its way: so connections are forgotten just before the cut, or just after the healing.
    let forgotten_ms = if dice.between(0, 1) == 0 { from_ms - 50 } else { to_ms + 1 };
    let mut push = |at_ms, fault| setup.faults.steps.push(Step { at_ms, fault });
    push(from_ms, Fault::Partition { a: vec![SERVER], b: cut.clone() });
    push(to_ms, Fault::HealAll);
    for host in &cut {
        push(forgotten_ms, Fault::ResetConnections { a: SERVER, b: *host });
    }
    setup.trouble_ms = (from_ms - 50, to_ms + CALM_AFTER_MS);
    setup.must_meet = vec!["resume".into()];
    setup
}
