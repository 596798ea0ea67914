//! What often goes wrong, ready for [`Trial::faults`](super::Trial::faults).

use crate::fault::Fault;
use crate::node::NodeId;
use crate::scenario::{Dice, Setup};

/// Shorter than this nobody notices.
const LASTS_MS_MIN: u64 = 500;

/// Some nodes do not hear the others for a while, nor are they heard. Clients reach all of them.
///
/// # Panics
/// Where there is one node.
pub fn partition(dice: &mut Dice, setup: &mut Setup) {
    assert!(setup.nodes > 1, "nobody can be cut off from a node that is alone");
    let mut a = dice.shuffled(setup);
    let b: Vec<NodeId> = a.split_off(dice.count(1, setup.nodes - 1) as usize);
    let (from_ms, to_ms) = while_clients_work(dice, setup);
    setup.fault(from_ms, Fault::Partition { a: a.clone(), b: b.clone() });
    setup.fault(to_ms, Fault::Heal { a, b });
}

/// The process of a node dies, and starts again after a while.
pub fn crash(dice: &mut Dice, setup: &mut Setup) {
    let node = dice.node(setup);
    let (from_ms, to_ms) = while_clients_work(dice, setup);
    setup.fault(from_ms, Fault::Kill(node));
    setup.fault(to_ms, Fault::Restart(node));
}

/// From when to when: it begins in the first half of what clients have, and is over before they stop.
fn while_clients_work(dice: &mut Dice, setup: &Setup) -> (u64, u64) {
    let (begin_ms, end_ms) = setup.work_ms();
    let half_ms = (end_ms - begin_ms) / 2;
    let from_ms = dice.between(begin_ms, begin_ms + half_ms);
    (from_ms, from_ms + dice.between(LASTS_MS_MIN, half_ms.max(LASTS_MS_MIN)))
}
