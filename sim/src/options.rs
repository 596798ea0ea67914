//! Everything that shapes a world before it runs. Together with the commit it is the whole reproduction of a run.

use serde::{Deserialize, Serialize};

use switchboard::probe::Flaw;

use crate::net::NetOptions;

/// How long a blocking closure takes where nothing else is said, in microseconds: from, to.
pub(crate) const BLOCKING_US: (u64, u64) = (20, 200);

/// In which order ready tasks are polled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Policy {
    /// The seed draws one of the ready tasks each time: every interleaving can happen.
    Random,
    /// In the order of their wakes, as a calm single-threaded runtime would.
    Fifo,
}

/// How a world is built.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Options {
    /// The root of all randomness.
    pub seed: u64,
    /// Goes into the keys of all hashers of ours, and must make no difference.
    pub hash_key: u64,
    /// The order of ready tasks.
    pub policy: Policy,
    /// So many polls may happen without virtual time passing; more is a busy loop and fails the run.
    pub polls_per_instant_max: u64,
    /// The time of day when the world begins.
    pub wall_start_unix_ms: u64,
    /// The network.
    pub net: NetOptions,
    /// How long a blocking closure takes to report back, in microseconds: from, to.
    pub blocking_us: (u64, u64),
    /// Until when nodes have quirks, in milliseconds of virtual time; 0 for never. The seed draws which, and how often.
    pub quirks_until_ms: u64,
    /// A bug that every node has.
    pub flaw: Option<Flaw>,
    /// So many of the last marks are kept as text for [`World::log`](crate::World::log). None by default: it costs a
    /// formatted string a mark.
    pub log_lines_max: usize,
    /// Where it is said, the first lines from this mark on are kept, instead of the last of all.
    pub log_from: Option<u64>,
}

impl Options {
    /// The defaults under this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            hash_key: 0,
            policy: Policy::Random,
            polls_per_instant_max: 1_000_000,
            wall_start_unix_ms: 1_800_000_000_000,
            net: NetOptions::default(),
            blocking_us: BLOCKING_US,
            quirks_until_ms: 0,
            flaw: None,
            log_lines_max: 0,
            log_from: None,
        }
    }
}
