//! Who should hold a group: weighted rendezvous hashing over its number and the nodes, different zones first.
//!
//! What comes out is a proposal for the log, never something that two nodes compute and compare: the hash weighs with
//! floating point numbers, and nodes may see different maps. A node that is not chosen changes no choice by coming or
//! going, which is why adding one node moves about one n-th of the replicas and a restart moves none.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use hrw_hash::{HrwNode, HrwNodes};

use super::command::Command;
use super::map::{ClusterMap, Move, NodeState, Place, REPLICAS};
use super::plan::Settings;
use crate::ids::{GroupId, NodeId};

/// A node under the hash: its id decides where it stands, its weight how often it stands first.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Candidate {
    id: NodeId,
    weight: u16,
}

impl Hash for Candidate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl HrwNode for Candidate {
    fn capacity(&self) -> usize {
        usize::from(self.weight)
    }
}

/// The nodes of a map, ready to be ranked for any group.
struct Ranking<'a> {
    map: &'a ClusterMap,
    nodes: HrwNodes<Candidate>,
}

impl<'a> Ranking<'a> {
    fn of(map: &'a ClusterMap) -> Self {
        let candidates = map.members().map(|(id, node)| Candidate { id, weight: node.card.weight });
        Self { map, nodes: HrwNodes::new(candidates) }
    }

    /// The nodes that should hold a group, of those that are fit to: best first, from as many zones as there are, at
    /// most [`REPLICAS`].
    fn choose(&self, group: GroupId, fit: impl Fn(NodeId) -> bool) -> Vec<NodeId> {
        let ranked: Vec<NodeId> =
            self.nodes.sorted(&group).map(|candidate| candidate.id).filter(|id| fit(*id)).collect();
        let zone = |id: &NodeId| self.map.nodes.get(id).map(|node| node.card.zone.as_str());
        let mut zones = BTreeSet::new();
        let (mut chosen, mut rest) = (Vec::with_capacity(REPLICAS), Vec::new());
        for id in ranked {
            if chosen.len() < REPLICAS && zones.insert(zone(&id)) {
                chosen.push(id);
            } else {
                rest.push(id);
            }
        }
        chosen.extend(rest.into_iter().take(REPLICAS - chosen.len()));
        chosen
    }
}

/// First replicas for all groups that have none, once there are as many nodes as the cluster is to begin with.
pub(super) fn initial(map: &ClusterMap, settings: &Settings) -> Option<Command> {
    let is_up = |id| map.state(id) == NodeState::Up;
    let up = map.nodes.keys().filter(|id| is_up(**id)).count();
    if map.places.iter().all(|place| !place.replicas.is_empty()) || up < settings.place_at_nodes.max(1) {
        return None;
    }
    let ranking = Ranking::of(map);
    let unplaced = map.groups().filter(|(_, place)| place.replicas.is_empty());
    let places = unplaced.map(|(group, _)| (group, ranking.choose(group, is_up))).collect();
    Some(Command::Place { places })
}

/// First replicas for a group that comes later.
pub(super) fn choose(map: &ClusterMap, group: GroupId) -> Vec<NodeId> {
    Ranking::of(map).choose(group, |id| map.state(id) == NodeState::Up)
}

/// The next change of a group's replicas: an end to a move that cannot succeed, then the repair of a group that lacks a
/// replica, then a step towards where rendezvous wants it.
pub(super) fn next_move(map: &ClusterMap, now_ms: u64, settings: &Settings) -> Option<Command> {
    let is_gone = |id| map.state(id).is_gone(now_ms, settings.replace_after_ms);
    let mut under_way = 0;
    for (group, place) in map.groups() {
        let Some(change) = place.change else { continue };
        if change.add.is_some_and(is_gone) {
            return Some(Command::AbortMove { group, change });
        }
        // A group without a majority cannot finish its move; it must not stand in the way of those that can.
        under_way += usize::from(map.has_majority(&place.replicas));
    }
    if under_way >= settings.moves_max {
        return None;
    }
    let wanted = map.nodes.keys().filter(|id| !is_gone(**id)).count().min(REPLICAS);
    let lacks = |place: &Place| place.replicas.len() < wanted || place.replicas.iter().any(|id| is_gone(*id));
    let movable = |place: &Place| place.change.is_none() && map.has_majority(&place.replicas);
    let ranking = Ranking::of(map);
    let step = |(group, place): (GroupId, &Place)| {
        let change = step(&ranking, group, &place.replicas, &is_gone)?;
        Some(Command::StartMove { group, change })
    };
    let mut repairs = map.groups().filter(|(_, place)| movable(place) && lacks(place));
    // What is being split stays where it is, if it can: it is read and handed over as it stands.
    let mut others =
        map.groups().filter(|(group, place)| movable(place) && !lacks(place) && !map.is_in_split(*group));
    repairs.find_map(step).or_else(|| others.find_map(step))
}

/// One step of a group towards the replicas that it should have.
fn step(
    ranking: &Ranking<'_>,
    group: GroupId,
    replicas: &[NodeId],
    is_gone: &impl Fn(NodeId) -> bool,
) -> Option<Move> {
    let map = ranking.map;
    // Only a node that is up is given anything; one that drains or restarts keeps what it has.
    let fit = |id| map.state(id) == NodeState::Up || (replicas.contains(&id) && !is_gone(id));
    let target = ranking.choose(group, fit);
    let extra = replicas.iter().copied().filter(|id| !target.contains(id));
    // Who left goes first, then who is lost, then who was added last. Of two that left, one that has ended goes before one
    // that still votes: without that vote the group might not have the majority to let go of the other.
    let worst =
        extra.rev().max_by_key(|id| (map.state(*id).has_left(), is_gone(*id), map.state(*id).has_ended()));
    let add = target.iter().copied().find(|id| !replicas.contains(id));
    let remove = match add {
        Some(_) => worst.filter(|id| is_gone(*id) || replicas.len() >= REPLICAS),
        // Without a replacement a lost node keeps its place: it may yet come back, and votes against nobody.
        None => worst.filter(|id| map.state(*id).has_left()),
    };
    let change = Move { add, remove };
    let is_move = add.is_some() || remove.is_some();
    (is_move && map.has_majority(&change.result(replicas))).then_some(change)
}
