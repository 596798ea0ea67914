//! Where each planted bug is looked for, and by which checker it is found: a scenario counts only because it is seen to find
//! what it is for.

use switchboard::probe::Flaw;
use switchboard_sim::check::Violation;
use switchboard_sim::scenario::{Finding, Report, Scenario, Wishes, run};

use crate::{
    CLUSTER_CALM, FLOOD, ISLAND, LEADER_CRASH, MINORITY_SPLIT, POWER_LOSS, ROLLING_RESTART, SLOW_READER,
    TIGHT, ZOMBIE_LEADER,
};

/// A bug, where it is looked for, and how it is called when it is found: by which checker, and with these words in it.
#[derive(Clone, Copy, Debug)]
pub struct Hunt {
    /// The bug.
    pub flaw: Flaw,
    /// The scenario that must find it.
    pub scenario: Scenario,
    /// On how many nodes, instead of the scenario's own number.
    pub nodes: Option<u32>,
    /// The checker that must say so.
    pub check: &'static str,
    /// What it says.
    pub words: &'static str,
}

const fn hunt(flaw: Flaw, scenario: Scenario, check: &'static str, words: &'static str) -> Hunt {
    Hunt { flaw, scenario, nodes: None, check, words }
}

impl Hunt {
    /// The same on so many nodes.
    const fn on(self, nodes: u32) -> Self {
        Self { nodes: Some(nodes), ..self }
    }
}

/// One for each bug.
pub const HUNTS: &[Hunt] = &[
    hunt(Flaw::LostCommit, ISLAND, "tasks linearize", "NotThere"),
    // Where both of two lose it, nobody else needs to be kept from having it.
    hunt(Flaw::Unwritten, POWER_LOSS, "in order", "was another one before").on(2),
    hunt(Flaw::FollowerReads, CLUSTER_CALM, "tasks linearize", "no order"),
    hunt(Flaw::DoubleOwner, ISLAND, "tasks linearize", "no order"),
    hunt(Flaw::LateAnswer, ISLAND, "last word", "came after the answer"),
    hunt(Flaw::LongLease, ZOMBIE_LEADER, "ended stays ended", "was served"),
    hunt(Flaw::EarlyEvents, ISLAND, "in order", "was another one before"),
    hunt(Flaw::ReorderedEvents, ISLAND, "in order", "came after"),
    hunt(Flaw::RepeatedAppend, LEADER_CRASH, "in order", "step"),
    hunt(Flaw::OffByOne, LEADER_CRASH, "in order", "came after"),
    hunt(Flaw::SkippedEvents, LEADER_CRASH, "changes are heard", "nothing was heard of it"),
    hunt(Flaw::UndoneCancel, CLUSTER_CALM, "tasks linearize", "no order"),
    hunt(Flaw::UnheldCancel, MINORITY_SPLIT, "tasks linearize", "no order"),
    hunt(Flaw::LostResult, ISLAND, "tasks linearize", "never seen to end"),
    hunt(Flaw::ForgottenRequest, LEADER_CRASH, "tasks linearize", "no order"),
    hunt(Flaw::LeakingPlaces, TIGHT, "answered", "Initialize"),
    hunt(Flaw::LateCount, FLOOD, "in bounds", "sessions"),
    hunt(Flaw::UnboundedQueue, SLOW_READER, "in bounds", "bytes of a stream"),
    hunt(Flaw::SilentDrop, SLOW_READER, "in order", "things"),
    hunt(Flaw::GhostSession, CLUSTER_CALM, "ended stays ended", "was served"),
    hunt(Flaw::CrossedAnswers, CLUSTER_CALM, "nothing crosses", "belongs to"),
    hunt(Flaw::CountedAnew, ROLLING_RESTART, "changes are heard", "nothing was heard of it"),
];

impl Hunt {
    /// Who looks for a bug.
    ///
    /// # Panics
    /// Where nobody does.
    #[must_use]
    pub fn of(flaw: Flaw) -> Self {
        *HUNTS.iter().find(|hunt| hunt.flaw == flaw).expect("each bug must be looked for")
    }

    /// What a user would say to run the scenario with the bug in every node.
    #[must_use]
    pub fn wishes(&self, seed: u64) -> Wishes {
        Wishes { seed, nodes: self.nodes, flaw: Some(self.flaw), ..Wishes::default() }
    }

    /// Runs the scenario with the bug in every node.
    #[must_use]
    pub fn run(&self, seed: u64) -> Report {
        run(&self.scenario, &self.wishes(seed))
    }

    /// Whether the checker that is there for the bug found it.
    #[must_use]
    pub fn is_found_in(&self, report: &Report) -> bool {
        let names_it = |found: &Violation| found.check == self.check && found.what.contains(self.words);
        report.violations.iter().any(names_it)
    }

    /// What a run that found it failed with, told apart from any other failure. A run that panicked too is told by that.
    #[must_use]
    pub fn finding(&self, report: &Report) -> Option<Finding> {
        let names_it = |found: &Finding| found.check == self.check && found.what.contains(self.words);
        Finding::all(report).into_iter().find(names_it).or_else(|| report.finding())
    }
}
