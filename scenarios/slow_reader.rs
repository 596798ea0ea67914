//! Some clients ask for much and stop reading. What waits for them is bounded, their connections are cut after the stall
//! limit, the stateful ones can come back for all of the rest, and nobody else notices anything.

use switchboard_sim::client::{Errand, Outcome, Work};
use switchboard_sim::scenario::{Dice, Group, Role, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const SLOW_READER: Scenario = Scenario {
    name: "slow_reader",
    description: "clients that stop reading are bounded, cut and resumed, and the others are unharmed",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(30);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(10, 30));
    let mut setup = Setup::calm(seconds);
    dice.weather(&mut setup);
    setup.limits.stream_queue_bytes_max = usize::try_from(dice.between(16, 128) * 1_024).unwrap_or(65_536);
    setup.limits.write_stall_ms_max = dice.between(2_000, 4_000);
    let pour = Errand::Pour(dice.count(80, 120));
    let lazy = Work { errands: vec![(pour, 1)], ..Setup::usual_work(seconds) };
    let nap_ms = setup.limits.write_stall_ms_max + dice.between(1_000, 6_000);
    let doze = |role| {
        let group = Group::new(role, 3, lazy.clone()).forgive(&[Outcome::Reset, Outcome::Closed]);
        Group { nap_ms, listens_one_in: 0, ..group }
    };
    setup.groups = Setup::both_eras(clients, seconds, &[]);
    setup.groups.extend([doze(Role::Stateful), doze(Role::Stateless)]);
    setup.trouble_ms = (0, u64::MAX);
    setup.must_meet = vec!["pour".into(), "resume".into()];
    setup
}
