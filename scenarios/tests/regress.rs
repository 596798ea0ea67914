//! Every failure that a seed has found: scenario, seed, and what it was. All of them pass now, and must go on to.

use switchboard_scenarios::find;
use switchboard_sim::scenario::{Wishes, run};

/// Scenario, seed, and what it was.
const FOUND: &[(&str, u64, &str)] = &[
    (
        "drain",
        0,
        "a drain closed the streams of calls under way, and nobody could come back for their answers",
    ),
    ("drain", 1, "the same, with more clients"),
    (
        "partition_heal",
        0,
        "a standing stream began without an id, and what was said before its first break was lost",
    ),
    ("calm", 0, "the same, seen without a break: the stream was not primed"),
];

#[test]
fn what_was_found_stays_fixed() {
    for (name, seed, story) in FOUND {
        let scenario = find(name).expect("a scenario of this name must exist");
        let report = run(scenario, &Wishes { seed: *seed, ..Wishes::default() });
        assert!(report.is_passed(), "found before ({story}): {report}");
    }
}
