//! The map by example, by model and by size.

mod example;
mod keys;
mod model;
mod placement;
mod split;

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::env::Entropy;
use crate::ids::{ClusterId, Epoch, GroupId, Incarnation, NodeId};

const LIFE: Incarnation = Incarnation(1);

fn card(zone: &str) -> Card {
    Card {
        mesh: "10.0.0.1:7000".parse().expect("an address must parse"),
        http: None,
        zone: zone.to_owned(),
        wire: Wire { min: 1, max: 1 },
        weight: 100,
    }
}

/// A map with a clock and a leader that plans.
#[derive(Clone)]
struct Cluster {
    map: ClusterMap,
    now_ms: u64,
    settings: Settings,
    entropy: Entropy,
    nonce: u128,
    /// How many moves were begun.
    moves: usize,
    /// The newest version that nodes speak which come.
    wire_max: u16,
}

impl Cluster {
    fn found(groups: u16, zone: &str) -> Self {
        let mut cluster = Self {
            map: ClusterMap::default(),
            now_ms: 1_000_000,
            settings: Settings::default(),
            entropy: Entropy::from_seed([7; 32]),
            nonce: 1,
            moves: 0,
            wire_max: 1,
        };
        let key = Fresh([1; 32]);
        let found = Command::Found {
            cluster: ClusterId(9),
            card: card(zone),
            incarnation: LIFE,
            nonce: 1,
            groups,
            key,
        };
        assert_eq!(cluster.apply(found), Reply::Joined(NodeId(1), Epoch(1)));
        cluster
    }

    /// A cluster of so many nodes, over so many zones, which has settled.
    fn of(nodes: usize, zones: usize, groups: u16) -> Self {
        let mut cluster = Self::found(groups, "z0");
        for at in 1..nodes {
            cluster.join(&format!("z{}", at % zones));
        }
        cluster.settle();
        cluster
    }

    fn apply(&mut self, command: Command) -> Reply {
        self.map.apply(Stamped { at_ms: self.now_ms, command })
    }

    fn done(&mut self, command: Command) {
        let shown = format!("{command:?}");
        let reply = self.apply(command);
        assert!(matches!(reply, Reply::Done(_)), "{shown}: {reply:?}");
    }

    fn join(&mut self, zone: &str) -> NodeId {
        self.nonce += 1;
        let card = Card { wire: Wire { min: 1, max: self.wire_max }, ..card(zone) };
        match self.apply(Command::Join { card, incarnation: LIFE, nonce: self.nonce }) {
            Reply::Joined(node, _) => node,
            other => panic!("{other:?}"),
        }
    }

    /// Gives a move up; the group then lets go of whom it took in.
    fn abort(&mut self, group: GroupId, change: Move) {
        self.done(Command::AbortMove { group, change });
        if let Some(undoing) = self.map.change_of(group) {
            self.done(Command::FinishMove { group, change: undoing });
        }
    }

    fn down(&mut self, node: NodeId) {
        let incarnation = self.map.nodes[&node].incarnation;
        self.done(Command::Down { node, incarnation });
    }

    fn boot(&mut self, node: NodeId) {
        let Node { incarnation, card, .. } = self.map.nodes[&node].clone();
        self.done(Command::Boot { node, incarnation: Incarnation(incarnation.0 + 1), card });
    }

    fn plan(&mut self) -> Option<Command> {
        // Every node is taken to have the newest map.
        let seen: BTreeMap<NodeId, Epoch> = self.map.nodes.keys().map(|id| (*id, self.map.epoch)).collect();
        plan(&self.map, Facts { now_ms: self.now_ms, seen: &seen }, &self.settings, &mut self.entropy)
    }

    /// Does one planned step; a move that was begun stays under way. False where there is nothing to do.
    fn step(&mut self) -> bool {
        let Some(command) = self.plan() else { return false };
        self.moves += usize::from(matches!(command, Command::StartMove { .. }));
        self.done(command);
        true
    }

    /// Does all that is planned, and finishes each move and each split, until nothing is left to do.
    fn settle(&mut self) {
        for _ in 0..100_000 {
            let stepped = self.step();
            let moving: Vec<_> =
                self.map.groups().filter_map(|(group, place)| Some((group, place.change?))).collect();
            let splitting: Vec<_> = self.splitting();
            if !stepped && moving.is_empty() && splitting.is_empty() {
                return;
            }
            for group in splitting {
                self.done(Command::FinishSplit { group });
            }
            for (group, change) in moving {
                self.done(Command::FinishMove { group, change });
            }
        }
        panic!("the plan must come to an end");
    }

    fn splitting(&self) -> Vec<GroupId> {
        self.map.groups().filter(|(_, place)| place.splitting).map(|(group, _)| group).collect()
    }

    fn held_by(&self, node: NodeId) -> usize {
        self.map.places.iter().filter(|place| place.replicas.contains(&node)).count()
    }

    fn zones(&self, nodes: &[NodeId]) -> BTreeSet<&str> {
        nodes.iter().map(|id| self.map.nodes[id].card.zone.as_str()).collect()
    }
}
