//! The keys of the cluster and the order of their rotation: a key is added, and seals only once every node that is up
//! has the map that added it; the one before opens until nothing that it sealed can still be alive. Sealing itself is
//! `seal`'s business.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::command::{Command, Fresh, Refusal};
use super::map::{ClusterMap, NodeState};
use super::plan::{Facts, Settings};
use crate::env::Entropy;
use crate::ids::Epoch;
use crate::seal::{KEYS_MAX, Ring};

/// The ring of keys and how far its rotation is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyChain {
    #[serde(serialize_with = "ring_out", deserialize_with = "ring_in")]
    ring: Ring,
    current: u8,
    current_since_ms: u64,
    /// The key that waits to be made current, and the epoch of the map that brought it.
    added: Option<(u8, Epoch)>,
    /// Keys that no longer seal, oldest first, and since when.
    replaced: Vec<(u8, u64)>,
}

impl KeyChain {
    pub(super) fn new(key: Fresh, now_ms: u64) -> Self {
        let ring = Ring::of(key.0);
        let current = ring.ids().next().expect("a ring must hold its first key");
        Self { ring, current, current_since_ms: now_ms, added: None, replaced: Vec::new() }
    }

    /// The ring, for [`Keys::install`](crate::seal::Keys::install).
    #[must_use]
    pub const fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Whether a key waits for every node to have it.
    #[must_use]
    pub const fn is_changing(&self) -> bool {
        self.added.is_some()
    }

    /// The number of the key that seals.
    #[must_use]
    pub const fn current(&self) -> u8 {
        self.current
    }

    /// `epoch` is that of the map which has the key.
    pub(super) fn add(&mut self, key: Fresh, epoch: Epoch) -> Result<(), Refusal> {
        if self.added.is_some() {
            return Err(Refusal::KeysFull);
        }
        let id = self.ring.add(key.0).ok_or(Refusal::KeysFull)?;
        self.added = Some((id, epoch));
        Ok(())
    }

    pub(super) fn make_current(&mut self, id: u8, now_ms: u64) -> Result<bool, Refusal> {
        if id == self.current {
            return Ok(false);
        }
        if self.added.is_none_or(|(added, _)| added != id) || !self.ring.make_current(id) {
            return Err(Refusal::NoKey);
        }
        self.added = None;
        self.replaced.push((self.current, now_ms));
        self.current = id;
        self.current_since_ms = now_ms;
        Ok(true)
    }

    pub(super) fn retire(&mut self, id: u8) -> Result<(), Refusal> {
        let waits = self.added.is_some_and(|(added, _)| added == id);
        if waits || !self.ring.retire(id) {
            return Err(Refusal::NoKey);
        }
        self.replaced.retain(|(replaced, _)| *replaced != id);
        Ok(())
    }
}

/// What to do next with the keys, if anything is due.
pub(super) fn next(
    map: &ClusterMap,
    facts: Facts<'_>,
    settings: &Settings,
    entropy: &mut Entropy,
) -> Option<Command> {
    let keys = map.keys.as_ref()?;
    let now_ms = facts.now_ms.max(map.now_ms);
    if let Some((key, epoch)) = keys.added {
        // Only those that are up are waited for: one that is down reads the map when it is back, and until then takes nothing
        // that a newer key sealed for a forgery (see [`Keys::is_ahead`](crate::seal::Keys::is_ahead)).
        let serves = |state| matches!(state, NodeState::Up | NodeState::Draining);
        let serving = map.nodes.iter().filter(|(_, node)| serves(node.state));
        let has_it = |node| facts.seen.get(node).is_some_and(|seen| *seen >= epoch);
        return serving.map(|(id, _)| id).all(has_it).then_some(Command::MakeCurrent { key });
    }
    if let Some((key, since_ms)) = keys.replaced.first().copied()
        && now_ms.saturating_sub(since_ms) >= settings.key_keep_ms
    {
        return Some(Command::RetireKey { key });
    }
    let due = now_ms.saturating_sub(keys.current_since_ms) >= settings.key_rotate_ms;
    // Full: the oldest key goes first, in its time.
    if !due || keys.ring.ids().count() >= KEYS_MAX {
        return None;
    }
    let mut key = [0; 32];
    entropy.fill(&mut key);
    Some(Command::AddKey { key: Fresh(key) })
}

fn ring_out<S: Serializer>(ring: &Ring, serializer: S) -> Result<S::Ok, S::Error> {
    ring.encode().serialize(serializer)
}

fn ring_in<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ring, D::Error> {
    let bytes = Vec::<u8>::deserialize(deserializer)?;
    Ring::decode(&bytes).map_err(serde::de::Error::custom)
}
