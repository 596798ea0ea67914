//! A short tour of three nodes in which nothing goes wrong: what its clients are told must be the same in every world, on real
//! sockets too. It is no scenario of its own, for it proves nothing of faults.

use switchboard_sim::client::{Errand, Work};
use switchboard_sim::scenario::{Dice, FORMED_MS, Group, Role, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const TOUR: Scenario = Scenario {
    name: "tour",
    description: "nothing goes wrong for a few seconds: the same in every world",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(_: &mut Dice, wishes: &Wishes) -> Setup {
    let end_ms = FORMED_MS + 1_000 * wishes.seconds.unwrap_or(4);
    let work = Work {
        errands: vec![
            (Errand::Echo, 50),
            (Errand::Slow(2), 15),
            (Errand::Ask, 15),
            (Errand::List, 10),
            (Errand::Ping, 10),
            (Errand::Panic, 5),
            (Errand::Poke, 5),
        ],
        pace_ms: (20, 80),
        begin_ms: (FORMED_MS, FORMED_MS + 200),
        end_ms,
        patience_ms: 10_000,
    };
    let group = |role, count| Group::new(role, count, work.clone());
    let groups = vec![group(Role::Stateful, 4), group(Role::Stateless, 4), group(Role::Full, 2)];
    let mut setup = Setup { hosts: 2, groups, ..Setup::cluster(wishes.nodes_or(|| 3), 0) };
    (setup.drain_ms, setup.end_ms) = (end_ms + 11_000, end_ms + 14_000);
    setup.must_meet = vec!["initialize".into(), "slow".into(), "ask".into()];
    setup
}
