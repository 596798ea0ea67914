//! Any commands in any order: what may never happen does not, and from wherever they lead the plan finds an end.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn node() -> impl Strategy<Value = NodeId> {
    (1_u64..10).prop_map(NodeId)
}

fn life() -> impl Strategy<Value = Incarnation> {
    (1_u64..4).prop_map(Incarnation)
}

fn any_card() -> impl Strategy<Value = Card> {
    (0_u8..3, 1_u16..3, 1_u16..200).prop_map(|(zone, max, weight)| Card {
        wire: Wire { min: 1, max },
        weight,
        ..card(&format!("z{zone}"))
    })
}

fn change() -> impl Strategy<Value = Move> {
    (prop::option::of(node()), prop::option::of(node())).prop_map(|(add, remove)| Move { add, remove })
}

/// What comes from outside: nodes, operators and late or mistaken proposers.
fn command() -> impl Strategy<Value = Command> {
    let group = || (0_u64..7).prop_map(GroupId);
    prop_oneof![
        4 => (any_card(), life(), 0_u128..12)
            .prop_map(|(card, incarnation, nonce)| Command::Join { card, incarnation, nonce }),
        4 => (node(), life(), any_card())
            .prop_map(|(node, incarnation, card)| Command::Boot { node, incarnation, card }),
        4 => (node(), life()).prop_map(|(node, incarnation)| Command::Down { node, incarnation }),
        2 => (node(), life()).prop_map(|(node, incarnation)| Command::Up { node, incarnation }),
        2 => node().prop_map(|node| Command::Drain { node }),
        1 => node().prop_map(|node| Command::Undrain { node }),
        1 => node().prop_map(|node| Command::Leave { node }),
        1 => vec(node(), 0..6).prop_map(|voters| Command::SetVoters { voters }),
        1 => (group(), vec(node(), 0..5)).prop_map(|(group, nodes)| Command::Place { places: vec![(group, nodes)] }),
        2 => (group(), change()).prop_map(|(group, change)| Command::StartMove { group, change }),
        1 => (group(), change()).prop_map(|(group, change)| Command::FinishMove { group, change }),
        1 => (group(), change()).prop_map(|(group, change)| Command::AbortMove { group, change }),
        1 => (any::<[bool; 3]>(), 0_u128..9).prop_map(|([tools, prompts, resources], id)| {
            Command::ListsChanged { lists: Lists { tools, prompts, resources }, id }
        }),
        1 => any::<[u8; 32]>().prop_map(|key| Command::AddKey { key: Fresh(key) }),
        1 => (0_u8..5).prop_map(|key| Command::MakeCurrent { key }),
        1 => (0_u8..5).prop_map(|key| Command::RetireKey { key }),
        1 => (0_u16..4).prop_map(|level| Command::RaiseFeatureLevel { level }),
        1 => ((0_u64..9).prop_map(GroupId), vec(node(), 0..5))
            .prop_map(|(group, replicas)| Command::Split { group, replicas }),
        1 => (0_u64..20).prop_map(|group| Command::FinishSplit { group: GroupId(group) }),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Command(Command),
    /// The leader does what it planned.
    Plan,
    /// The oldest move that is under way ends well.
    Finish,
    /// Time passes; on a leader whose clock is wrong it seems to go back.
    Time(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => command().prop_map(Step::Command),
        4 => Just(Step::Plan),
        2 => Just(Step::Finish),
        1 => (-5_000_i64..100_000).prop_map(Step::Time),
    ]
}

impl Cluster {
    fn command_of(&mut self, step: Step) -> Option<Command> {
        match step {
            Step::Command(command) => Some(command),
            Step::Plan => self.plan(),
            Step::Finish => {
                let mut moving = self.map.groups().filter_map(|(group, place)| Some((group, place.change?)));
                moving.next().map(|(group, change)| Command::FinishMove { group, change })
            }
            Step::Time(by) => {
                self.now_ms = self.now_ms.saturating_add_signed(by);
                None
            }
        }
    }
}

/// What holds between a map and the next.
fn check_order(before: &ClusterMap, after: &ClusterMap) {
    let same = ClusterMap { now_ms: after.now_ms, ..before.clone() };
    if same == *after {
        assert_eq!(before.epoch, after.epoch);
    } else {
        assert_eq!(before.epoch.0 + 1, after.epoch.0, "the epoch rises with each change");
    }
    assert!(before.now_ms <= after.now_ms);
    assert!(before.next_node <= after.next_node);
    assert!(before.feature_level <= after.feature_level);
    let (old, new) = (before.lists, after.lists);
    assert!(old.tools <= new.tools && old.prompts <= new.prompts && old.resources <= new.resources);
    for (id, node) in &before.nodes {
        let Some(later) = after.nodes.get(id) else {
            assert!(node.state.has_left());
            continue;
        };
        assert!(node.incarnation <= later.incarnation, "a life never goes back");
        assert!(!node.state.has_left() || later.state.has_left(), "who left stays away");
    }
    for id in after.nodes.keys().filter(|id| !before.nodes.contains_key(id)) {
        assert!(id.0 >= before.next_node, "an id is never used again");
    }
    assert!(after.is_sound());
    for node in after.nodes.values().filter(|node| !node.state.has_left()) {
        assert!(node.card.wire.max >= after.feature_level);
    }
    assert!(before.places.len() <= after.places.len(), "groups never get fewer");
    for slot in (0..4_096).step_by(37).filter(|_| before.groups_whole() == after.groups_whole()) {
        assert_eq!(before.group_of(slot), after.group_of(slot), "no slot moves but by a split that is done");
    }
    for (old, new) in before.places.iter().zip(&after.places) {
        let added = new.replicas.iter().filter(|id| !old.replicas.contains(id)).count();
        assert!(old.replicas.is_empty() || added <= 1, "one replica at a time");
    }
}

/// Where the plan must have led.
fn check_settled(cluster: &Cluster) {
    let map = &cluster.map;
    let is_gone = |id| map.state(id).is_gone(cluster.now_ms.max(map.now_ms), 60_000);
    let up: Vec<NodeId> = map.nodes.keys().copied().filter(|id| map.state(*id) == NodeState::Up).collect();
    let zones = cluster.zones(&up).len();
    for place in &map.places {
        assert!(place.change.is_none() && !place.splitting, "{place:?}");
        if !map.has_majority(&place.replicas) {
            continue;
        }
        let here: Vec<NodeId> = place.replicas.iter().copied().filter(|id| !is_gone(*id)).collect();
        assert!(here.len() >= up.len().min(3), "{place:?} of {up:?}");
        assert!(cluster.zones(&here).len() >= zones.min(3), "{place:?} of {up:?}");
        // Who left is still there only where the others could not go on: the last one that runs waits for one that is
        // down to come back, or to be given up too.
        for left in place.replicas.iter().filter(|id| map.state(**id).has_left()) {
            let without = Move { add: None, remove: Some(*left) };
            assert!(!map.has_majority(&without.result(&place.replicas)), "{place:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_nothing_goes_back_and_the_plan_finds_an_end(steps in vec(step(), 0..150)) {
        let mut cluster = Cluster::found(5, "z0");
        let mut replica = cluster.map.clone();
        for step in steps {
            let Some(command) = cluster.command_of(step) else { continue };
            let planned = Stamped { at_ms: cluster.now_ms, command };
            let bytes = planned.encode();
            let stamped = Stamped::decode(&bytes).expect("a command must survive its bytes");
            prop_assert_eq!(&stamped, &planned);
            let before = cluster.map.clone();
            let reply = cluster.map.apply(planned);
            prop_assert_eq!(replica.apply(stamped.clone()), reply, "replicas answer alike");
            prop_assert_eq!(&replica, &cluster.map);
            prop_assert_eq!(Reply::decode(&reply.encode()), Ok(reply));
            check_order(&before, &cluster.map);
            // A snapshot in the middle changes nothing for what follows.
            replica = ClusterMap::decode(&replica.encode()).expect("a map must survive its bytes");
        }
        cluster.settle();
        // Who is down now is gone, and who was on the way is there.
        cluster.now_ms = cluster.now_ms.max(cluster.map.now_ms) + 60_000;
        cluster.settle();
        check_settled(&cluster);
        prop_assert_eq!(cluster.plan(), None);
    }

    #[test]
    fn what_is_planned_is_never_refused(steps in vec(step(), 0..100)) {
        let mut cluster = Cluster::found(5, "z0");
        for step in steps {
            let is_plan = matches!(step, Step::Plan);
            let Some(command) = cluster.command_of(step) else { continue };
            let shown = format!("{command:?}");
            let reply = cluster.apply(command);
            prop_assert!(!is_plan || !matches!(reply, Reply::Refused(_)), "{} {:?}", shown, reply);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        let bytes: Vec<u8> = [1].into_iter().chain(bytes).collect();
        let _ = (Stamped::decode(&bytes), Reply::decode(&bytes), ClusterMap::decode(&bytes));
    }
}
