//! Each scenario on a few fixed seeds: what every change must pass. `cargo sim run all --seeds 0..1000` looks further.

use switchboard_scenarios::{
    ACCEPT_OVERFLOW, BRIDGE_PARTITION, CALLED_OFF, CALM, CLOCK_SKEW, CLUSTER_CALM, CONTROL_LOST, DOUBLE_EDGE,
    DRAIN, FLOOD, GROWING, HOSTILE_BYTES, ISLAND, JOINING, KEY_ROTATION, KILL_MID_CALL, LEADER_CRASH,
    LEAVING, LOSSY, MAJORITY_SPLIT, MINORITY_SPLIT, NODE_REPLACED, ONE_WAY_CUT, PARTITION_HEAL, POWER_LOSS,
    RECONNECT_STORM, ROLLING_RESTART, ROLLING_UPGRADE, SICK_DISK, SLOW_READER, SWARM, SWIZZLE, TIGHT,
    TORN_LOG, ZOMBIE_LEADER, ZONE_LOSS,
};
use switchboard_sim::scenario::{Scenario, Wishes, run};

fn pass(scenario: &Scenario) {
    pass_seeds(scenario, 4);
}

/// A cluster takes longer.
fn pass_few(scenario: &Scenario) {
    pass_seeds(scenario, 2);
}

fn pass_seeds(scenario: &Scenario, seeds: u64) {
    for seed in 100..100 + seeds {
        let report = run(scenario, &Wishes { seed, ..Wishes::default() });
        assert!(report.is_passed(), "{report}");
    }
}

#[test]
fn calm() {
    pass(&CALM);
}

#[test]
fn flood() {
    pass(&FLOOD);
}

#[test]
fn reconnect_storm() {
    pass(&RECONNECT_STORM);
}

#[test]
fn accept_overflow() {
    pass_few(&ACCEPT_OVERFLOW);
}

#[test]
fn kill_mid_call() {
    pass(&KILL_MID_CALL);
}

#[test]
fn partition_heal() {
    pass(&PARTITION_HEAL);
}

#[test]
fn slow_reader() {
    pass(&SLOW_READER);
}

#[test]
fn hostile_bytes() {
    pass(&HOSTILE_BYTES);
}

#[test]
fn drain() {
    pass(&DRAIN);
}

#[test]
fn cluster_calm() {
    pass_few(&CLUSTER_CALM);
}

#[test]
fn tight() {
    pass_few(&TIGHT);
}

#[test]
fn called_off() {
    pass_few(&CALLED_OFF);
}

#[test]
fn clock_skew() {
    pass_few(&CLOCK_SKEW);
}

#[test]
fn double_edge() {
    pass_few(&DOUBLE_EDGE);
}

#[test]
fn rolling_restart() {
    pass_few(&ROLLING_RESTART);
}

#[test]
fn leader_crash() {
    pass_few(&LEADER_CRASH);
}

#[test]
fn lossy() {
    pass_few(&LOSSY);
}

#[test]
fn zombie_leader() {
    pass_few(&ZOMBIE_LEADER);
}

#[test]
fn minority_split() {
    pass_few(&MINORITY_SPLIT);
}

#[test]
fn island() {
    pass_few(&ISLAND);
}

#[test]
fn majority_split() {
    pass_few(&MAJORITY_SPLIT);
}

#[test]
fn one_way_cut() {
    pass_few(&ONE_WAY_CUT);
}

#[test]
fn swizzle() {
    pass_few(&SWIZZLE);
}

#[test]
fn power_loss() {
    pass_few(&POWER_LOSS);
}

#[test]
fn bridge_partition() {
    pass_few(&BRIDGE_PARTITION);
}

#[test]
fn torn_log() {
    pass_few(&TORN_LOG);
}

#[test]
fn leaving() {
    pass_few(&LEAVING);
}

#[test]
fn node_replaced() {
    pass_few(&NODE_REPLACED);
}

#[test]
fn sick_disk() {
    pass_few(&SICK_DISK);
}

#[test]
fn zone_loss() {
    pass_few(&ZONE_LOSS);
}

#[test]
fn joining() {
    pass_seeds(&JOINING, 1);
}

#[test]
fn growing() {
    pass_few(&GROWING);
}

#[test]
fn rolling_upgrade() {
    pass_few(&ROLLING_UPGRADE);
}

#[test]
fn key_rotation() {
    pass_few(&KEY_ROTATION);
}

#[test]
fn control_lost() {
    pass_few(&CONTROL_LOST);
}

/// A promise without a scenario is a wish.
#[test]
fn every_promise_names_a_scenario_that_there_is() {
    let page = include_str!("../PROMISES.md");
    let lines = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| what"));
    let mut promises = 0;
    for line in lines {
        promises += 1;
        let shown = line.rsplit('|').nth(1).unwrap_or_default();
        let names: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no scenario shows this: {line}");
        for name in names {
            assert!(switchboard_scenarios::find(name).is_some(), "there is no scenario {name}: {line}");
        }
    }
    assert!(promises >= 10, "the page must be read");
}

#[test]
fn swarm() {
    pass(&SWARM);
}
