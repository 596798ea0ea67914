//! Bugs planted in the nodes themselves: a scenario counts only because it is seen here to find what it is for, and the checker
//! that names it is the right one. Each is tried on a seed that finds it; `how_many_seeds_it_takes` looks for the first.

use switchboard::node::Flaw;
use switchboard_scenarios::{ISLAND, POWER_LOSS};
use switchboard_sim::check::Violation;
use switchboard_sim::scenario::{Report, Scenario, Wishes, run};

/// A bug, where it is looked for, and how it is called when it is found: by which checker, and with these words in it.
struct Hunt {
    flaw: Flaw,
    scenario: Scenario,
    check: &'static str,
    words: &'static str,
}

/// A task that was acknowledged by one owner is not known to the other.
const DOUBLE_OWNER: Hunt =
    Hunt { flaw: Flaw::DoubleOwner, scenario: ISLAND, check: "tasks linearize", words: "task" };
/// A task that was acknowledged is gone.
const LOST_COMMIT: Hunt =
    Hunt { flaw: Flaw::LostCommit, scenario: ISLAND, check: "tasks linearize", words: "NotThere" };
/// An id names two events.
const EARLY_EVENTS: Hunt =
    Hunt { flaw: Flaw::EarlyEvents, scenario: ISLAND, check: "in order", words: "was another one before" };
/// So it does where an event was lost that had been handed out.
const UNWRITTEN: Hunt =
    Hunt { flaw: Flaw::Unwritten, scenario: POWER_LOSS, check: "in order", words: "was another one before" };

impl Hunt {
    fn run(&self, seed: u64) -> Report {
        run(&self.scenario, &Wishes { seed, flaw: Some(self.flaw), ..Wishes::default() })
    }

    fn is_found_in(&self, report: &Report) -> bool {
        let names_it = |found: &Violation| found.check == self.check && found.what.contains(self.words);
        report.violations.iter().any(names_it)
    }

    /// The scenario passes, and does not with the bug in every node, on the same seed.
    fn succeeds(&self, seed: u64) {
        let sound = run(&self.scenario, &Wishes { seed, ..Wishes::default() });
        assert!(sound.is_passed(), "{sound}");
        let broken = self.run(seed);
        assert!(self.is_found_in(&broken), "`{}` must find {:?}: {broken}", self.check, self.flaw);
    }
}

#[test]
fn an_owner_that_does_not_ask_whether_it_still_leads_is_found() {
    DOUBLE_OWNER.succeeds(2);
}

#[test]
fn a_task_that_is_acknowledged_before_a_majority_has_it_is_found() {
    LOST_COMMIT.succeeds(1);
}

#[test]
fn an_event_that_is_handed_out_before_a_majority_has_it_is_found() {
    EARLY_EVENTS.succeeds(2);
}

#[test]
fn a_write_that_counts_before_it_is_on_the_disk_is_found() {
    UNWRITTEN.succeeds(7);
}

/// Looks further: `cargo test -p switchboard-scenarios --test planted -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes"]
fn how_many_seeds_it_takes() {
    for hunt in [DOUBLE_OWNER, LOST_COMMIT, EARLY_EVENTS, UNWRITTEN] {
        let found: Vec<u64> = (0..200).filter(|seed| hunt.is_found_in(&hunt.run(*seed))).take(3).collect();
        println!("{:?} is found in {} by seeds {found:?}", hunt.flaw, hunt.scenario.name);
        assert!(!found.is_empty(), "{:?} must be found within 200 seeds", hunt.flaw);
    }
}
