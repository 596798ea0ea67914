//! What a node says of its cluster, as far as checkers care.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How a cluster stands, as one of its nodes has it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Standing {
    /// The map that the node has.
    pub epoch: u64,
    /// What every node understands.
    pub feature_level: u64,
    /// Who leads the control group.
    pub leader: Option<u64>,
    /// Every node.
    pub nodes: Vec<Member>,
    /// Every data group.
    pub groups: Vec<DataGroup>,
}

/// A node of a cluster.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Member {
    /// Its number.
    pub id: u64,
    /// What the map says of it.
    pub state: String,
    /// Whether it answered just now.
    pub answers: bool,
    /// The map that it has.
    pub epoch: Option<u64>,
}

/// A data group of a cluster.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct DataGroup {
    /// Its number.
    pub id: u64,
    /// Nodes that hold it.
    pub replicas: Vec<u64>,
    /// Who leads it.
    pub leader: Option<u64>,
    /// Entries that the replica furthest behind lacks.
    pub lag: Option<u64>,
    /// Sessions that it keeps.
    pub sessions: usize,
    /// Whether its replicas are being changed.
    pub moving: bool,
    /// The group that it splits off, where it has not taken its slots yet.
    pub splits_off: Option<u64>,
}

impl Standing {
    /// Reads what `/status` says.
    #[must_use]
    pub fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// How many groups each node leads.
    #[must_use]
    pub fn leads(&self) -> BTreeMap<u64, usize> {
        let mut leads = BTreeMap::new();
        for leader in self.groups.iter().filter_map(|group| group.leader) {
            *leads.entry(leader).or_default() += 1;
        }
        leads
    }
}
