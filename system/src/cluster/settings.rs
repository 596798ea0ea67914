//! What a member of a cluster is told: how to reach the others, and how long things may take.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::control::{self, Wire};
use crate::detector;
use crate::group;
use crate::mesh::{Shield, WireRange};
use crate::raft::Timing;

/// How a node takes part in a cluster. Without it, it is a cluster of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// The cluster's name: nodes of another name are strangers, whatever they know.
    pub name: String,
    /// Where other nodes connect to.
    pub listen: SocketAddr,
    /// Where other nodes are told to connect to, where that is another address than `listen`.
    pub advertise: Option<SocketAddr>,
    /// Nodes to ask for the way in. Any that is up will do.
    pub seeds: Vec<SocketAddr>,
    /// Whether this node founds the cluster where its seeds know of none. One node of a cluster says so, once.
    pub found: bool,
    /// What every node of the cluster knows and nobody else: 32 random bytes.
    pub secret: [u8; 32],
    /// What encrypts the links between nodes, and proves to each who the other is. All nodes of a cluster have one, or none.
    pub shield: Option<Arc<dyn Shield>>,
    /// What fails together with this node: a rack, a data centre.
    pub zone: String,
    /// How many nodes the cluster begins with: its groups get their first replicas once so many are up, and so need not be
    /// moved. With fewer the cluster waits.
    pub nodes: usize,
    /// How long a key seals ids before the next one does. What it sealed opens for as long after as anything may live.
    pub key_rotate_ms: u64,
    /// How long a node is down before others take what it held: longer than a restart, which must move nothing.
    pub replace_after_ms: u64,
    /// The versions of the wire that this node speaks, from and to: for tests of an upgrade, in which one program plays both.
    #[doc(hidden)]
    pub wire: (u16, u16),
    /// Data groups of a cluster that this node founds. It gets more by itself as nodes join, up to 256; one that is to be
    /// large need not grow if it begins with as many.
    pub groups: u16,
}

impl ClusterConfig {
    /// A cluster of this name at an address, with no seeds.
    #[must_use]
    pub fn new(name: impl Into<String>, listen: SocketAddr, secret: [u8; 32]) -> Self {
        Self {
            name: name.into(),
            listen,
            advertise: None,
            seeds: Vec::new(),
            found: false,
            secret,
            shield: None,
            zone: String::new(),
            nodes: 1,
            key_rotate_ms: 7 * 24 * 3_600_000,
            replace_after_ms: 60_000,
            wire: WIRE,
            groups: 16,
        }
    }
}

impl std::fmt::Debug for ClusterConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterConfig")
            .field("name", &self.name)
            .field("listen", &self.listen)
            .field("seeds", &self.seeds)
            .field("found", &self.found)
            .field("shield", &self.shield)
            .finish_non_exhaustive()
    }
}

/// The versions of the wire, and of the logs, that this program speaks.
const WIRE: (u16, u16) = (WireRange::CURRENT.min, WireRange::CURRENT.max);

/// Data groups of a node that is alone.
pub(super) const GROUPS_ALONE: u16 = 8;

/// Everything that a member is told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where its file is; without it, it lives in memory.
    pub(crate) state_dir: Option<PathBuf>,
    /// How it reaches others; `None` where it is alone.
    pub(crate) cluster: Option<ClusterConfig>,
    /// Where people reach it, for lists.
    pub(crate) http: Option<String>,
    /// Bounds of a data group.
    pub(crate) group: group::Bounds,
    /// How long an unused session is kept.
    pub(crate) session_idle_ms_max: u64,
    /// How long a node serves a session whose owner it cannot reach.
    pub(crate) session_grace_ms: u64,
    /// Bytes that may wait for the reader of a stream.
    pub(crate) stream_queue_bytes_max: usize,
    /// Timing of consensus.
    pub(crate) timing: Timing,
    /// What the control group does by itself, and when.
    pub(crate) control: control::Settings,
    /// The failure detector.
    pub(crate) detector: detector::Config,
}

impl Settings {
    /// What the control group does by itself, as this node would have it.
    pub(super) fn plan(&self) -> control::Settings {
        let Some(config) = &self.cluster else { return self.control.clone() };
        control::Settings {
            place_at_nodes: config.nodes.max(1),
            key_rotate_ms: config.key_rotate_ms,
            replace_after_ms: config.replace_after_ms,
            ..self.control.clone()
        }
    }

    /// The versions of the wire that this node speaks.
    pub(super) fn wire(&self) -> Wire {
        let (min, max) = self.cluster.as_ref().map_or(WIRE, |config| config.wire);
        Wire { min, max }
    }
}

impl Default for Settings {
    /// A node that is alone, in memory.
    fn default() -> Self {
        Self {
            state_dir: None,
            cluster: None,
            http: None,
            group: group::Bounds::default(),
            session_idle_ms_max: 3_600_000,
            session_grace_ms: 60_000,
            stream_queue_bytes_max: 256 * 1024,
            timing: Timing::default(),
            control: control::Settings::default(),
            detector: detector::Config::default(),
        }
    }
}
