//! More groups for more nodes, one at a time: the next group takes slots from one that is there (`seal::slot`), and is
//! *splitting off* that one until it has them. Which groups there are, and who answers for a slot meanwhile, stands here;
//! what is carried from one group to the other does not.

use super::apply::Outcome;
use super::command::{Command, Refusal};
use super::map::{ClusterMap, GROUPS_MAX, Place};
use super::place::choose;
use super::plan::Settings;
use crate::ids::{GroupId, NodeId};
use crate::seal::{group_of, parent_of};

/// Nodes below this feature level do not know what a split is.
const LEVEL_MIN: u16 = 2;

/// How many groups a cluster of so many nodes has at the least. More groups spread better and cost more; a cluster that
/// shrinks keeps what it has.
#[must_use]
pub const fn groups_wanted(nodes: usize) -> usize {
    match nodes {
        0..=2 => 8,
        3..=5 => 16,
        6..=9 => 32,
        10..=19 => 64,
        20..=49 => 128,
        _ => 256,
    }
}

/// The next group, where there are fewer than the nodes are worth.
pub(super) fn next(map: &ClusterMap, settings: &Settings) -> Option<Command> {
    let under_way = map.places.iter().filter(|place| place.splitting).count();
    if map.places.len() >= groups_wanted(map.members().count()) || under_way >= settings.splits_max {
        return None;
    }
    let group = map.next_group()?;
    map.may_split_off(group).ok()?;
    let replicas = choose(map, group);
    (!replicas.is_empty()).then_some(Command::Split { group, replicas })
}

impl ClusterMap {
    /// The group that would be the next one.
    fn next_group(&self) -> Option<GroupId> {
        let groups = u16::try_from(self.places.len()).ok().filter(|groups| *groups < GROUPS_MAX)?;
        Some(GroupId(u64::from(groups) + 1))
    }

    fn place_of(&self, group: GroupId) -> Option<&Place> {
        self.places.get(self.index(group)?)
    }

    /// The group that has a slot, as its owner or as the one that will give it away. `None` for no slot of ours, and before
    /// the cluster is founded.
    #[must_use]
    pub fn group_of(&self, slot: u16) -> Option<GroupId> {
        let groups = u16::try_from(self.places.len()).ok().filter(|groups| *groups > 0)?;
        let group = (slot < crate::seal::SLOTS).then(|| group_of(slot, groups))?;
        if self.is_splitting(group) { parent_of(group) } else { Some(group) }
    }

    /// Whether a group does not have yet what it is to have.
    #[must_use]
    pub fn is_splitting(&self, group: GroupId) -> bool {
        self.place_of(group).is_some_and(|place| place.splitting)
    }

    /// Whether a group is there and answers for its slots.
    #[must_use]
    pub fn is_whole(&self, group: GroupId) -> bool {
        self.place_of(group).is_some_and(|place| !place.splitting)
    }

    /// The group that splits off another one.
    #[must_use]
    pub fn splitting_off(&self, parent: GroupId) -> Option<GroupId> {
        let mut splitting = self.groups().filter(|(_, place)| place.splitting).map(|(group, _)| group);
        splitting.find(|group| parent_of(*group) == Some(parent))
    }

    /// How many groups answer for slots. Whenever some slots have another group, it is more.
    #[must_use]
    pub fn groups_whole(&self) -> usize {
        self.places.iter().filter(|place| !place.splitting).count()
    }

    /// Whether a group takes part in a split.
    pub(super) fn is_in_split(&self, group: GroupId) -> bool {
        self.is_splitting(group) || self.splitting_off(group).is_some()
    }

    /// Whether the group that the next one takes its slots from can do that now: it is whole, gives nothing to another,
    /// can commit, and does not move.
    fn may_split_off(&self, group: GroupId) -> Result<(), Refusal> {
        if self.feature_level < LEVEL_MIN {
            return Err(Refusal::FeatureLevel);
        }
        let parent = parent_of(group).ok_or(Refusal::NoGroup)?;
        let place = self.place_of(parent).ok_or(Refusal::NoGroup)?;
        if self.is_in_split(parent) || place.change.is_some() {
            return Err(Refusal::Moving);
        }
        if !self.has_majority(&place.replicas) {
            return Err(Refusal::Majority);
        }
        Ok(())
    }

    pub(super) fn split(&mut self, group: GroupId, replicas: Vec<NodeId>) -> Result<Outcome, Refusal> {
        if self.index(group).is_some() {
            // Whoever proposed it first said who holds it.
            return Ok(Outcome::Unchanged);
        }
        if self.next_group() != Some(group) {
            return Err(Refusal::NoGroup);
        }
        self.may_split_off(group)?;
        self.check_first_replicas(&replicas)?;
        self.places.push(Place { replicas, change: None, splitting: true });
        Ok(Outcome::Changed)
    }

    pub(super) fn finish_split(&mut self, group: GroupId) -> Result<Outcome, Refusal> {
        let index = self.index(group).ok_or(Refusal::NoGroup)?;
        let was_splitting = std::mem::take(&mut self.places[index].splitting);
        Ok(if was_splitting { Outcome::Changed } else { Outcome::Unchanged })
    }

    /// Whether each group that splits off has one that has its slots, and no two have the same.
    pub(super) fn splits_are_sound(&self) -> bool {
        let splitting: Vec<GroupId> =
            self.groups().filter(|(_, place)| place.splitting).map(|(group, _)| group).collect();
        splitting.iter().all(|group| {
            parent_of(*group)
                .is_some_and(|parent| self.is_whole(parent) && self.splitting_off(parent) == Some(*group))
        })
    }
}
