//! What the user of a scenario may say of a run, and how it is said on the command line.

use std::fmt;

use switchboard::probe::Flaw;

use crate::check::Plant;

/// Of a cluster with fewer nodes none may be lost.
const NODES_MIN: u32 = 3;

/// What the user of a scenario may say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wishes {
    /// The root of all randomness.
    pub seed: u64,
    /// How many nodes serve; the scenario's own number where it is `None`.
    pub nodes: Option<u32>,
    /// How many clients; the scenario's own number where it is `None`.
    pub clients: Option<u32>,
    /// For how many virtual seconds they work; the scenario's own number where it is `None`.
    pub seconds: Option<u64>,
    /// Whether it is for a world that is not the kernel: such a world has a weather of its own and no other, and its nodes take
    /// longer to start.
    pub is_foreign: bool,
    /// A bug to plant in the history, to see whether a checker finds it.
    pub plant: Option<Plant>,
    /// A bug to plant in every node, to see whether the scenario finds it.
    pub flaw: Option<Flaw>,
    /// Goes into the keys of all hashers of ours, and must make no difference.
    pub hash_key: u64,
    /// So many of the last things that the kernel did are kept as text.
    pub log_lines_max: usize,
    /// Where it is said, the first lines from this mark on are kept, instead of the last of all.
    pub log_from: Option<u64>,
    /// Whether the whole history is kept for the report.
    pub keeps_history: bool,
    /// Virtual milliseconds, from and to, in which what the network carries is kept for the report.
    pub carried_ms: Option<(u64, u64)>,
}

impl Wishes {
    /// The number of nodes of a cluster: as many as wished for, but never too few to lose one; else the scenario's own.
    pub fn nodes_or(&self, own: impl FnOnce() -> u32) -> u32 {
        self.nodes.map_or_else(own, |nodes| nodes.max(NODES_MIN))
    }
}

/// As options of the command line that runs it again.
impl fmt::Display for Wishes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--seed {}", self.seed)?;
        let sizes = [
            ("nodes", self.nodes.map(u64::from)),
            ("clients", self.clients.map(u64::from)),
            ("seconds", self.seconds),
        ];
        for (name, size) in sizes {
            if let Some(size) = size {
                write!(f, " --{name} {size}")?;
            }
        }
        if self.hash_key != 0 {
            write!(f, " --hash-key {}", self.hash_key)?;
        }
        self.flaw.map_or(Ok(()), |flaw| write!(f, " --flaw {}", flaw.name()))
    }
}
