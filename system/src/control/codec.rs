//! Bytes for the log, the wire and snapshots: a version, then postcard. What comes from outside may be anything, so
//! reading never panics, and a snapshot is taken only whole and sound.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::command::{Reply, Stamped};
use super::map::{ClusterMap, GROUPS_MAX, LIST_CHANGES_MAX, NODES_MAX, REPLICAS, VOTERS_MAX};

const VERSION: u8 = 1;

/// Why bytes were not read. Nothing was taken over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Undecodable {
    /// There are none.
    #[error("no bytes")]
    Empty,
    /// They are of a version that this program does not know: it is too old for the cluster.
    #[error("version {0} is not known here")]
    Version(u8),
    /// They are not what was expected, or cut short, or too long.
    #[error("malformed")]
    Malformed,
    /// They read well and contradict themselves.
    #[error("contradictory")]
    Contradictory,
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, vec![VERSION]).expect("a plain value must encode into memory")
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Undecodable> {
    let (version, body) = bytes.split_first().ok_or(Undecodable::Empty)?;
    if *version != VERSION {
        return Err(Undecodable::Version(*version));
    }
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        Ok(_) | Err(_) => Err(Undecodable::Malformed),
    }
}

impl Stamped {
    /// The bytes of a command.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a command.
    ///
    /// # Errors
    /// [`Undecodable`] for anything that [`encode`](Self::encode) did not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, Undecodable> {
        decode(bytes)
    }
}

impl Reply {
    /// The bytes of a reply.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a reply.
    ///
    /// # Errors
    /// [`Undecodable`] for anything that [`encode`](Self::encode) did not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, Undecodable> {
        decode(bytes)
    }
}

impl ClusterMap {
    /// The bytes of a snapshot, secret keys in the clear.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a snapshot.
    ///
    /// # Errors
    /// [`Undecodable`] for anything that [`encode`](Self::encode) did not write, and for a map that no commands lead to.
    pub fn decode(bytes: &[u8]) -> Result<Self, Undecodable> {
        let map: Self = decode(bytes)?;
        if map.is_sound() { Ok(map) } else { Err(Undecodable::Contradictory) }
    }

    /// Whether the rest of this module may rely on what stands in it.
    pub(super) fn is_sound(&self) -> bool {
        if self.cluster.is_none() {
            return *self == Self { now_ms: self.now_ms, ..Self::default() };
        }
        let bounded = self.nodes.len() <= NODES_MAX
            && (1..=VOTERS_MAX).contains(&self.voters.len())
            && (1..=usize::from(GROUPS_MAX)).contains(&self.places.len())
            && self.list_changes.len() <= LIST_CHANGES_MAX;
        let nodes = self.nodes.iter().all(|(id, node)| id.0 < self.next_node && node.card.is_sound());
        let known = |node: &_| self.nodes.contains_key(node);
        let places = self.places.iter().all(|place| {
            let added = place.change.and_then(|change| change.add);
            place.replicas.len() <= REPLICAS
                && (1..place.replicas.len()).all(|at| !place.replicas[..at].contains(&place.replicas[at]))
                && place.replicas.iter().all(known)
                && added.iter().all(known)
        });
        bounded
            && nodes
            && places
            && self.splits_are_sound()
            && self.voters.iter().all(known)
            && self.keys.is_some()
    }
}
