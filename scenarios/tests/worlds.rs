//! The same scenarios in another world: turmoil, or in the build of `.ci/madsim` madsim. Without faults it agrees with the kernel on
//! what clients were told; with faults, everything holds that holds in the kernel; and what a world cannot do it refuses.

use switchboard_scenarios::{TOUR, find};
use switchboard_sim::check::Told;
use switchboard_sim::scenario::{Report, Scenario, Wishes, run as run_in_kernel};
use switchboard_sim::worlds::Refused;
#[cfg(madsim)]
use switchboard_sim::worlds::madsim::run;
#[cfg(not(madsim))]
use switchboard_sim::worlds::turmoil::run;

fn seeded(seed: u64) -> Wishes {
    Wishes { seed, keeps_history: true, ..Wishes::default() }
}

fn play(scenario: &Scenario, wishes: &Wishes) -> Report {
    let report = run(scenario, wishes).unwrap_or_else(|refused| panic!("{}: {refused}", scenario.name));
    assert!(report.is_passed(), "{report}");
    report
}

/// Few clients: these worlds are slow.
fn pass(name: &str, clients: u32) {
    for seed in 1..=2 {
        let report = play(named(name), &Wishes { clients: Some(clients), ..seeded(seed) });
        println!("{name} seed {seed}: {} requests", report.requests);
    }
}

fn named(name: &str) -> &'static Scenario {
    find(name).unwrap_or_else(|| panic!("there must be a scenario {name}"))
}

#[test]
fn clients_are_told_the_same_as_in_the_kernel() {
    for seed in 1..=2 {
        let [here, there] = [run_in_kernel(&TOUR, &seeded(seed)), play(&TOUR, &seeded(seed))];
        assert!(here.is_passed(), "{here}");
        let [here, there] = [Told::of(&here.history), Told::of(&there.history)];
        let common = here.agree(&there).unwrap_or_else(|disagreement| panic!("{disagreement}"));
        println!("seed {seed}: {common} exchanges are the same");
        assert!(there.fewest() >= 8, "a client that asked {} times proves little", there.fewest());
    }
}

/// Each run in a process of its own.
mod seeds {
    use std::env;
    use std::process::Command;

    use switchboard_sim::TraceHash;

    use super::{Wishes, named, play, seeded};

    #[test]
    fn a_run_is_a_function_of_its_seed() {
        let one = told(1, "UTC");
        assert_eq!(one, told(1, "Asia/Kathmandu"), "another process has another hash");
        assert_ne!(one, told(2, "UTC"));
    }

    const LINE: &str = "hash of the history: ";

    /// What a process tells of a run under this seed.
    fn told(seed: u64, zone: &str) -> String {
        let told = Command::new(env::current_exe().expect("a test must know its own program"))
            .args(["--exact", &format!("seeds::tell_of_{seed}"), "--ignored", "--nocapture"])
            .env("TZ", zone)
            .output()
            .expect("the test program must run");
        let told = String::from_utf8_lossy(&told.stdout);
        let line = told.lines().find(|line| line.starts_with(LINE));
        line.unwrap_or_else(|| panic!("it must tell: {told}")).to_owned()
    }

    /// One with a fault in it.
    fn hash(seed: u64) -> TraceHash {
        play(named("leader_crash"), &Wishes { clients: Some(12), ..seeded(seed) }).trace_hash
    }

    fn tell(seed: u64) {
        println!("\n{LINE}{}", hash(seed));
    }

    /// A second world of turmoil in one process is another one than the first.
    #[cfg(madsim)]
    #[test]
    fn a_second_run_in_one_process_is_the_first_once_more() {
        assert_eq!(hash(1), hash(1));
        assert_eq!(format!("{LINE}{}", hash(1)), told(1, "UTC"));
    }

    #[test]
    #[ignore = "a test runs it in a process of its own"]
    fn tell_of_1() {
        tell(1);
    }

    #[test]
    #[ignore = "a test runs it in a process of its own"]
    fn tell_of_2() {
        tell(2);
    }
}

#[test]
fn calm() {
    pass("calm", 20);
}

#[test]
fn cluster_calm() {
    pass("cluster_calm", 12);
}

#[test]
fn kill_mid_call() {
    pass("kill_mid_call", 40);
}

#[test]
fn partition_heal() {
    pass("partition_heal", 40);
}

#[test]
fn leader_crash() {
    pass("leader_crash", 12);
}

#[test]
fn power_loss() {
    pass("power_loss", 20);
}

/// It counts only where a node says that it has another key.
#[cfg(not(madsim))]
#[test]
fn key_rotation() {
    pass("key_rotation", 20);
}

#[cfg(madsim)]
#[test]
fn one_way_cut() {
    pass("one_way_cut", 12);
}

#[cfg(madsim)]
#[test]
fn zombie_leader() {
    pass("zombie_leader", 12);
}

#[cfg(madsim)]
#[test]
fn cluster_calm_on_thirty_nodes() {
    play(named("cluster_calm"), &Wishes { nodes: Some(30), clients: Some(60), ..seeded(1) });
}

#[test]
fn what_a_world_cannot_do_is_refused_before_anything_is_run() {
    let refused = run(named("clock_skew"), &seeded(1)).expect_err("no clock drifts here");
    assert!(matches!(refused, Refused::Fault { .. }), "{refused}");
    #[cfg(not(madsim))]
    for name in ["slow_reader", "hostile_bytes"] {
        let refused = run(named(name), &seeded(1)).expect_err("their connections would end in another way");
        assert!(matches!(refused, Refused::Clients { .. }), "{refused}");
    }
    let keyed = Wishes { hash_key: 5, ..seeded(1) };
    assert!(matches!(run(&TOUR, &keyed), Err(Refused::HashKey(_))));
    let many = Wishes { nodes: Some(250), ..seeded(1) };
    let refused = run(&TOUR, &many).expect_err("so many hosts are too many");
    assert!(matches!(refused, Refused::Hosts { .. }), "{refused}");
    let logged = Wishes { log_lines_max: 10, ..seeded(1) };
    assert!(matches!(run(&TOUR, &logged), Err(Refused::Log(_))));
}
