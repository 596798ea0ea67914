//! All nodes of a zone lose power at one moment, and every connection of every client is cut: everybody comes back at once to
//! what is left, and streams go on at other nodes.

use switchboard_sim::Fault;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::harm;

/// See the [module](self) page.
pub const ZONE_LOSS: Scenario = Scenario {
    name: "zone_loss",
    description: "a zone goes dark and every client reconnects: streams go on at other nodes, with nothing lost",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(28);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(40, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| 6), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::HOST_GOES_DARK);
    setup.hosts = 1;
    let zone = dice.count(0, 2);
    let dark_ms = dice.between(8_500, 11_000);
    let again_ms = dark_ms + dice.between(1_000, 5_000);
    let (gone, left): (Vec<_>, Vec<_>) = setup.servers().into_iter().partition(|node| node.0 % 3 == zone);
    for node in gone {
        setup.fault(dark_ms, Fault::PowerLoss(node));
        setup.fault(again_ms, Fault::Restart(node));
    }
    // Of many nodes some have no client, and those that went dark need not have had one that listens.
    if setup.nodes <= harm::FEW {
        for node in left {
            setup.fault(dark_ms, Fault::ResetConnections { a: node, b: setup.client_host(0) });
        }
        setup.must_meet = vec!["resume".into()];
    }
    setup.trouble_ms = (dark_ms, again_ms + harm::CALM_AFTER_MS);
    setup
}
