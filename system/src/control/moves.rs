//! Commands that change who holds a group. The map never has two changes of one group under way, and never agrees to one
//! after which less than a majority of the replicas would run.

use std::collections::BTreeSet;

use super::apply::Outcome;
use super::command::Refusal;
use super::map::{ClusterMap, Move, NodeState, REPLICAS};
use crate::ids::{GroupId, NodeId};

type Answer = Result<Outcome, Refusal>;

impl ClusterMap {
    pub(super) fn place(&mut self, places: Vec<(GroupId, Vec<NodeId>)>) -> Answer {
        let mut checked = Vec::with_capacity(places.len());
        let mut groups = BTreeSet::new();
        for (group, replicas) in places {
            let index = self.index(group).ok_or(Refusal::NoGroup)?;
            self.check_first_replicas(&replicas)?;
            if !groups.insert(group) {
                return Err(Refusal::BadSet);
            }
            if self.places[index].replicas == replicas {
                continue;
            }
            if !self.places[index].replicas.is_empty() {
                return Err(Refusal::Placed);
            }
            checked.push((index, replicas));
        }
        if checked.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        for (index, replicas) in checked {
            self.places[index].replicas = replicas;
        }
        Ok(Outcome::Changed)
    }

    /// Whether these may be the first replicas of a group.
    pub(super) fn check_first_replicas(&self, replicas: &[NodeId]) -> Result<(), Refusal> {
        let distinct: BTreeSet<_> = replicas.iter().copied().collect();
        let fit = distinct.iter().all(|node| self.state(*node) == NodeState::Up);
        let sized = distinct.len() == replicas.len() && (1..=REPLICAS).contains(&replicas.len());
        if fit && sized { Ok(()) } else { Err(Refusal::BadSet) }
    }

    pub(super) fn start_move(&mut self, group: GroupId, change: Move) -> Answer {
        let index = self.index(group).ok_or(Refusal::NoGroup)?;
        let place = &self.places[index];
        match place.change {
            Some(under_way) if under_way == change => return Ok(Outcome::Unchanged),
            Some(_) => return Err(Refusal::Moving),
            None => {}
        }
        let result = change.result(&place.replicas);
        let adds = |node: NodeId| self.state(node) == NodeState::Up && !place.replicas.contains(&node);
        let fit = change != Move { add: None, remove: None }
            && !place.replicas.is_empty()
            && change.add.is_none_or(adds)
            && change.remove.is_none_or(|node| place.replicas.contains(&node))
            && (1..=REPLICAS).contains(&result.len());
        if !fit {
            return Err(Refusal::BadSet);
        }
        if !self.has_majority(&result) {
            return Err(Refusal::Majority);
        }
        self.places[index].change = Some(change);
        Ok(Outcome::Changed)
    }

    /// The group has agreed to it already, so the map follows whatever became of the nodes since.
    pub(super) fn finish_move(&mut self, group: GroupId, change: Move) -> Answer {
        let index = self.index(group).ok_or(Refusal::NoGroup)?;
        let place = &mut self.places[index];
        if place.change != Some(change) {
            return Err(Refusal::NotMoving);
        }
        place.replicas = change.result(&place.replicas);
        place.change = None;
        Ok(Outcome::Changed)
    }

    pub(super) fn abort_move(&mut self, group: GroupId, change: Move) -> Answer {
        let index = self.index(group).ok_or(Refusal::NoGroup)?;
        let place = &mut self.places[index];
        if place.change != Some(change) {
            return Err(Refusal::NotMoving);
        }
        // The group may have taken the node in already, or may be about to. So it is told to let go of it, and only once it has
        // is the move over: a voter that the map does not know of would be missed at the next vote.
        place.change = change.add.map(|added| Move { add: None, remove: Some(added) });
        Ok(Outcome::Changed)
    }
}
