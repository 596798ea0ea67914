//! A node stands still while every client comes back to it at once, and has little room for those who wait to be accepted: it
//! turns the others away, or is silent. They find another node, or come again, and nobody is turned away for ever.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};
use switchboard_sim::{Fault, Overflow};

use crate::harm;

/// See the [module](self) page.
pub const ACCEPT_OVERFLOW: Scenario = Scenario {
    name: "accept_overflow",
    description: "more clients come back at once than may wait to be accepted: refused or ignored, they come in later",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// How many hosts the clients live on.
const HOSTS: u32 = 2;
/// A dial that is ignored gives up while the node still stands: then it is known that it was.
const DIAL_GIVE_UP_MS: u64 = 1_000;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(25);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(100, 200));
    let mut setup = Setup::cluster(wishes.nodes_or(|| 3), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::HOST_GOES_DARK);
    // From each of them some clients are connected to each node.
    setup.hosts = HOSTS;
    // More than come by chance at one moment, and less than come back.
    setup.net.backlog = dice.count(6, 16) as usize;
    let (overflow, met) =
        if dice.one_in(2) { (Overflow::Refuse, "refused") } else { (Overflow::Drop, "connect_timeout") };
    setup.net.overflow = overflow;
    setup.net.dial_give_up_ms = DIAL_GIVE_UP_MS;
    setup.must_meet = vec![met.into()];
    let still = dice.node(&setup);
    let from_ms = dice.between(8_500, 10_000);
    let to_ms = from_ms + dice.between(2 * DIAL_GIVE_UP_MS, 4 * DIAL_GIVE_UP_MS);
    setup.fault(from_ms, Fault::Pause(still));
    for node in setup.servers() {
        for host in setup.client_hosts() {
            setup.fault(from_ms, Fault::ResetConnections { a: node, b: host });
        }
    }
    setup.fault(to_ms, Fault::Resume(still));
    setup.trouble_ms = (from_ms, to_ms + harm::CALM_AFTER_MS);
    setup
}
