//! What the project is named for: a hundred nodes, a thousand clients of both eras at each, and all that they do, while
//! processes die, a zone is cut off and disks lose what was not synced.

use switchboard_sim::Fault;
use switchboard_sim::client::{Errand, Work};
use switchboard_sim::scenario::{Dice, FORMED_MS, Group, Role, Scenario, Setup, Wishes};

use crate::harm;

/// See the [module](self) page.
pub const HUNDRED_NODES: Scenario = Scenario {
    name: "hundred_nodes",
    description: "100 nodes and 100,000 clients: nodes crash, a zone splits off and disks lose writes under them all",
    draw,
    catalogue: crate::catalogue::catalogue,
};

const NODES: u32 = 100;
const CLIENTS_A_NODE: u32 = 1_000;
/// Clients come one after the other: a session is a commit.
const COME_MS: u64 = 20_000;
/// A call every ten seconds.
const PACE_MS: (u64, u64) = (5_000, 15_000);
/// Most clients stay where they are for as long as they can.
const ROAMS_ONE_IN: u32 = 20;
/// How many nodes of a hundred die, and of how many the power fails.
const DEATHS: usize = 4;
const POWER_LOSSES: usize = 3;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(60);
    let nodes = wishes.nodes_or(|| NODES);
    let clients = wishes.clients.unwrap_or(CLIENTS_A_NODE * nodes);
    let mut setup = Setup::cluster(nodes, seconds);
    setup.groups = [(Role::Stateful, clients / 2), (Role::Stateless, clients - clients / 2)]
        .map(|(role, count)| Group {
            roams_one_in: ROAMS_ONE_IN,
            ..Group::new(role, count, work(seconds)).forgive(&harm::HOST_GOES_DARK)
        })
        .into();
    setup.hosts = nodes;
    let (from_ms, to_ms) = (FORMED_MS + COME_MS / 2, FORMED_MS + COME_MS + 8_000);
    let struck = dice.shuffled(&setup);
    let share = |of: usize| (of * struck.len()).div_ceil(NODES as usize);
    let (dead, dark) = struck.split_at(share(DEATHS));
    let again_ms = |dice: &mut Dice, at_ms: u64| at_ms + dice.between(1_000, 5_000);
    for node in dead {
        let at_ms = dice.between(from_ms, to_ms);
        setup.fault(at_ms, Fault::Kill(*node));
        setup.fault(again_ms(dice, at_ms), Fault::Restart(*node));
    }
    for node in &dark[..share(POWER_LOSSES)] {
        let at_ms = dice.between(from_ms, to_ms);
        setup.fault(at_ms, Fault::PowerLoss(*node));
        setup.fault(again_ms(dice, at_ms), Fault::Restart(*node));
    }
    let zone = dice.count(0, 2);
    let (a, b): (Vec<_>, Vec<_>) = setup.servers().into_iter().partition(|node| node.0 % 3 == zone);
    let cut_ms = dice.between(from_ms, to_ms);
    setup.fault(cut_ms, Fault::Partition { a: a.clone(), b: b.clone() });
    setup.fault(cut_ms + dice.between(3_000, 6_000), Fault::Heal { a, b });
    setup.trouble_ms = (from_ms, to_ms + 6_000 + harm::CALM_AFTER_MS);
    setup.must_meet = ["task", "slow", "ask", "resume"].map(Into::into).into();
    if clients >= CLIENTS_A_NODE * NODES {
        // One request of a hundred thousand: fewer clients may well make none.
        setup.must_meet.push("poke".into());
    }
    setup
}

/// Mostly plain calls; a few that stream, ask or leave a task behind, and now and then a change that all listeners hear of.
fn work(seconds: u64) -> Work {
    let errands = vec![
        (Errand::Echo, 97_000),
        (Errand::List, 1_250),
        (Errand::Ping, 1_249),
        (Errand::Slow(3), 100),
        (Errand::Ask, 100),
        (Errand::Task(4), 100),
        (Errand::Renew, 100),
        (Errand::Panic, 100),
        (Errand::Poke, 1),
    ];
    let begin_ms = (FORMED_MS, FORMED_MS + COME_MS);
    Work { errands, pace_ms: PACE_MS, begin_ms, end_ms: seconds * 1_000, patience_ms: 30_000 }
}
