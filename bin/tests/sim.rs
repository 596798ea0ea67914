//! The simulator's command line, as a stranger types it: what it ends with, and what it says.
#![cfg(feature = "sim")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn command(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    command.args(line.split(' ')).current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

fn sim(line: &str) -> Output {
    command(line).output().expect("the program must start")
}

/// A file of this process, by its name alone: that is where the program runs.
fn file(name: &str) -> (String, PathBuf) {
    let name = format!("sim-{}-{name}", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&name);
    (name, path)
}

/// What a program wrote, of which every line must be an object.
fn objects(output: &Output) -> Vec<Value> {
    let told = String::from_utf8_lossy(&output.stdout);
    let object = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    told.lines().map(object).collect()
}

#[test]
fn what_makes_no_sense_is_refused_and_said() {
    for (line, said) in [
        ("run nothing_such", "there is no scenario"),
        ("run calm --seconds 0", "--seconds"),
        ("run calm --clients 0", "--clients"),
        ("run cluster_calm --nodes 201", "--nodes"),
        ("run calm --world turmoil --hash-key 5", "turmoil gives hashers no key"),
        ("run slow_reader --world turmoil", "stop reading"),
        ("replay calm", "--seed N"),
        ("diff calm:x calm:1", "SCENARIO:SEED"),
        ("diff calm calm:1", "SCENARIO:SEED"),
        ("report calm --seed 1 --from-ms 50 --to-ms 10", "from 50 to 10 ms"),
        ("ledger no-such.ndjson", "no-such.ndjson"),
        ("batch --scenario calm --ledger no-such-folder/it.ndjson", "no-such-folder"),
        ("replay no-such.json", "no-such.json"),
    ] {
        let output = sim(line);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {told}");
        assert!(told.contains(said) && output.stdout.is_empty(), "{line}: {told}");
    }
}

#[test]
fn each_run_is_one_object_whichever_way_it_ends() {
    let failing = "power_loss --nodes 2 --flaw unwritten --seeds 13..15 --json";
    for (line, code, outcomes) in [
        ("calm --clients 2 --seconds 1 --seeds 1..3 --json", 0, &["passed", "passed"][..]),
        (failing, 10, &["passed", "safety"]),
        (&format!("{failing} --jobs 2"), 10, &["passed", "safety"]),
        ("hundred_nodes --world turmoil --json", 2, &["refused"]),
        #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
        ("canary_clock --jobs 1 --json", 15, &["determinism"]),
    ] {
        let output = sim(&format!("run {line}"));
        assert_eq!(output.status.code(), Some(code), "{line}");
        let mut objects = objects(&output);
        if outcomes.len() > 1 {
            let sum = objects.pop().unwrap_or_default();
            assert!(sum["outcomes"].is_object() && sum["coverage"].is_object(), "{line}: {sum}");
        }
        let ended: Vec<&str> = objects.iter().filter_map(|object| object["outcome"].as_str()).collect();
        assert_eq!(ended, outcomes, "{line}");
        for object in objects.iter().filter(|object| object["outcome"] == "safety") {
            for key in ["check", "message", "at_ms", "finding", "replay", "commit", "report"] {
                assert!(object.get(key).is_some(), "{line}: {key} of {object}");
            }
            let (plan, fired) = (&object["plan"][0], &object["fired"][0]);
            assert!(plan["at_ms"].is_u64() && plan["fault"].is_object(), "{plan}");
            assert!(fired["touched"].is_u64(), "{fired}");
        }
    }
}

#[test]
fn a_case_of_any_seed_is_the_same_run_and_takes_no_option_that_would_be_ignored() {
    let (name, path) = file("case.json");
    let planned = sim(&format!("plan leader_crash --seed 1 --seconds 8 --out {name}"));
    let told = String::from_utf8_lossy(&planned.stdout);
    assert!(planned.status.success() && told.contains(" ms  Kill("), "{told}");
    let hash = |line: &str| String::from_utf8_lossy(&sim(line).stdout).into_owned();
    let of_seed = hash("hash leader_crash --seed 1 --seconds 8");
    assert_eq!(of_seed.trim().len(), 32, "{of_seed}");
    assert_eq!(hash(&format!("hash {name} --hash-key 5")), of_seed);
    for option in ["--seed 7", "--nodes 9", "--clients 4", "--seconds 9"] {
        assert_eq!(sim(&format!("hash {name} {option}")).status.code(), Some(2), "{option}");
    }
    std::fs::remove_file(path).expect("the case must be there");
}

#[test]
fn a_second_seed_in_turmoil_is_the_run_that_it_is_alone() {
    let run = |seeds: &str| {
        objects(&sim(&format!("run calm --world turmoil --clients 4 --seconds 5 --json {seeds}")))
    };
    let (both, alone) = (run("--seeds 1..3"), run("--seed 2"));
    assert_eq!(both[1]["trace_hash"], alone[0]["trace_hash"]);
    assert!(alone[0]["trace_hash"].is_string(), "{alone:?}");
}

#[test]
fn it_ends_quietly_where_nobody_reads_on() {
    let mut child = command("run calm --clients 2 --seconds 1 --seeds 1..50 --json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program must start");
    let mut first = String::new();
    let stdout = child.stdout.take().expect("it was asked for");
    BufReader::new(stdout).read_line(&mut first).expect("a run must be told");
    let output = child.wait_with_output().expect("it must end");
    assert_eq!(output.status.code(), Some(141));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
