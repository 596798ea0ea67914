//! Two of three nodes, of two both, of more nodes two thirds, lose power at one moment, and with it whatever they had not synced. What was
//! acknowledged is there when they are back. On every other seed nobody else has what they acknowledged last.

use switchboard_sim::Fault;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::{busy, harm};

/// See the [module](self) page.
pub const POWER_LOSS: Scenario = Scenario {
    name: "power_loss",
    description: "two of three nodes lose power and unsynced writes: what was acknowledged is still there",
    draw,
    catalogue: crate::catalogue::catalogue,
};

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(28);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(40, 60));
    let mut setup = Setup::cluster(wishes.nodes.map_or(3, |nodes| nodes.max(2)), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::HOST_GOES_DARK);
    busy::keep_writing(&mut setup);
    setup.hosts = 1;
    let nodes = dice.shuffled(&setup);
    // As many as must agree, or more: what only they have is at stake.
    let (victims, others) = nodes.split_at(if nodes.len() == 2 { 2 } else { nodes.len() * 2 / 3 });
    let dark_ms = dice.between(9_000, 11_000);
    let alone_ms = dice.between(400, 1_000);
    // Of many nodes some have nothing to write, or no client: what touches them proves nothing.
    let few = setup.nodes <= harm::FEW;
    let alone = few && dice.one_in(2);
    if alone && !wishes.is_foreign {
        // Nobody but them has what they acknowledge last, and all disks are slow: much is not on them yet. In a foreign world
        // they have one speed.
        let slow_us = dice.between(10_000, 50_000);
        setup.blocking_us = (slow_us / 2, slow_us);
    }
    let has_cut = alone && !others.is_empty();
    if has_cut {
        setup.fault(dark_ms - alone_ms, Fault::Partition { a: victims.to_vec(), b: others.to_vec() });
    }
    let mut last_ms = dark_ms;
    for victim in victims {
        let again_ms = dark_ms + dice.between(500, 4_000);
        last_ms = last_ms.max(again_ms);
        if few {
            // Their clients notice at once, and come back for what they have not got.
            setup.fault(dark_ms, Fault::ResetConnections { a: *victim, b: setup.client_host(0) });
        }
        setup.fault(dark_ms, Fault::PowerLoss(*victim));
        setup.fault(again_ms, Fault::Restart(*victim));
    }
    if has_cut {
        setup.fault(dark_ms, Fault::HealAll);
    }
    setup.trouble_ms = (dark_ms - alone_ms, last_ms + harm::CALM_AFTER_MS);
    setup
}
