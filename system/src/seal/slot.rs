//! Slots: where in a cluster a thing is at home, whatever becomes of the cluster.
//!
//! A slot is a few bits of an id, for life. Which group has a slot follows from the number of groups alone (linear hashing):
//! with each new group some slots of exactly one group, its *parent*, become its own, and no other slot moves. So a cluster
//! grows group by group, and ids never change.

use super::Principal;
use crate::ids::{GroupId, SessionId};

/// Slots of a cluster.
pub const SLOTS: u16 = 4096;

/// Where in a session's id its slot stands: the low end of its [`digest`](SessionId::digest), so that whatever is kept under
/// that digest has the same home.
const SESSION_SHIFT: u32 = 64;

/// The slot of anything that has evenly spread bits.
#[must_use]
pub fn slot_of(bits: u64) -> u16 {
    u16::try_from(bits % u64::from(SLOTS)).expect("a slot must fit")
}

impl SessionId {
    /// Its slot.
    #[must_use]
    pub fn slot(self) -> u16 {
        slot_of(self.digest())
    }

    /// The same id but for its slot. `slot` must be below [`SLOTS`].
    #[must_use]
    pub fn in_slot(self, slot: u16) -> Self {
        assert!(slot < SLOTS, "a slot must be one of the cluster's");
        let mask = u128::from(SLOTS - 1) << SESSION_SHIFT;
        Self(self.0 & !mask | u128::from(slot) << SESSION_SHIFT)
    }
}

impl Principal {
    /// Its slot: all its tasks are there, so that its list and its quota are one group's business.
    #[must_use]
    pub fn slot(self) -> u16 {
        slot_of(self.0)
    }
}

/// The group that has a slot where there are so many groups, from 1 to [`SLOTS`].
#[must_use]
pub fn group_of(slot: u16, groups: u16) -> GroupId {
    let modulus = groups.next_power_of_two();
    let index = slot % modulus;
    GroupId(1 + u64::from(if index < groups { index } else { index - modulus / 2 }))
}

/// The group that a group took its slots from when it came. `None` for the first one, and for what is no data group.
#[must_use]
pub fn parent_of(group: GroupId) -> Option<GroupId> {
    let (index, top) = place_of(group)?;
    Some(GroupId(1 + u64::from(index - top)))
}

/// Whether a slot is one of those that a group took from its parent when it came.
#[must_use]
pub fn took(group: GroupId, slot: u16) -> bool {
    place_of(group).is_some_and(|(index, top)| slot % (2 * top) == index)
}

/// A group counted from zero, and the highest power of two in that number.
fn place_of(group: GroupId) -> Option<(u16, u16)> {
    let index = u16::try_from(group.0.checked_sub(1)?).ok().filter(|index| *index < SLOTS)?;
    Some((index, 1 << index.checked_ilog2()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_group_takes_slots_from_its_parent_and_no_other_slot_moves() {
        for groups in (1..300).chain([1_023, 1_024, 1_025, 3_000, SLOTS - 1]) {
            let new = GroupId(u64::from(groups) + 1);
            let parent = parent_of(new).expect("all groups but the first must have a parent");
            for slot in 0..SLOTS {
                let (before, after) = (group_of(slot, groups), group_of(slot, groups + 1));
                if took(new, slot) {
                    assert_eq!((before, after), (parent, new), "slot {slot} with {groups} groups");
                } else {
                    assert_eq!(before, after, "slot {slot} with {groups} groups");
                }
            }
        }
    }

    #[test]
    fn every_group_has_its_share() {
        for groups in [1, 3, 8, 100, 256, SLOTS] {
            let mut counts = vec![0_u32; usize::from(groups)];
            for slot in 0..SLOTS {
                let group = group_of(slot, groups).0;
                counts[usize::try_from(group - 1).expect("a small number must fit")] += 1;
            }
            let (least, most) = (counts.iter().min(), counts.iter().max());
            assert!(
                least > Some(&0) && most <= least.map(|least| 2 * least).as_ref(),
                "{groups}: {counts:?}"
            );
        }
    }

    #[test]
    fn what_is_no_group_took_nothing() {
        for group in [0, 1, u64::from(SLOTS) + 1, u64::MAX] {
            assert_eq!(parent_of(GroupId(group)), None);
            assert!((0..SLOTS).all(|slot| !took(GroupId(group), slot)));
        }
    }

    #[test]
    fn an_id_keeps_all_but_its_slot() {
        let id = SessionId(u128::MAX / 3);
        let moved = id.in_slot(77);
        assert_eq!((moved.slot(), moved.in_slot(id.slot())), (77, id));
        assert_eq!(Principal(moved.digest()).slot(), 77, "what belongs to the session alone is where it is");
    }
}
