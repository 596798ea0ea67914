//! The same seed is the same run, whatever surrounds it.

use switchboard_scenarios::ALL;
use switchboard_sim::TraceHash;
use switchboard_sim::scenario::{Scenario, Wishes, run};

fn hash(scenario: &Scenario, seed: u64) -> TraceHash {
    let report = run(scenario, &Wishes { seed, ..Wishes::default() });
    assert!(report.is_passed(), "{report}");
    report.trace_hash
}

#[test]
fn the_same_seed_gives_the_same_hash_and_another_seed_another() {
    for scenario in ALL {
        let first = hash(scenario, 1);
        println!("{} {first}", scenario.name);
        assert_eq!(first, hash(scenario, 1), "{}", scenario.name);
        assert_ne!(first, hash(scenario, 2), "{}", scenario.name);
    }
}
