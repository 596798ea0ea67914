//! More groups for more nodes.

use super::*;
use crate::seal::parent_of;

/// A cluster whose nodes know what a split is.
fn of(nodes: usize, groups: u16) -> Cluster {
    let mut cluster = Cluster::found(groups, "z0");
    cluster.wire_max = 2;
    let card = Card { wire: Wire { min: 1, max: 2 }, ..card("z0") };
    cluster.done(Command::Boot { node: NodeId(1), incarnation: Incarnation(2), card });
    for at in 1..nodes {
        cluster.join(&format!("z{}", at % 3));
    }
    cluster.settle();
    cluster
}

#[test]
fn groups_grow_with_the_nodes_and_never_get_fewer() {
    let mut cluster = of(1, 8);
    let mut seen = vec![(1, cluster.map.places.len())];
    for nodes in 2..=51 {
        cluster.join(&format!("z{}", nodes % 3));
        cluster.settle();
        let groups = cluster.map.places.len();
        if seen.last().is_some_and(|(_, before)| *before != groups) {
            seen.push((nodes, groups));
        }
    }
    assert_eq!(seen, [(1, 8), (3, 16), (6, 32), (10, 64), (20, 128), (50, 256)]);
    assert!(cluster.map.places.iter().all(|place| place.replicas.len() == 3));
    for node in 2..=51 {
        cluster.done(Command::Leave { node: NodeId(node) });
    }
    cluster.settle();
    assert_eq!(cluster.map.places.len(), 256);
}

#[test]
fn a_founder_that_expects_more_begins_with_more() {
    assert_eq!(of(3, 64).map.places.len(), 64);
    assert_eq!(of(6, 5).map.places.len(), 32, "any number grows");
}

#[test]
fn the_parent_answers_until_the_split_is_finished() {
    let mut cluster = of(2, 8);
    cluster.join("z2");
    while cluster.splitting().is_empty() {
        let moving: Vec<_> =
            cluster.map.groups().filter_map(|(group, place)| Some((group, place.change?))).collect();
        assert!(cluster.step() || !moving.is_empty(), "a third node must be worth a split");
        moving.into_iter().for_each(|(group, change)| cluster.done(Command::FinishMove { group, change }));
    }
    let (child, parent) = (GroupId(9), GroupId(1));
    assert_eq!(cluster.splitting(), [child]);
    assert_eq!(cluster.map.splitting_off(parent), Some(child));
    assert_eq!((cluster.map.group_of(8), cluster.map.group_of(9)), (Some(parent), Some(GroupId(2))));
    assert_eq!(cluster.map.groups_whole(), 8);
    let replicas = cluster.map.replicas(child).to_vec();
    assert_eq!(replicas.len(), 3, "it begins where it belongs");
    let epoch = cluster.map.epoch;
    cluster.done(Command::Split { group: child, replicas });
    assert_eq!(cluster.map.epoch, epoch, "again is no change");
    cluster.done(Command::FinishSplit { group: child });
    assert_eq!((cluster.map.group_of(8), cluster.map.group_of(0)), (Some(child), Some(parent)));
    let epoch = cluster.map.epoch;
    cluster.done(Command::FinishSplit { group: child });
    assert_eq!(cluster.map.epoch, epoch, "again is no change");
}

#[test]
fn few_split_at_once_and_none_twice() {
    let mut cluster = of(2, 8);
    for _ in 0..8 {
        cluster.join("z1");
    }
    let mut most = 0;
    for _ in 0..10_000 {
        let stepped = cluster.step();
        let splitting = cluster.splitting();
        most = most.max(splitting.len());
        let parents: BTreeSet<_> = splitting.iter().map(|group| parent_of(*group)).collect();
        assert_eq!(parents.len(), splitting.len(), "a group gives one part at a time");
        assert!(
            splitting
                .iter()
                .all(|group| parent_of(*group).is_some_and(|parent| cluster.map.is_whole(parent)))
        );
        if stepped {
            continue;
        }
        let moving: Vec<_> =
            cluster.map.groups().filter_map(|(group, place)| Some((group, place.change?))).collect();
        for (group, change) in moving {
            cluster.done(Command::FinishMove { group, change });
        }
        // The last one first: in which order they are done is not the plan's to say.
        if let Some(group) = splitting.last() {
            cluster.done(Command::FinishSplit { group: *group });
        }
    }
    assert_eq!((most, cluster.map.places.len(), cluster.splitting().len()), (4, 64, 0));
}

#[test]
fn an_old_node_meets_no_split() {
    let mut cluster = of(2, 8);
    cluster.wire_max = 1;
    cluster.map.feature_level = 1;
    let old = cluster.join("z2");
    cluster.settle();
    assert_eq!(cluster.map.places.len(), 8);
    let split = Command::Split { group: GroupId(9), replicas: vec![NodeId(1)] };
    assert_eq!(cluster.apply(split), Reply::Refused(Refusal::FeatureLevel));
    let card = Card { wire: Wire { min: 1, max: 2 }, ..card("z2") };
    cluster.done(Command::Boot { node: old, incarnation: Incarnation(2), card });
    cluster.settle();
    assert_eq!((cluster.map.feature_level, cluster.map.places.len()), (2, 16));
}

#[test]
fn a_parent_that_moves_or_cannot_commit_does_not_split() {
    let mut cluster = of(4, 8);
    assert_eq!(cluster.map.places.len(), 16);
    let split = |group| Command::Split { group: GroupId(group), replicas: vec![NodeId(1)] };
    assert_eq!(cluster.apply(split(18)), Reply::Refused(Refusal::NoGroup), "one after the other");
    let replicas = cluster.map.replicas(GroupId(1)).to_vec();
    let spare = (1..=4).map(NodeId).find(|node| !replicas.contains(node));
    let change = Move { add: spare, remove: Some(replicas[0]) };
    cluster.done(Command::StartMove { group: GroupId(1), change });
    assert_eq!(cluster.apply(split(17)), Reply::Refused(Refusal::Moving));
    cluster.abort(GroupId(1), change);
    for node in &replicas[1..] {
        cluster.down(*node);
    }
    assert_eq!(cluster.apply(split(17)), Reply::Refused(Refusal::Majority));
    assert_eq!(cluster.apply(split(1)), Reply::Done(cluster.map.epoch), "it is there");
}
