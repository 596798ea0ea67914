//! Nodes that join, boot, are lost and leave; voters; lists; bytes.

use super::*;

#[test]
fn a_cluster_of_one_holds_every_group_itself() {
    let cluster = Cluster::of(1, 1, 8);
    assert!(cluster.map.places.iter().all(|place| place.replicas == [NodeId(1)]));
    assert_eq!(cluster.map.voters, BTreeSet::from([NodeId(1)]));
    assert_eq!(cluster.map.group_of(0), Some(GroupId(1)));
    assert_eq!(cluster.map.group_of(15), Some(GroupId(8)));
    assert_eq!(cluster.map.group_of(4096), None);
}

#[test]
fn nothing_but_founding_goes_before_founding() {
    let mut map = ClusterMap::default();
    let reply = map.apply(Stamped { at_ms: 5, command: Command::Drain { node: NodeId(1) } });
    assert_eq!(reply, Reply::Refused(Refusal::NotFounded));
    assert_eq!(map.epoch(), Epoch(0));
    assert_eq!(map.group_of(0), None);
}

#[test]
fn a_join_that_is_asked_again_gets_the_same_id() {
    let mut cluster = Cluster::found(1, "a");
    let join = |nonce| Command::Join { card: card("a"), incarnation: LIFE, nonce };
    assert_eq!(cluster.apply(join(5)), Reply::Joined(NodeId(2), Epoch(2)));
    assert_eq!(cluster.apply(join(5)), Reply::Joined(NodeId(2), Epoch(2)));
    assert_eq!(cluster.apply(join(6)), Reply::Joined(NodeId(3), Epoch(3)));
    cluster.done(Command::Leave { node: NodeId(3) });
    assert_eq!(cluster.apply(join(6)), Reply::Refused(Refusal::HasLeft));
    assert_eq!(cluster.apply(join(7)), Reply::Joined(NodeId(4), Epoch(5)), "an id is never used again");
}

#[test]
fn a_boot_is_refused_to_an_older_life_and_to_a_node_that_left() {
    let mut cluster = Cluster::of(3, 1, 1);
    let boot =
        |node, life| Command::Boot { node: NodeId(node), incarnation: Incarnation(life), card: card("z0") };
    cluster.done(boot(2, 5));
    assert_eq!(cluster.apply(boot(2, 4)), Reply::Refused(Refusal::OldIncarnation { newest: Incarnation(5) }));
    let epoch = cluster.map.epoch;
    assert_eq!(cluster.apply(boot(2, 5)), Reply::Done(epoch), "asked again, it is so already");
    cluster.done(Command::Leave { node: NodeId(2) });
    assert_eq!(cluster.apply(boot(2, 6)), Reply::Refused(Refusal::HasLeft));
    assert_eq!(cluster.apply(boot(77, 6)), Reply::Refused(Refusal::NoNode));
}

#[test]
fn news_of_an_old_life_does_not_touch_the_new_one() {
    let mut cluster = Cluster::of(3, 1, 1);
    cluster.boot(NodeId(2));
    let old = cluster.apply(Command::Down { node: NodeId(2), incarnation: LIFE });
    assert_eq!(old, Reply::Refused(Refusal::OldIncarnation { newest: Incarnation(2) }));
    assert!(cluster.map.live(NodeId(2), Incarnation(2)));
    assert!(!cluster.map.live(NodeId(2), LIFE));
    assert!(cluster.map.is_executor_gone(NodeId(2), LIFE));
    assert!(!cluster.map.is_executor_gone(NodeId(2), Incarnation(2)));
    assert!(!cluster.map.is_executor_gone(NodeId(2), Incarnation(3)), "a life to come is not over");
    cluster.down(NodeId(2));
    assert!(cluster.map.is_executor_gone(NodeId(2), Incarnation(2)));
    assert!(!cluster.map.is_executor_gone(NodeId(2), Incarnation(3)));
    cluster.done(Command::Up { node: NodeId(2), incarnation: Incarnation(2) });
    assert!(cluster.map.live(NodeId(2), Incarnation(2)));
    assert!(!cluster.map.is_executor_gone(NodeId(99), LIFE), "a node to come is not gone");
}

