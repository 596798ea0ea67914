//! What leaks on purpose is caught and named: by a trap that ends the process, or by two runs that differ.

use std::process::{Command, Output};

use switchboard_scenarios::canary::{CLOCK, GETRANDOM, HASH, THREAD};
use switchboard_sim::TRAPPED;
use switchboard_sim::scenario::{Parting, Report, Scenario, WINDOW_LINES, Wishes, run, same_marks};

const LINE: &str = "trace hash of a canary: ";

fn play(scenario: &Scenario, wishes: &Wishes) -> Report {
    run(scenario, &Wishes { seed: 1, ..*wishes })
}

fn leak(scenario: &Scenario) {
    println!("\n{LINE}{}", play(scenario, &Wishes::default()).trace_hash);
}

#[test]
#[ignore = "a trap ends its process"]
fn leak_clock() {
    leak(&CLOCK);
}

#[test]
#[ignore = "a trap ends its process"]
fn leak_getrandom() {
    leak(&GETRANDOM);
}

#[test]
#[ignore = "a trap ends its process"]
fn leak_thread() {
    leak(&THREAD);
}

#[test]
#[ignore = "each process has another hash"]
fn leak_hash() {
    leak(&HASH);
}

/// Runs one of the tests above in a process of its own.
fn elsewhere(test: &str) -> Output {
    Command::new(std::env::current_exe().expect("a test must know its own program"))
        .args(["--exact", test, "--ignored", "--nocapture"])
        .output()
        .expect("the test program must run")
}

/// The process ends by a trap, which names what was reached for, by whom, when, and the function that did it.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
fn is_trapped(test: &str, what: &str) {
    let output = elsewhere(test);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(i32::from(TRAPPED)), "{told}");
    let first = told.lines().find(|line| line.starts_with("TRAPPED")).unwrap_or_default();
    for words in ["task `connection` of server 0", "(seed 1)", what] {
        assert!(first.contains(words), "{words}: {told}");
    }
    assert!(told.contains("switchboard_scenarios::canary"), "the backtrace must lead to the leak: {told}");
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
fn a_task_that_reads_the_clock_is_trapped() {
    is_trapped("leak_clock", "a real clock: clock_gettime");
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
fn a_task_that_asks_the_system_for_randomness_is_trapped() {
    is_trapped("leak_getrandom", "real randomness: system call getrandom");
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
fn a_task_that_starts_a_thread_is_trapped() {
    is_trapped("leak_thread", "a thread: pthread_create");
}

fn hash_elsewhere() -> String {
    let output = elsewhere("leak_hash");
    let text = String::from_utf8_lossy(&output.stdout);
    let hash = text.lines().find_map(|line| line.strip_prefix(LINE));
    hash.unwrap_or_else(|| panic!("no hash: {text}")).to_owned()
}

#[test]
fn the_order_inside_a_map_gives_two_processes_two_hashes() {
    assert_ne!(hash_elsewhere(), hash_elsewhere());
}

#[test]
fn the_order_inside_a_map_is_named_by_the_task_whose_doing_it_was() {
    let wishes = Wishes { log_from: Some(0), log_lines_max: 10 * WINDOW_LINES, ..Wishes::default() };
    let (one, other) = (play(&HASH, &wishes), play(&HASH, &wishes));
    let parting = Parting::new(&one.log, &other.log);
    for lines in [&parting.first, &parting.second] {
        let first = lines.first().expect("two maps must have two orders");
        assert!(first.text.contains("`connection` of server 0 sleeps"), "{parting}");
        assert!(same_marks(&one.checkpoints, &other.checkpoints) <= first.number, "{parting}");
    }
}
