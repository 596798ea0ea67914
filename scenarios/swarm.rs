//! Everything that can go wrong, a random part of it at a time: which kinds of faults a seed has, and which not, is drawn first.
//! A run with everything in it finds less than many runs with a few things each, for one fault hides what another would show
//! (Groce et al., Swarm Testing, 2012).

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};
use switchboard_sim::{DiskOperation, Drift, Fault, Latency, NodeId, Overflow};

use crate::harm;

/// See the [module](self) page.
pub const SWARM: Scenario = Scenario {
    name: "swarm",
    description: "a random part of all that can go wrong, all of it at once, and then the core must be well again",
    draw,
    catalogue: crate::called_off::catalogue,
};

/// When things go wrong: from, to.
const TROUBLE_MS: (u64, u64) = (9_000, 14_000);

/// For how long nodes do not hear each other: from, to.
const CUT_MS: (u64, u64) = (2_000, 6_000);

/// How long a node is down before others take what it held, where one does not come back: longer than it takes to count it out.
const REPLACE_AFTER_MS: (u64, u64) = (3_000, 6_000);

/// Something that happens to a node, and passes. Two of these at one node could undo each other; so each node has one.
type Blow = fn(&mut Dice, &mut Setup, NodeId, from_ms: u64, to_ms: u64);

/// What may happen to a node.
const BLOWS: [Blow; 13] = [
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
    |dice, setup, node, from_ms, to_ms| {
        let tax_us = dice.between(10, 300);
        setup.fault(from_ms, Fault::SlowPolls { node, tax_us });
        setup.fault(to_ms, Fault::SlowPolls { node, tax_us: 0 });
    },
    // The last ones need something to write or a client, which of many nodes some have not.
    |dice, setup, node, from_ms, to_ms| {
        let extra_us = dice.between(5_000, 60_000);
        setup.fault(from_ms, Fault::SlowBlocking { node, extra_us });
        setup.fault(behind_any_cut(from_ms, to_ms), Fault::SlowBlocking { node, extra_us: 0 });
    },
    |dice, setup, node, from_ms, to_ms| {
        setup.fault(from_ms, Fault::PowerLossInWrite { node, after: dice.between(0, 20) });
        setup.fault(behind_any_cut(from_ms, to_ms), Fault::Restart(node));
    },
    |dice, setup, node, from_ms, to_ms| {
        let (only, after) = (Some(DiskOperation::Write), dice.between(0, 20));
        setup.fault(from_ms, Fault::DiskFail { node, only, after, count: 1 });
        setup.fault(behind_any_cut(from_ms, to_ms), Fault::Restart(node));
    },
    |_, setup, node, from_ms, _| {
        let clients = setup.client_host(0);
        setup.fault(from_ms, Fault::ResetConnections { a: node, b: clients });
    },
    |_, setup, node, from_ms, to_ms| {
        let (a, b) = (vec![node], vec![setup.client_host(0)]);
        setup.fault(from_ms, Fault::Partition { a: a.clone(), b: b.clone() });
        setup.fault(to_ms, Fault::Heal { a, b });
    },
];
/// How many of them need that.
const NEED_CLIENTS: usize = 5;

/// Cut off, a node may have nothing to write.
fn behind_any_cut(from_ms: u64, to_ms: u64) -> u64 {
    to_ms.max(from_ms + CUT_MS.1 + 1_000)
}

/// Something that happens to a node and does not pass, from a moment on.
type Ruin = fn(&mut Setup, node: NodeId, others: Vec<NodeId>, at_ms: u64);

/// How a node may stay broken. Those that are cut off serve clients for as long as they can.
const RUINS: [Ruin; 6] = [
    |setup, node, _, at_ms| setup.fault(at_ms, Fault::Kill(node)),
    |setup, node, _, at_ms| setup.fault(at_ms, Fault::PowerLoss(node)),
    |setup, node, _, at_ms| setup.fault(at_ms, Fault::Pause(node)),
    |setup, node, others, at_ms| setup.fault(at_ms, Fault::Partition { a: vec![node], b: others }),
    |setup, node, others, at_ms| setup.fault(at_ms, Fault::PartitionOneWay { from: vec![node], to: others }),
    |setup, node, others, at_ms| setup.fault(at_ms, Fault::PartitionOneWay { from: others, to: vec![node] }),
];

/// How long clients wait for a node, where some say nothing for ever: longer than any trouble.
const FORSAKEN_PATIENCE_MS: u64 = 20_000;

/// Of six kinds of trouble, those in which some nodes stay broken.
const FORSAKEN: [u64; 2] = [2, 3];

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let kind = dice.between(1, 6);
    // Time enough to notice what stays broken.
    let seconds = wishes.seconds.unwrap_or(if FORSAKEN.contains(&kind) { 75 } else { 30 });
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| dice.count(3, harm::FEW)), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::HOST_GOES_DARK);
    setup.hosts = 1;
    if dice.one_in(3) {
        dice.storm(&mut setup);
    }
    if dice.one_in(3) {
        crate::called_off::call_off(&mut setup);
    }
    if dice.one_in(3) {
        // Less than come back at once to a node that stood still.
        setup.net.backlog = dice.count(4, 12) as usize;
        setup.net.overflow = if dice.one_in(2) { Overflow::Refuse } else { Overflow::Drop };
    }
    let last_ms = match kind {
        1 => swizzle(dice, &mut setup),
        kind if FORSAKEN.contains(&kind) => forsake(dice, &mut setup),
        _ => strike(dice, &mut setup, &[]),
    };
    setup.trouble_ms = (TROUBLE_MS.0, last_ms + harm::CALM_AFTER_MS);
    setup
}

