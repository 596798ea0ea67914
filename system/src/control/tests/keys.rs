//! The rotation of keys, over months of virtual time.

use super::*;

const DAY_MS: u64 = 24 * 3_600_000;

#[test]
fn a_key_seals_only_once_every_node_that_is_up_has_it() {
    let mut cluster = Cluster::of(3, 1, 1);
    cluster.now_ms += 7 * DAY_MS;
    assert!(matches!(cluster.plan(), Some(Command::AddKey { .. })));
    cluster.step();
    let epoch = cluster.map.epoch;
    let mut seen: BTreeMap<NodeId, Epoch> = (1..=3).map(|id| (NodeId(id), epoch)).collect();
    seen.insert(NodeId(3), Epoch(epoch.0 - 1));
    let ask = |cluster: &Cluster, seen: &BTreeMap<_, _>| {
        let facts = Facts { now_ms: cluster.now_ms, seen };
        plan(&cluster.map, facts, &cluster.settings, &mut Entropy::from_seed([0; 32]))
    };
    assert_eq!(ask(&cluster, &seen), None);
    seen.remove(&NodeId(3));
    assert_eq!(ask(&cluster, &seen), None, "a node of which nothing is known may not have it");
    cluster.down(NodeId(3));
    assert_eq!(
        ask(&cluster, &seen),
        Some(Command::MakeCurrent { key: 2 }),
        "one that is down reads the map first"
    );
}

#[test]
fn keys_go_round_for_a_year_and_old_ones_open_for_long_enough() {
    let mut cluster = Cluster::of(3, 1, 1);
    let mut last_current = BTreeMap::new();
    for day in 0..365 {
        cluster.now_ms += DAY_MS;
        cluster.settle();
        let keys = cluster.map.keys().expect("a founded cluster must have keys");
        last_current.insert(keys.current(), day);
        let ids: Vec<u8> = keys.ring().ids().collect();
        for (id, last) in &last_current {
            assert!(day - last > 29 || ids.contains(id), "key {id} is gone after {} days", day - last);
        }
        assert!(ids.len() <= 6, "{ids:?}");
    }
    assert!(last_current.len() >= 50, "a key seals for a week");
}

#[test]
fn the_current_key_is_not_retired_and_an_unknown_one_does_not_seal() {
    let mut cluster = Cluster::found(1, "a");
    assert_eq!(cluster.apply(Command::RetireKey { key: 1 }), Reply::Refused(Refusal::NoKey));
    assert_eq!(cluster.apply(Command::MakeCurrent { key: 2 }), Reply::Refused(Refusal::NoKey));
    cluster.done(Command::AddKey { key: Fresh([2; 32]) });
    assert_eq!(cluster.apply(Command::AddKey { key: Fresh([3; 32]) }), Reply::Refused(Refusal::KeysFull));
    cluster.done(Command::MakeCurrent { key: 2 });
    let epoch = cluster.map.epoch;
    assert_eq!(cluster.apply(Command::MakeCurrent { key: 2 }), Reply::Done(epoch));
    cluster.done(Command::RetireKey { key: 1 });
}
