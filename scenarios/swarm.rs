//! Everything that can go wrong, a random part of it at a time: which kinds of faults a seed has, and which not, is drawn first.
//! A run with everything in it finds less than many runs with a few things each, for one fault hides what another would show
//! (Groce et al., Swarm Testing, 2012).

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};
use switchboard_sim::{Drift, Fault, Latency, NodeId};

use crate::harm;

/// See the [module](self) page.
pub const SWARM: Scenario = Scenario {
    name: "swarm",
    description: "a random part of all that can go wrong, all of it at once, and then everything must be well again",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// When things go wrong: from, to.
const TROUBLE_MS: (u64, u64) = (9_000, 14_000);

/// For how long nodes do not hear each other: from, to.
const CUT_MS: (u64, u64) = (2_000, 6_000);

/// Something that happens to a node, and passes. Two of these at one node could undo each other; so each node has one.
type Blow = fn(&mut Dice, &mut Setup, NodeId, from_ms: u64, to_ms: u64);

/// What may happen to a node.
const BLOWS: [Blow; 9] = [
    |_, setup, node, from_ms, to_ms| {
        setup.fault(from_ms, Fault::Kill(node));
        setup.fault(to_ms, Fault::Restart(node));
    },
    |_, setup, node, from_ms, to_ms| {
        setup.fault(from_ms, Fault::PowerLoss(node));
        setup.fault(to_ms, Fault::Restart(node));
    },
    |_, setup, node, from_ms, to_ms| {
        setup.fault(from_ms, Fault::Pause(node));
        setup.fault(to_ms, Fault::Resume(node));
    },
    |dice, setup, node, from_ms, _| {
        let ms = i64::try_from(dice.between(0, 120_000)).unwrap_or(0) - 60_000;
        setup.fault(from_ms, Fault::ClockStep { node, ms });
    },
    |dice, setup, node, from_ms, _| {
        let billionths = i32::try_from(dice.between(0, 1_000_000)).unwrap_or(0) - 500_000;
        setup.fault(from_ms, Fault::ClockDrift { node, drift: Drift(billionths) });
    },
    |dice, setup, node, from_ms, to_ms| {
        let bytes_max = Some(dice.count(1, 100));
        setup.fault(from_ms, Fault::TinyIo { node, bytes_max });
        setup.fault(to_ms, Fault::TinyIo { node, bytes_max: None });
    },
    |dice, setup, node, from_ms, to_ms| {
        let others: Vec<NodeId> = setup.servers().into_iter().filter(|other| *other != node).collect();
        let base_us = dice.between(5_000, 100_000);
        let latency = Latency { base_us, jitter_us: base_us, tail_ppm: 10_000, tail_us: 200_000 };
        for (from, to) in [(vec![node], others.clone()), (others, vec![node])] {
            setup.fault(from_ms, Fault::slow(from.clone(), to.clone(), latency));
            setup.fault(to_ms, Fault::Link { from, to, link: None });
        }
    },
    // The last ones need something to write and a client, which of many nodes some have not.
    |dice, setup, node, from_ms, to_ms| {
        // Longer than any cut, in which a node may have nothing to write.
        let to_ms = to_ms.max(from_ms + CUT_MS.1 + 1_000);
        let extra_us = dice.between(5_000, 60_000);
        setup.fault(from_ms, Fault::SlowBlocking { node, extra_us });
        setup.fault(to_ms, Fault::SlowBlocking { node, extra_us: 0 });
    },
    |_, setup, node, from_ms, _| {
        let clients = setup.client_host(0);
        setup.fault(from_ms, Fault::ResetConnections { a: node, b: clients });
    },
];

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(30);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| dice.count(3, harm::FEW)), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::HOST_GOES_DARK);
    setup.hosts = 1;
    let possible = if setup.nodes <= harm::FEW { BLOWS.len() } else { BLOWS.len() - 2 };
    // Half of the kinds this seed has not.
    let blows: Vec<Blow> = BLOWS.into_iter().take(possible).filter(|_| dice.one_in(2)).collect();
    let mut last_ms = TROUBLE_MS.0;
    let nodes = dice.shuffled(&setup);
    for node in if blows.is_empty() { &[] } else { &nodes[..] } {
        if dice.one_in(3) {
            continue;
        }
        let blow = blows[usize::try_from(dice.between(0, blows.len() as u64 - 1)).unwrap_or(0)];
        let (from_ms, lasts_ms) = (dice.between(TROUBLE_MS.0, TROUBLE_MS.1), dice.between(500, 6_000));
        blow(dice, &mut setup, *node, from_ms, from_ms + lasts_ms);
        last_ms = last_ms.max(from_ms + lasts_ms);
    }
    if dice.one_in(2) {
        let (from_ms, lasts_ms) =
            (dice.between(TROUBLE_MS.0, TROUBLE_MS.1), dice.between(CUT_MS.0, CUT_MS.1));
        cut(dice, &mut setup, from_ms, from_ms + lasts_ms);
        last_ms = last_ms.max(from_ms + lasts_ms);
    }
    if dice.one_in(3) {
        setup.net.link.loss_ppm = dice.count(100, 5_000);
    }
    setup.trouble_ms = (TROUBLE_MS.0, last_ms + harm::CALM_AFTER_MS);
    setup
}

/// A part of the nodes does not hear the others, or is not heard either.
fn cut(dice: &mut Dice, setup: &mut Setup, from_ms: u64, to_ms: u64) {
    let nodes = dice.shuffled(setup);
    let (a, b) = nodes.split_at(dice.count(1, setup.nodes - 1) as usize);
    let (a, b) = (a.to_vec(), b.to_vec());
    let is_one_way = dice.one_in(3);
    let fault = if is_one_way {
        Fault::PartitionOneWay { from: a.clone(), to: b.clone() }
    } else {
        Fault::Partition { a: a.clone(), b: b.clone() }
    };
    setup.fault(from_ms, fault);
    setup.fault(to_ms, Fault::Heal { a, b });
}
