//! The disk of one node is sick: it fails for a moment or for good, is full, or gives back other bytes than it was given. The node
//! stops and says why, the others go on, and with a sound disk it is back: with what it held where that is whole, and as
//! another node where it is not.

use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};
use switchboard_sim::{DiskOperation, Fault, NodeId};

use crate::{busy, harm};

/// See the [module](self) page.
pub const SICK_DISK: Scenario = Scenario {
    name: "sick_disk",
    description: "a node's disk fails, is full or lies: the node stops and says why, the others go on, nothing is lost",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// The file in which a node keeps its state.
const STORE: &str = "/state/store.redb";
/// So many bytes of it are turned over: few of them matter.
const BYTES_TURNED: u64 = 30;
/// Where they are: no store is smaller.
const OFFSET_MAX: u64 = 64 * 1024;

/// Within so long a file grows.
const GROWS_MS: u64 = 6_000;

/// What a disk does wrong, at one time, and what makes up for it, at another.
type Ill = fn(&mut Dice, &mut Setup, NodeId, from_ms: u64, to_ms: u64);

/// What may be wrong with it.
const ILLS: [Ill; 4] = [fails_once, fails_for_good, is_full, lies];

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(32);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(15, 40));
    let mut setup = Setup::cluster(wishes.nodes_or(|| 3 + 2 * dice.count(0, 1)), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &harm::HOST_GOES_DARK);
    busy::keep_writing(&mut setup);
    // Longer than it takes to count a node out, and shorter than a run.
    setup.replace_after_ms = dice.between(3_000, 6_000);
    let victim = dice.node(&setup);
    let sick_ms = dice.between(8_500, 11_000);
    let sound_ms = sick_ms + dice.between(3_000, 8_000);
    let ill = ILLS[dice.count(0, 3) as usize];
    ill(dice, &mut setup, victim, sick_ms, sound_ms);
    let last_ms = setup.faults.span_ms().map_or(sound_ms, |(_, last_ms)| last_ms);
    setup.trouble_ms = (sick_ms, last_ms + harm::CALM_AFTER_MS);
    setup
}

/// A single write or sync fails.
fn fails_once(dice: &mut Dice, setup: &mut Setup, node: NodeId, from_ms: u64, to_ms: u64) {
    let only = if dice.one_in(2) { DiskOperation::Write } else { DiskOperation::Sync };
    // Few enough: it is to fail before the node starts anew.
    let after = dice.between(0, 8);
    setup.fault(from_ms, Fault::DiskFail { node, only: Some(only), after, count: 1 });
    setup.fault(to_ms, Fault::Restart(node));
    setup.must_meet = vec!["store_failed".into()];
}

/// Nothing works any more, not even for the next process.
fn fails_for_good(dice: &mut Dice, setup: &mut Setup, node: NodeId, from_ms: u64, to_ms: u64) {
    let after = dice.between(0, 20);
    setup.fault(from_ms, Fault::DiskFail { node, only: None, after, count: u64::MAX });
    setup.fault(dice.between(from_ms + 1_000, to_ms - 1_000), Fault::Restart(node));
    harm::replace_disk(setup, node, (to_ms, to_ms));
    setup.must_meet = vec!["store_failed".into()];
}

/// There is no room for more.
fn is_full(_: &mut Dice, setup: &mut Setup, node: NodeId, from_ms: u64, to_ms: u64) {
    // The file grows only now and then: it must, while there is no room.
    let to_ms = to_ms.max(from_ms + GROWS_MS);
    for group in &mut setup.groups {
        group.work.pace_ms = (50, 150);
    }
    setup.fault(from_ms, Fault::DiskCapacity { node, bytes: Some(0) });
    setup.fault(to_ms, Fault::DiskCapacity { node, bytes: None });
    setup.fault(to_ms, Fault::Restart(node));
    setup.must_meet = vec!["store_failed".into()];
}

/// Bytes are others than were written when the node comes back, which may notice it, or not.
fn lies(dice: &mut Dice, setup: &mut Setup, node: NodeId, from_ms: u64, to_ms: u64) {
    setup.fault(from_ms, Fault::Kill(node));
    for _ in 0..BYTES_TURNED {
        let offset = dice.between(0, OFFSET_MAX);
        setup.fault(from_ms, Fault::DiskCorrupt { node, path: STORE.to_owned(), offset });
    }
    setup.fault(dice.between(from_ms + 1, to_ms - 1_000), Fault::Restart(node));
    harm::replace_disk(setup, node, (to_ms, to_ms));
}