#[test]
fn a_node_of_another_version_is_turned_away_and_the_level_rises_with_the_last() {
    let mut cluster = Cluster::of(2, 1, 1);
    let with = |min, max| Card { wire: Wire { min, max }, ..card("z0") };
    let refused = Reply::Refused(Refusal::Wire { level: 1 });
    let join = |card| Command::Join { card, incarnation: LIFE, nonce: 50 };
    assert_eq!(cluster.apply(join(with(0, 0))), refused);
    assert_eq!(cluster.apply(join(with(2, 2))), refused);
    let boot =
        |node, life| Command::Boot { node: NodeId(node), incarnation: Incarnation(life), card: with(1, 2) };
    cluster.done(boot(1, 2));
    cluster.settle();
    assert_eq!(cluster.map.feature_level(), 1, "one node is still old");
    cluster.done(boot(2, 2));
    cluster.settle();
    assert_eq!(cluster.map.feature_level(), 2);
    let back =
        cluster.apply(Command::Boot { node: NodeId(2), incarnation: Incarnation(3), card: with(1, 1) });
    assert_eq!(back, Reply::Refused(Refusal::Wire { level: 2 }));
    assert_eq!(cluster.apply(Command::RaiseFeatureLevel { level: 3 }), Reply::Refused(Refusal::FeatureLevel));
    assert_eq!(cluster.apply(Command::RaiseFeatureLevel { level: 1 }), Reply::Refused(Refusal::FeatureLevel));
}

#[test]
fn voters_are_one_then_three_then_five_over_the_zones() {
    for (nodes, voters) in [(1, 1), (2, 1), (3, 3), (9, 3), (10, 5), (30, 5)] {
        let cluster = Cluster::of(nodes, 3, 1);
        assert_eq!(cluster.map.voters.len(), voters, "{nodes} nodes");
        let voters: Vec<_> = cluster.map.voters.iter().copied().collect();
        assert_eq!(cluster.zones(&voters).len(), voters.len().min(3));
    }
    let mut cluster = Cluster::of(3, 1, 1);
    assert_eq!(cluster.zones(&[NodeId(1), NodeId(2), NodeId(3)]).len(), 1);
    let other = cluster.join("elsewhere");
    cluster.settle();
    assert!(cluster.map.voters.contains(&other), "a zone without a voter gets one");
}

#[test]
fn a_voter_is_replaced_only_when_it_is_lost_for_long_and_there_is_another() {
    let mut cluster = Cluster::of(4, 1, 1);
    let before = cluster.map.voters.clone();
    let lost = *before.first().expect("there must be a voter");
    cluster.down(lost);
    cluster.now_ms += 59_999;
    cluster.settle();
    assert_eq!(cluster.map.voters, before);
    cluster.now_ms += 1;
    cluster.settle();
    assert!(!cluster.map.voters.contains(&lost));
    assert_eq!(cluster.map.voters.intersection(&before).count(), 2, "the others stay");

    let mut three = Cluster::of(3, 1, 1);
    three.down(NodeId(3));
    three.now_ms += 600_000;
    three.settle();
    assert_eq!(three.map.voters.len(), 3, "nobody can take its vote");
}

#[test]
fn a_change_of_lists_counts_once() {
    let mut cluster = Cluster::found(1, "a");
    let tools = Lists { tools: true, ..Lists::default() };
    cluster.done(Command::ListsChanged { lists: tools, id: 1 });
    cluster.done(Command::ListsChanged { lists: tools, id: 1 });
    cluster.done(Command::ListsChanged { lists: Lists { prompts: true, ..tools }, id: 2 });
    assert_eq!(cluster.map.lists(), ListVersions { tools: 2, prompts: 1, resources: 0 });
}

#[test]
fn foreign_bytes_are_refused_and_never_panic() {
    let mut cluster = Cluster::of(3, 2, 4);
    cluster.done(Command::AddKey { key: Fresh([3; 32]) });
    let bytes = cluster.map.encode();
    assert_eq!(ClusterMap::decode(&bytes), Ok(cluster.map.clone()));
    assert_eq!(ClusterMap::decode(&[]), Err(Undecodable::Empty));
    assert_eq!(ClusterMap::decode(&[9]), Err(Undecodable::Version(9)));
    for at in 0..bytes.len() {
        let _ = ClusterMap::decode(&bytes[..at]).expect_err("half a map must be refused");
        for bit in 0..8 {
            let mut torn = bytes.clone();
            torn[at] ^= 1 << bit;
            if let Ok(map) = ClusterMap::decode(&torn) {
                let _ = (map.group_of(4095), map.safe_to_stop(NodeId(1), &BTreeSet::new()));
            }
        }
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(ClusterMap::decode(&longer), Err(Undecodable::Malformed));
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?}", Command::AddKey { key: Fresh([0x5a; 32]) });
    assert!(!shown.contains("90") && !shown.contains("5a"), "{shown}");
    assert!(!format!("{:?}", Cluster::found(1, "a").map).contains("1, 1, 1"));
}
