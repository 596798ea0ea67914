//! Every failure that a seed has found: scenario, seed, and what it was. All of them pass now, and must go on to. Each was
//! seen to fail with its fix taken out.
//!
//! A seed is drawn anew with every change of its scenario; a case says everything itself, and stays what it is.

use std::fs;

use switchboard_scenarios::find;
use switchboard_sim::scenario::{Case, Wishes, run, run_setup};

/// Scenario, seed, and what it was.
const FOUND: &[(&str, u64, &str)] = &[
    (
        "drain",
        1,
        "a drain closed the streams of calls under way, and nobody could come back for their answers",
    ),
    ("drain", 0, "a call asked its client in a drain, and waited for an answer that nobody would read"),
    (
        "partition_heal",
        0,
        "a standing stream began without an id: what was said before its first break was lost",
    ),
    ("calm", 1, "the same, seen without a break: the stream was not primed"),
    (
        "zombie_leader",
        0,
        "an answer was acknowledged and lost: its call's node had been counted out meanwhile",
    ),
    ("minority_split", 0, "a call that had run was refused as if nothing had been done"),
    ("rolling_restart", 3, "a drain cut off calls whose clients read on at another node"),
    (
        "one_way_cut",
        1,
        "a task was refused as a mistake of its client, for its node had just been counted out",
    ),
    ("flood", 1, "a node held more sessions than it may have"),
    ("zone_loss", 0, "a leader that had removed itself from its group went on to change it"),
    ("double_edge", 11, "a node waited for the map at one that was to vote, whose vote waited for that node"),
    ("growing", 2, "a node took a group that it had just let go of for a broken one, and stopped itself"),
    (
        "growing",
        95,
        "leaders took themselves out of their group, and it stood still until others noticed, twice in a row",
    ),
    (
        "node_replaced",
        101,
        "a node gave up the seat that a change under way still counted on, and the control group never had a leader again",
    ),
    (
        "node_replaced",
        11,
        "a leader handed over to a node that was lost, while the others slept and waited for nobody",
    ),
    ("leaving", 101, "calls were ended for the node that ran them, because it was to leave"),
    ("minority_split", 12, "a node did not hear that its new life was taken, and could begin nothing"),
    (
        "key_rotation",
        14,
        "a task was said not to be there by a node that had come back and did not know the key of its id yet",
    ),
    (
        "power_loss",
        48,
        "disks were slow, so a move was planned of a group before anybody had founded it: it never had a leader",
    ),
    (
        "power_loss",
        78,
        "a node read what the disk has of its groups one after the other, and on a slow disk was seven seconds in coming back",
    ),
    (
        "torn_log",
        89,
        "a client's answer to a question of a session that it had ended meanwhile was called unanswered",
    ),
    ("torn_log", 233, "the same where the answer was on its way already when the session was ended"),
    (
        "torn_log",
        180,
        "a client used a connection that had rested for half a minute, through the loss of its peer's power",
    ),
    (
        "bridge_partition",
        186,
        "a task that was to ask while its group was out of reach ended with a failure, though it had all its time",
    ),
    (
        "zombie_leader",
        243,
        "a node that had stood still was lent a session while it counted as gone, and was not told of its end",
    ),
    (
        "lossy",
        25,
        "a voter that was voted out was not told, and waited for ever for a newer map in its own log",
    ),
    (
        "accept_overflow",
        82,
        "a session's end was told to those with a lease alone, and another node served it in its grace a moment later",
    ),
];

/// The same, of five nodes.
const FOUND_AT_FIVE: &[(&str, u64, &str)] = &[
    ("leaving", 26, "a task went on asking after its node had drained"),
    ("rolling_restart", 28, "a drain did not wait for a task that needed a second more"),
    (
        "one_way_cut",
        29,
        "an answer was taken for nobody's: its question's node had been counted out, and was on its way back",
    ),
    (
        "power_loss",
        54,
        "a session was not told of a change: its leader was handing over just then, and led on",
    ),
];

fn stays_fixed(found: &[(&str, u64, &str)], nodes: Option<u32>) {
    for (name, seed, story) in found {
        let scenario = find(name).expect("a scenario of this name must exist");
        let report = run(scenario, &Wishes { seed: *seed, nodes, ..Wishes::default() });
        assert!(report.is_passed(), "found before ({story}): {report}");
    }
}

#[test]
fn the_first_half_of_what_was_found_stays_fixed() {
    stays_fixed(&FOUND[..FOUND.len() / 2], None);
}

#[test]
fn the_second_half_of_what_was_found_stays_fixed() {
    stays_fixed(&FOUND[FOUND.len() / 2..], None);
}

#[test]
fn what_was_found_at_five_nodes_stays_fixed() {
    stays_fixed(FOUND_AT_FIVE, Some(5));
}

/// The files of `cases`, by their names.
fn cases() -> Vec<(String, Case)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("the folder of cases must be there")
        .map(|entry| entry.expect("it must be readable").path())
        .collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let case = Case::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, case)
    };
    paths.iter().map(read).collect()
}

/// Larger ones are for benches; that they can be read is all that is tried here.
const CLIENTS_MAX: u32 = 1_000;

#[test]
fn every_case_can_be_read_and_the_small_ones_pass() {
    let (mut large, mut small) = (0, 0);
    for (name, case) in cases() {
        if case.setup.clients() > CLIENTS_MAX {
            large += 1;
            continue;
        }
        let scenario = find(&case.scenario).unwrap_or_else(|| panic!("{name}: no such scenario"));
        let wishes = Wishes { seed: case.seed, flaw: case.flaw, ..Wishes::default() };
        let report = run_setup(scenario, &wishes, case.setup);
        assert!(report.is_passed(), "{name}: {report}");
        small += 1;
    }
    assert!(large > 0 && small > 0, "{large} large and {small} small cases");
}
