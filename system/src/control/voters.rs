//! Who votes in the control group: few, odd, spread over zones, and changed as little as can be.

use std::collections::{BTreeMap, BTreeSet};

use super::command::Command;
use super::map::{ClusterMap, NodeState, VOTERS_MAX};
use super::plan::Settings;
use crate::ids::NodeId;

/// How many voters a cluster of so many nodes has. Two nodes have one: with two, the loss of either would stop both.
pub(super) const fn wanted(nodes: usize) -> usize {
    match nodes {
        0..=2 => 1,
        3..=9 => 3,
        _ => VOTERS_MAX,
    }
}

/// Another set of voters, where the present one is not as it should be.
pub(super) fn next(map: &ClusterMap, now_ms: u64, settings: &Settings) -> Option<Command> {
    let is_gone = |id: &NodeId| map.state(*id).is_gone(now_ms, settings.replace_after_ms);
    let mut voters: BTreeSet<NodeId> =
        map.voters.iter().copied().filter(|id| !map.state(*id).has_left()).collect();
    let mut spare: BTreeSet<NodeId> = map
        .nodes
        .iter()
        .filter(|(id, node)| node.state == NodeState::Up && !voters.contains(id))
        .map(|(id, _)| *id)
        .collect();
    let wanted = wanted(map.members().count());

    while voters.len() > wanted {
        let worst = worst(map, &voters)?;
        voters.remove(&worst);
    }
    let lost: Vec<NodeId> = voters.iter().copied().filter(is_gone).collect();
    for lost in lost {
        // One that is lost keeps its vote until there is another to take it: fewer voters would not be safer.
        voters.remove(&lost);
        let taken = best(map, &voters, &spare).unwrap_or(lost);
        spare.remove(&taken);
        voters.insert(taken);
    }
    let mut grown = voters.clone();
    while grown.len() < wanted {
        let Some(best) = best(map, &grown, &spare) else { break };
        spare.remove(&best);
        grown.insert(best);
        // An even number of voters can lose no more of them than one fewer could.
        if grown.len() % 2 == 1 || grown.len() == wanted {
            voters.clone_from(&grown);
        }
    }
    if voters == map.voters {
        voters = spread(map, voters, &spare);
    }
    let changed = voters != map.voters && map.has_majority(&voters);
    changed.then(|| Command::SetVoters { voters: voters.into_iter().collect() })
}

fn zone(map: &ClusterMap, id: NodeId) -> &str {
    map.nodes.get(&id).map_or("", |node| &node.card.zone)
}

fn crowd(map: &ClusterMap, voters: &BTreeSet<NodeId>, id: NodeId) -> usize {
    voters.iter().filter(|voter| zone(map, **voter) == zone(map, id)).count()
}

/// The node to take as a voter: from the zone with the fewest, then the oldest.
fn best(map: &ClusterMap, voters: &BTreeSet<NodeId>, spare: &BTreeSet<NodeId>) -> Option<NodeId> {
    spare.iter().copied().min_by_key(|id| (crowd(map, voters, *id), *id))
}

/// The voter to let go: one that does not run, then from the zone with the most, then the youngest.
fn worst(map: &ClusterMap, voters: &BTreeSet<NodeId>) -> Option<NodeId> {
    let badness = |id: &NodeId| (!map.state(*id).is_running(), crowd(map, voters, *id), *id);
    voters.iter().copied().max_by_key(badness)
}

/// One voter exchanged for one of an emptier zone, where that makes them more even.
fn spread(map: &ClusterMap, mut voters: BTreeSet<NodeId>, spare: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let mut crowds = BTreeMap::new();
    for voter in &voters {
        crowds.insert((crowd(map, &voters, *voter), *voter), *voter);
    }
    let fullest = crowds.last_key_value().map(|((crowd, _), voter)| (*crowd, *voter));
    if let (Some((full, out)), Some(taken)) = (fullest, best(map, &voters, spare))
        && full >= crowd(map, &voters, taken) + 2
    {
        voters.remove(&out);
        voters.insert(taken);
    }
    voters
}
