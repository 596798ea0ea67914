//! The clocks of a cluster disagree: times of day jump by minutes in either direction, and run too fast or too slow. Nothing
//! depends on them but how long tasks are kept.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};
use switchboard_sim::{Drift, Fault};

/// See the [module](self) page.
pub const CLOCK_SKEW: Scenario = Scenario {
    name: "clock_skew",
    description: "clocks jump and drift: sessions, streams and tasks do not notice",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// Tasks are kept for ten minutes, by the clock of whoever leads: two clocks that are further apart end them early.
const STEP_MS_MAX: u64 = 240_000;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(22);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| dice.count(3, 5)), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &[]);
    for node in setup.servers() {
        let ms = i64::try_from(dice.between(0, 2 * STEP_MS_MAX)).unwrap_or(0) - STEP_MS_MAX.cast_signed();
        let at_ms = dice.between(7_000, 15_000);
        setup.fault(at_ms, Fault::ClockStep { node, ms });
        if dice.one_in(2) {
            let billionths = i32::try_from(dice.between(0, 1_000_000)).unwrap_or(0) - 500_000;
            setup.fault(dice.between(1_000, 10_000), Fault::ClockDrift { node, drift: Drift(billionths) });
        }
    }
    setup
}
