//! Who holds what, as nodes come, restart, drain, are lost and leave.

use super::*;

fn places(cluster: &Cluster) -> Vec<Vec<NodeId>> {
    cluster.map.places.iter().map(|place| place.replicas.clone()).collect()
}

#[test]
fn groups_grow_with_the_cluster_to_three_replicas_in_three_zones() {
    for nodes in 1..=6 {
        let cluster = Cluster::of(nodes, 3, 16);
        for place in &cluster.map.places {
            assert_eq!(place.replicas.len(), nodes.min(3));
            assert_eq!(cluster.zones(&place.replicas).len(), nodes.min(3));
        }
    }
}

#[test]
fn a_rolling_restart_moves_nothing() {
    let mut cluster = Cluster::of(9, 3, 32);
    let (before, voters) = (places(&cluster), cluster.map.voters.clone());
    cluster.moves = 0;
    for node in 1..=9 {
        let node = NodeId(node);
        cluster.map.safe_to_stop(node, &BTreeSet::new()).expect("all others are up");
        cluster.done(Command::Drain { node });
        cluster.settle();
        cluster.down(node);
        for _ in 0..59 {
            cluster.now_ms += 1_000;
            cluster.settle();
        }
        cluster.boot(node);
        cluster.settle();
    }
    assert_eq!((cluster.moves, places(&cluster), cluster.map.voters), (0, before, voters));
}

#[test]
fn a_node_that_is_lost_for_good_is_replaced_and_only_its_replicas_move() {
    let mut cluster = Cluster::of(9, 3, 32);
    let (before, lost) = (places(&cluster), NodeId(4));
    let held = cluster.held_by(lost);
    cluster.moves = 0;
    cluster.down(lost);
    cluster.now_ms += 60_000;
    cluster.settle();
    assert!(held > 0);
    assert_eq!((cluster.held_by(lost), cluster.moves), (0, held));
    for (before, place) in before.iter().zip(&cluster.map.places) {
        assert_eq!(place.replicas.len(), 3);
        let kept = before.iter().filter(|id| place.replicas.contains(id)).count();
        assert_eq!(kept, if before.contains(&lost) { 2 } else { 3 });
    }
    cluster.boot(lost);
    cluster.settle();
    assert_eq!(cluster.held_by(lost), held, "it gets back what it had");
}

#[test]
fn one_lost_node_of_three_keeps_its_place() {
    let mut cluster = Cluster::of(3, 1, 8);
    let before = places(&cluster);
    cluster.down(NodeId(2));
    cluster.now_ms += 3_600_000;
    cluster.settle();
    assert_eq!(places(&cluster), before, "there is nobody to take it");
}

#[test]
fn a_node_that_leaves_is_free_once_its_replicas_have_moved() {
    let mut cluster = Cluster::of(2, 1, 8);
    cluster.done(Command::Leave { node: NodeId(1) });
    assert!(!cluster.map.is_free(NodeId(1)));
    assert!(cluster.map.address(NodeId(1)).is_some(), "until it has gone the others need it");
    cluster.settle();
    assert!(cluster.map.is_free(NodeId(1)));
    assert!(!cluster.map.is_executor_gone(NodeId(1), LIFE), "it finishes what it began");
    cluster.down(NodeId(1));
    assert_eq!(cluster.map.address(NodeId(1)), None);
    assert!(cluster.map.is_executor_gone(NodeId(1), LIFE));
    assert_eq!(cluster.map.voters, BTreeSet::from([NodeId(2)]));
    assert!(cluster.map.places.iter().all(|place| place.replicas == [NodeId(2)]));
    assert_eq!(cluster.apply(Command::Leave { node: NodeId(2) }), Reply::Refused(Refusal::LastNode));
}

#[test]
fn of_two_that_left_the_one_that_has_ended_goes_first_and_then_the_other_may() {
    let mut cluster = Cluster::of(4, 1, 16);
    // The third node is given nothing, so the fourth is all that stays of a group of the other three.
    cluster.done(Command::Drain { node: NodeId(3) });
    cluster.done(Command::Leave { node: NodeId(2) });
    cluster.down(NodeId(1));
    cluster.done(Command::Leave { node: NodeId(1) });
    cluster.settle();
    let alone = cluster.map.places.iter().filter(|place| place.replicas == [NodeId(4)]).count();
    assert!(alone > 0, "{:?}", cluster.map.places);
    assert!(cluster.map.is_free(NodeId(1)) && cluster.map.is_free(NodeId(2)), "{:?}", cluster.map.places);
}

#[test]
fn a_group_without_a_majority_is_left_alone_and_holds_up_no_other() {
    let mut cluster = Cluster::of(9, 3, 64);
    cluster.settings.moves_max = 1;
    let stuck = cluster.map.places[0].replicas.clone();
    cluster.down(stuck[0]);
    cluster.down(stuck[1]);
    cluster.now_ms += 60_000;
    cluster.settle();
    let lost = [stuck[0], stuck[1]];
    assert_eq!(cluster.map.places[0].replicas, stuck);
    for place in &cluster.map.places {
        let missing = place.replicas.iter().filter(|id| lost.contains(id)).count();
        assert!(missing != 1, "a group that can move must have moved: {place:?}");
    }
    cluster.boot(stuck[0]);
    cluster.settle();
    assert!(!cluster.map.places[0].replicas.contains(&stuck[1]));
}

