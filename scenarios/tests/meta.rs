//! The same seed is the same run, whatever surrounds it: another run, another thread, another process with another
//! environment, time zone and working directory.

use std::collections::BTreeMap;
use std::process::Command;

use switchboard_scenarios::{
    CALM, CLUSTER_CALM, DRAIN, FLOOD, HOSTILE_BYTES, KILL_MID_CALL, LEADER_CRASH, PARTITION_HEAL, POWER_LOSS,
    RECONNECT_STORM, SLOW_READER, SWARM,
};
use switchboard_sim::TraceHash;
use switchboard_sim::scenario::{Scenario, Wishes, run};

/// Of clusters the calmest and the one that does most to a node: the others add nothing that could make a difference.
const SOME: [Scenario; 10] = [
    CALM,
    FLOOD,
    RECONNECT_STORM,
    KILL_MID_CALL,
    PARTITION_HEAL,
    SLOW_READER,
    HOSTILE_BYTES,
    DRAIN,
    CLUSTER_CALM,
    POWER_LOSS,
];
const SEED: u64 = 7;
const LINE: &str = "trace hash of ";

fn hash(scenario: &Scenario, seed: u64) -> TraceHash {
    let report = run(scenario, &Wishes { seed, ..Wishes::default() });
    assert!(report.is_passed(), "{report}");
    report.trace_hash
}

fn hashes() -> BTreeMap<String, String> {
    SOME.iter().map(|scenario| (scenario.name.to_owned(), hash(scenario, SEED).to_string())).collect()
}

#[test]
fn the_same_seed_gives_the_same_hash_and_another_seed_another() {
    for scenario in &SOME {
        let first = hash(scenario, SEED);
        assert_eq!(first, hash(scenario, SEED), "{}", scenario.name);
        assert_ne!(first, hash(scenario, SEED + 1), "{}", scenario.name);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the point is that the thread makes no difference")]
fn two_threads_at_once_give_the_same_hashes() {
    let threads = [std::thread::spawn(hashes), std::thread::spawn(hashes)];
    let [first, second] = threads.map(|thread| thread.join().expect("must not panic"));
    assert_eq!(first, second);
}

#[test]
fn another_key_of_our_hasher_gives_the_same_hash() {
    for (scenario, nodes) in [(CALM, None), (PARTITION_HEAL, None), (LEADER_CRASH, Some(3)), (SWARM, Some(5))]
    {
        let [first, second] = [0, 0x5eed].map(|hash_key| {
            run(&scenario, &Wishes { seed: SEED, nodes, hash_key, ..Wishes::default() }).trace_hash
        });
        assert_eq!(first, second, "{}", scenario.name);
    }
}

/// What the other process runs.
#[test]
fn every_scenario_prints_its_hash() {
    for (name, hash) in hashes() {
        println!("\n{LINE}{name} {hash}");
    }
}

#[test]
fn another_process_in_another_place_gives_the_same_hashes() {
    let program = std::env::current_exe().expect("a test must know its own program");
    let output = Command::new(program)
        .args(["--exact", "every_scenario_prints_its_hash", "--nocapture"])
        .env_clear()
        .envs([("TZ", "Pacific/Chatham"), ("LANG", "tr_TR.UTF-8"), ("HOME", "/nonexistent")])
        .current_dir("/")
        .output()
        .expect("the test program must run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let text = String::from_utf8_lossy(&output.stdout);
    let theirs: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.strip_prefix(LINE)?.split_once(' '))
        .map(|(name, hash)| (name.to_owned(), hash.to_owned()))
        .collect();
    assert_eq!(theirs, hashes());
}