/// Every link of some nodes is cut, and nothing else is wrong with them. When that is over.
fn swizzle(dice: &mut Dice, setup: &mut Setup) -> u64 {
    let clogged = harm::clog(dice, setup);
    let to_ms = TROUBLE_MS.1 + dice.between(0, CUT_MS.1);
    dice.swizzle(setup, &clogged, (TROUBLE_MS.0, to_ms));
    to_ms
}

/// Some nodes of a zone stay broken to the end, or one while the others have their own trouble: once that has passed they must be
/// well without it. When it has.
fn forsake(dice: &mut Dice, setup: &mut Setup) -> u64 {
    if setup.nodes < 3 {
        return strike(dice, setup, &[]);
    }
    // Each group has a replica in each zone: one is not missed.
    let zone = dice.count(0, 2);
    let in_zone = dice.shuffled(setup).into_iter().filter(|node| node.0 % 3 == zone);
    let mut rest: Vec<NodeId> = in_zone.collect();
    rest.truncate(dice.between(1, rest.len() as u64) as usize);
    setup.replace_after_ms = dice.between(REPLACE_AFTER_MS.0, REPLACE_AFTER_MS.1);
    for group in &mut setup.groups {
        group.work.patience_ms = FORSAKEN_PATIENCE_MS;
    }
    // Whoever comes to a node that says nothing, and again, ends later.
    setup.drain_ms += 3 * FORSAKEN_PATIENCE_MS;
    setup.end_ms += 3 * FORSAKEN_PATIENCE_MS;
    // In trouble replicas move to whoever is there: a zone may hold most of a group for a while.
    let last_ms = if rest.len() == 1 { strike(dice, setup, &rest) } else { TROUBLE_MS.0 };
    let core: Vec<NodeId> = setup.servers().into_iter().filter(|node| !rest.contains(node)).collect();
    for node in &rest {
        let ruin = RUINS[dice.between(0, RUINS.len() as u64 - 1) as usize];
        // Behind whatever heals links between nodes.
        ruin(setup, *node, core.clone(), last_ms);
    }
    setup.rest = rest;
    last_ms
}

/// Half of all that may happen to a node happens to some, but for these; and often they do not all hear each other. When all of
/// it is over.
fn strike(dice: &mut Dice, setup: &mut Setup, spared: &[NodeId]) -> u64 {
    let possible = if setup.nodes <= harm::FEW { BLOWS.len() } else { BLOWS.len() - NEED_CLIENTS };
    // Half of the kinds this seed has not.
    let blows: Vec<Blow> = BLOWS.into_iter().take(possible).filter(|_| dice.one_in(2)).collect();
    // Who starts again is of the newer version then; some node does not.
    let upgrades = dice.one_in(4);
    let nodes: Vec<NodeId> = dice.shuffled(setup).into_iter().filter(|node| !spared.contains(node)).collect();
    // Of a group that has lost one of three replicas for good, no other may be missing for good.
    let loses = usize::from(spared.is_empty() && setup.nodes <= harm::FEW && dice.one_in(6));
    if loses > 0 {
        lose(dice, setup, nodes[0]);
    }
    let struck = if blows.is_empty() { loses } else { nodes.len() - usize::from(upgrades) };
    for node in &nodes[loses..struck] {
        if dice.one_in(3) {
            continue;
        }
        let blow = blows[usize::try_from(dice.between(0, blows.len() as u64 - 1)).unwrap_or(0)];
        let (from_ms, lasts_ms) = (dice.between(TROUBLE_MS.0, TROUBLE_MS.1), dice.between(500, 6_000));
        blow(dice, setup, *node, from_ms, from_ms + lasts_ms);
    }
    if dice.one_in(2) {
        let (from_ms, lasts_ms) =
            (dice.between(TROUBLE_MS.0, TROUBLE_MS.1), dice.between(CUT_MS.0, CUT_MS.1));
        cut(dice, setup, from_ms, from_ms + lasts_ms);
    }
    if upgrades {
        setup.upgrade_ms = TROUBLE_MS.0;
    }
    setup.faults.span_ms().map_or(TROUBLE_MS.0, |(_, last_ms)| last_ms)
}

/// The disk of a node is gone, and another node comes in its place.
fn lose(dice: &mut Dice, setup: &mut Setup, node: NodeId) {
    let lost_ms = dice.between(TROUBLE_MS.0, TROUBLE_MS.1);
    harm::replace_disk(setup, node, (lost_ms, lost_ms + dice.between(500, 8_000)));
    setup.replace_after_ms = dice.between(REPLACE_AFTER_MS.0, REPLACE_AFTER_MS.1);
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
