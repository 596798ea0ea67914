//! Nothing goes wrong: both eras do their work, and every request ends as it should.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

/// See the [module](self) page.
pub const CALM: Scenario = Scenario {
    name: "calm",
    description: "nothing goes wrong, and every request of both eras ends as it should",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(20);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(10, 60));
    Setup { groups: Setup::both_eras(clients, seconds, &[]), ..Setup::calm(seconds) }
}