#[test]
fn a_move_to_a_node_that_is_lost_is_given_up() {
    let mut cluster = Cluster::of(4, 1, 16);
    let new = cluster.join("z0");
    while !cluster.map.places.iter().any(|place| place.change.is_some()) {
        assert!(cluster.step(), "a new node must be given something");
    }
    cluster.down(new);
    cluster.now_ms += 60_000;
    let before = places(&cluster);
    for _ in 0..100 {
        cluster.step();
    }
    let undoing = Move { add: None, remove: Some(new) };
    assert!(cluster.map.places.iter().all(|place| place.change.is_none_or(|change| change == undoing)));
    assert_eq!(places(&cluster), before);
    cluster.settle();
    assert!(cluster.map.places.iter().all(|place| place.change.is_none()));
    assert_eq!(places(&cluster), before);
}

#[test]
fn no_more_moves_are_under_way_than_allowed() {
    let mut cluster = Cluster::of(4, 1, 64);
    cluster.settings.moves_max = 5;
    cluster.join("z0");
    while cluster.step() {}
    assert_eq!(cluster.map.places.iter().filter(|place| place.change.is_some()).count(), 5);
}

#[test]
fn a_finish_that_comes_late_does_not_end_another_move() {
    let mut cluster = Cluster::of(4, 1, 1);
    let group = GroupId(1);
    let replicas = cluster.map.replicas(group).to_vec();
    let spare = (1..=4).map(NodeId).find(|id| !replicas.contains(id));
    let change = |at: usize| Move { add: spare, remove: Some(replicas[at]) };
    cluster.done(Command::StartMove { group, change: change(0) });
    assert_eq!(
        cluster.apply(Command::StartMove { group, change: change(1) }),
        Reply::Refused(Refusal::Moving)
    );
    cluster.abort(group, change(0));
    cluster.done(Command::StartMove { group, change: change(1) });
    let late = cluster.apply(Command::FinishMove { group, change: change(0) });
    assert_eq!(late, Reply::Refused(Refusal::NotMoving));
}

#[test]
fn a_node_does_not_stop_where_its_groups_would() {
    let mut cluster = Cluster::of(3, 1, 4);
    let nothing = BTreeSet::new();
    assert_eq!(cluster.map.safe_to_stop(NodeId(1), &nothing), Ok(()));
    let lagging = BTreeSet::from([(GroupId(3), NodeId(2))]);
    let refused = Unsafe::Majority { group: GroupId(3), left: 1, replicas: 3 };
    assert_eq!(cluster.map.safe_to_stop(NodeId(1), &lagging), Err(refused));
    cluster.done(Command::Drain { node: NodeId(3) });
    let refused = Unsafe::Majority { group: GroupId(0), left: 1, replicas: 3 };
    assert_eq!(cluster.map.safe_to_stop(NodeId(1), &nothing), Err(refused), "another drains already");
    assert_eq!(cluster.map.safe_to_stop(NodeId(3), &nothing), Ok(()));
    cluster.done(Command::Undrain { node: NodeId(3) });
    cluster.down(NodeId(2));
    assert!(cluster.map.safe_to_stop(NodeId(1), &nothing).is_err());
    assert_eq!(cluster.map.safe_to_stop(NodeId(2), &nothing), Err(Unsafe::NotUp));
}

#[test]
fn a_hundred_nodes_share_evenly_and_one_more_takes_its_share() {
    let mut cluster = Cluster::found(256, "z0");
    cluster.settings.place_at_nodes = 100;
    for at in 1..100 {
        cluster.join(&format!("z{}", at % 5));
    }
    cluster.settle();
    assert_eq!(cluster.moves, 0, "all groups begin where they belong");
    let held: Vec<usize> = (1..=100).map(|id| cluster.held_by(NodeId(id))).collect();
    let (least, most) = (held.iter().min(), held.iter().max());
    println!(
        "768 replicas on 100 nodes: {least:?} to {most:?} each; snapshot {} bytes",
        cluster.map.encode().len()
    );
    assert!(most.is_some_and(|most| *most <= 20), "{held:?}");
    let before = places(&cluster);
    let new = cluster.join("z0");
    cluster.settle();
    println!("{} moves for the 101st node, which holds {}", cluster.moves, cluster.held_by(new));
    assert!((1..=20).contains(&cluster.held_by(new)));
    assert_eq!(cluster.moves, cluster.held_by(new), "nothing moves but to the new node");
    let stayed =
        before.iter().zip(&cluster.map.places).filter(|(old, place)| **old == place.replicas).count();
    assert!(stayed >= 236);
}

#[test]
fn a_heavier_node_holds_more() {
    let mut cluster = Cluster::found(256, "z0");
    cluster.settings.place_at_nodes = 20;
    for at in 2..=20_u128 {
        let card = Card { weight: if at == 20 { 300 } else { 100 }, ..card("z0") };
        cluster.apply(Command::Join { card, incarnation: LIFE, nonce: at });
    }
    cluster.settle();
    let (heavy, light) = (cluster.held_by(NodeId(20)), cluster.held_by(NodeId(2)));
    assert!(heavy * 2 > light * 3, "{heavy} to {light}");
}

#[test]
fn placing_256_groups_on_100_nodes_takes_little_time() {
    let mut cluster = Cluster::found(256, "z0");
    cluster.settings.place_at_nodes = 100;
    for at in 1..100 {
        cluster.join(&format!("z{}", at % 5));
    }
    while !matches!(cluster.plan(), Some(Command::Place { .. })) {
        cluster.step();
    }
    #[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
    let now = std::time::Instant::now;
    let began = now();
    cluster.step();
    let placed = now().duration_since(began);
    cluster.settle();
    let began = now();
    assert_eq!(cluster.plan(), None);
    println!("placed in {placed:?}; nothing to do in {:?}", now().duration_since(began));
    assert!(placed.as_millis() < 50, "{placed:?}");
}
