//! Each scenario on a few fixed seeds: what every change must pass. `cargo sim run all --seeds 0..1000` looks further.

use switchboard_scenarios::{
    CALM, DRAIN, FLOOD, HOSTILE_BYTES, KILL_MID_CALL, PARTITION_HEAL, RECONNECT_STORM, SLOW_READER,
};
use switchboard_sim::scenario::{Scenario, Wishes, run};

fn pass(scenario: &Scenario) {
    for seed in 100..104 {
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
