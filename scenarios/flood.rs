//! Everybody comes at once to a node that is far too small: whoever has no place is told so, and when to come back; nobody
//! is lost in silence; and once the flood is over the node is as it was.

use switchboard_sim::client::{Outcome, Work};
use switchboard_sim::scenario::{Dice, Group, Role, START_MS, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const FLOOD: Scenario = Scenario {
    name: "flood",
    description: "1,000 clients at once against small limits: refused with 503 and Retry-After, none lost in silence",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// How long after the flood everything must be well again.
const EBB_MS: u64 = 5_000;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(6);
    let clients = wishes.clients.unwrap_or(1_000);
    let mut setup = Setup::calm(seconds + 15);
    setup.limits.connections_max = usize::try_from(dice.between(40, 200)).unwrap_or(200);
    setup.limits.sessions_max = usize::try_from(dice.between(20, 100)).unwrap_or(100);
    let work = Work { begin_ms: (START_MS, START_MS + dice.between(0, 200)), ..Setup::usual_work(seconds) };
    let forgiven = [Outcome::Http(503), Outcome::Refused];
    let flood = |role, count| Group::new(role, count, work.clone()).forgive(&forgiven);
    let calm = seconds * 1_000 + EBB_MS;
    let after = Work { begin_ms: (calm, calm + 1_000), ..Setup::usual_work(seconds + 15) };
    setup.groups = vec![
        flood(Role::Stateful, clients / 2),
        flood(Role::Stateless, clients - clients / 2),
        Group::new(Role::Stateful, 5, after.clone()),
        Group::new(Role::Stateless, 5, after),
    ];
    setup.trouble_ms = (0, calm);
    setup.must_meet = vec!["shed".into(), "ok".into()];
    setup
}
