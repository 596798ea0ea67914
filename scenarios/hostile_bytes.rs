//! Bytes that no server should take: too large, too deep, too slow, cut off, ambiguous, addressed to somebody else. Each
//! meets the right refusal, the next request on a fresh connection works, and nobody else notices anything.

use switchboard_sim::client::Work;
use switchboard_sim::scenario::{Dice, Group, Role, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const HOSTILE_BYTES: Scenario = Scenario {
    name: "hostile_bytes",
    description: "what no server should take meets the right refusal, and the next request works",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(20);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(10, 30));
    let mut setup = Setup::calm(seconds);
    setup.limits.message_bytes_max = 64 * 1_024;
    setup.limits.request_state_bytes_max = 16 * 1_024;
    setup.limits.header_ms_max = dice.between(2_000, 4_000);
    setup.limits.body_ms_max = dice.between(2_000, 4_000);
    let work = Work { pace_ms: (0, 100), ..Setup::usual_work(seconds) };
    setup.groups = Setup::both_eras(clients, seconds, &[]);
    setup.groups.push(Group { listens_one_in: 0, ..Group::new(Role::Hostile, 8, work) });
    setup.must_meet = vec!["hostile".into()];
    setup
}
