//! Who a node is on the mesh, what it knows, and what others may make it hold or wait for.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::shield::Shield;
use crate::ids::{Epoch, Incarnation, NodeId};

/// The node id of an applicant: a process that was not given an id yet.
pub const APPLICANT: NodeId = NodeId(0);

/// Which cluster: 128 random bits, drawn when the cluster was founded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub u128);

impl fmt::Debug for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}…", self.0 >> 96)
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The versions of the wire that a node speaks, both ends included. Two nodes speak the highest that both know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WireRange {
    /// The oldest.
    pub min: u16,
    /// The newest.
    pub max: u16,
}

impl WireRange {
    /// What this build speaks. From 2 on groups split.
    pub const CURRENT: Self = Self { min: 1, max: 2 };

    /// The highest version in both ranges, if there is one.
    #[must_use]
    pub fn common(self, other: Self) -> Option<u16> {
        let highest = self.max.min(other.max);
        (highest >= self.min.max(other.min)).then_some(highest)
    }
}

impl fmt::Display for WireRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}", self.min, self.max)
    }
}

/// Who a node says it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The cluster that it belongs to, or wants to join.
    pub cluster: ClusterId,
    /// Its id; [`APPLICANT`] while it has none.
    pub node: NodeId,
    /// Which life of its process. An older one than was seen before is refused.
    pub incarnation: Incarnation,
    /// The state of the cluster's map that it knows. News for its peers, never a reason to refuse.
    pub epoch: Epoch,
    /// The wire versions that it speaks.
    pub wire: WireRange,
    /// The salt of its [`Bond`](super::Bond), told to others inside of a shield only.
    pub salt: u128,
}

/// What every node of a cluster knows and nobody else.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A secret of these bytes. They must be random: a guessable secret can be tried out of line by whoever saw a
    /// handshake.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a mesh starts with.
#[derive(Clone, Debug)]
pub struct MeshConfig {
    /// Where other nodes connect to.
    pub listen: SocketAddr,
    /// Who this node is.
    pub identity: Identity,
    /// What proves that a peer belongs to the cluster.
    pub secret: Secret,
    /// What encrypts links and proves names, where something does. Both ends of a link have one, or neither.
    pub shield: Option<Arc<dyn Shield>>,
    /// Its bounds.
    pub limits: MeshLimits,
}

/// The bounds of a mesh: what a peer, or a stranger, can make a node hold or wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MeshLimits {
    /// Bytes of one frame. A peer that announces a longer one is cut off before any of it is held.
    pub frame_bytes_max: usize,
    /// Bytes of a body that travel in one frame. Longer bodies are cut, and others pass between the pieces.
    pub chunk_bytes: usize,
    /// Bytes of one whole body.
    pub body_bytes_max: usize,
    /// Bytes that wait to be written on one link. Bodies longer than a chunk are counted apart, up to `body_bytes_max`
    /// where that is more. Of each kind one message always fits where none waits.
    pub queue_bytes_max: usize,
    /// Requests of one link without an answer yet, on each side.
    pub pending_len_max: usize,
    /// Connections that have not proven themselves yet. One more, and the oldest of them goes.
    pub handshakes_len_max: usize,
    /// Nodes whose incarnation is remembered.
    pub peers_len_max: usize,
    /// Links that applicants may hold together. One more, and the oldest of them goes.
    pub applicants_len_max: usize,
    /// Milliseconds from the first byte of a handshake to its end, whatever the peer does.
    pub handshake_ms_max: u64,
    /// Milliseconds that a dial may take until TCP has connected.
    pub dial_ms_max: u64,
    /// Milliseconds without a byte, while a request is pending, after which a link is asked whether it lives.
    pub ping_ms: u64,
    /// Milliseconds without a byte, while a request is pending, after which a link is given up.
    pub silent_ms_max: u64,
    /// As `ping_ms`, where only patient requests are pending.
    pub patient_ping_ms: u64,
    /// As `silent_ms_max`, where only patient requests are pending; also how long a peer may take no byte at all.
    pub patient_silent_ms_max: u64,
    /// Milliseconds that an unused link stays open. The side that was dialled waits twice as long.
    pub idle_ms_max: u64,
    /// Milliseconds until a node is dialled again after the first failure; each further one doubles it.
    pub redial_ms_min: u64,
    /// The longest such wait.
    pub redial_ms_max: u64,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What the head of a frame takes at most: a tag, a 64-bit number and a 32-bit number as varints, a flag.
pub(super) const HEAD_BYTES_MAX: usize = 24;

impl MeshLimits {
    /// What a mesh uses where nothing else is said.
    pub const DEFAULT: Self = Self {
        frame_bytes_max: MIB,
        chunk_bytes: 256 * KIB,
        body_bytes_max: 16 * MIB,
        queue_bytes_max: 4 * MIB,
        pending_len_max: 10_000,
        handshakes_len_max: 64,
        peers_len_max: 1_024,
        applicants_len_max: 16,
        handshake_ms_max: 3_000,
        dial_ms_max: 3_000,
        ping_ms: 500,
        silent_ms_max: 1_500,
        patient_ping_ms: 10_000,
        patient_silent_ms_max: 15_000,
        idle_ms_max: 120_000,
        redial_ms_min: 50,
        redial_ms_max: 2_000,
    };

    /// The first relation between two limits that does not hold, in words for whoever set them.
    #[must_use]
    pub const fn conflict(&self) -> Option<&'static str> {
        if self.chunk_bytes == 0 || self.chunk_bytes + HEAD_BYTES_MAX > self.frame_bytes_max {
            return Some("a chunk and its head must fit into a frame");
        }
        if self.frame_bytes_max > u32::MAX as usize || self.body_bytes_max > u32::MAX as usize {
            return Some("frame_bytes_max and body_bytes_max must fit into 32 bits");
        }
        if self.ping_ms >= self.silent_ms_max || self.patient_ping_ms >= self.patient_silent_ms_max {
            return Some("a link must be asked before it is given up: ping_ms < silent_ms_max");
        }
        if self.silent_ms_max > self.patient_silent_ms_max {
            return Some("silent_ms_max must not pass patient_silent_ms_max");
        }
        if self.pending_len_max == 0 || self.handshakes_len_max == 0 || self.applicants_len_max == 0 {
            return Some("pending_len_max, handshakes_len_max and applicants_len_max must not be zero");
        }
        if self.idle_ms_max == 0 || self.redial_ms_min == 0 || self.redial_ms_min > self.redial_ms_max {
            return Some("idle_ms_max must not be zero, nor redial_ms_min, which may not pass redial_ms_max");
        }
        None
    }
}

const _: () = assert!(MeshLimits::DEFAULT.conflict().is_none(), "the default limits contradict each other");

impl Default for MeshLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
