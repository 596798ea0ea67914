//! What the leader of the control group should propose next. A pure function of the map and of what the leader knows
//! beside it: a leader that was just elected goes on where the one before stopped, and two that both believe to lead
//! propose the same.

use std::collections::BTreeMap;

use super::command::Command;
use super::map::ClusterMap;
use super::{keys, place, split, voters};
use crate::env::Entropy;
use crate::ids::{Epoch, NodeId};

/// What an operator may set. The defaults are for a cluster in one data centre.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// How long a node is down before others take what it held. Longer than a restart: a rolling one moves nothing.
    pub replace_after_ms: u64,
    /// Groups that may be moving at once. Each copies its state between nodes that serve.
    pub moves_max: usize,
    /// Groups that may be splitting off others at once. What goes from one to the other stands still meanwhile.
    pub splits_max: usize,
    /// How many nodes must be up before groups get their first replicas. Groups that begin where they belong need no move.
    pub place_at_nodes: usize,
    /// How long a key seals before the next one does.
    pub key_rotate_ms: u64,
    /// How long a key still opens once it seals no more: as long as anything that it sealed may live.
    pub key_keep_ms: u64,
}

const DAY_MS: u64 = 24 * 3_600_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            replace_after_ms: 60_000,
            moves_max: 16,
            splits_max: 4,
            place_at_nodes: 1,
            key_rotate_ms: 7 * DAY_MS,
            key_keep_ms: 30 * DAY_MS,
        }
    }
}

/// What the leader knows and the map does not.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Its wall clock, in Unix milliseconds.
    pub now_ms: u64,
    /// The newest epoch that each node is known to have, itself included.
    pub seen: &'a BTreeMap<NodeId, Epoch>,
}

/// The next thing to propose; `None` where nothing is to be done now. Ask again after each change of the map, of `facts`,
/// and once a second: some steps wait for time to pass. A step that was refused will be refused again until something changes.
///
/// `entropy` is drawn from only for a new key.
#[must_use]
pub fn plan(
    map: &ClusterMap,
    facts: Facts<'_>,
    settings: &Settings,
    entropy: &mut Entropy,
) -> Option<Command> {
    map.cluster?;
    let now_ms = facts.now_ms.max(map.now_ms);
    voters::next(map, now_ms, settings)
        .or_else(|| place::initial(map, settings))
        .or_else(|| place::next_move(map, now_ms, settings))
        .or_else(|| feature_level(map))
        .or_else(|| split::next(map, settings))
        .or_else(|| keys::next(map, facts, settings, entropy))
}

fn feature_level(map: &ClusterMap) -> Option<Command> {
    let level = map.feature_level_possible();
    (level > map.feature_level).then_some(Command::RaiseFeatureLevel { level })
}
