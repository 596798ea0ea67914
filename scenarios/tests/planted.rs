//! Bugs planted in the nodes themselves: a scenario counts only because it is seen here to find what it is for, and the checker
//! that names it is the right one. Each is tried on a seed that finds it; `cargo sim planted` looks for all of them from the
//! first seed on, and makes what it found smaller.

use switchboard::probe::Flaw;
use switchboard_scenarios::ALL;
use switchboard_scenarios::planted::{HUNTS, Hunt};
use switchboard_sim::scenario::{
    Change, Finding, Parting, Report, Setup, WINDOW_LINES, Wishes, nearest_passing, run, run_setup,
    same_marks, shrink,
};

/// So many seeds find any of them. A change of the code draws every run anew, so which of these does is not said here.
const SEEDS: u64 = 20;

/// The first seed that finds a bug, with how.
fn first(hunt: &Hunt) -> (u64, Report) {
    let found = (0..SEEDS).map(|seed| (seed, hunt.run(seed))).find(|(_, report)| hunt.is_found_in(report));
    found.unwrap_or_else(|| panic!("`{}` must find {:?} within {SEEDS} seeds", hunt.check, hunt.flaw))
}

/// The scenario passes, and does not with the bug in every node, on the same seed.
fn is_found(flaw: Flaw) {
    let hunt = Hunt::of(flaw);
    let (seed, broken) = first(&hunt);
    let sound = run(&hunt.scenario, &Wishes { seed, ..Wishes::default() });
    assert!(sound.is_passed(), "{sound}");
    println!("{flaw:?} is found by seed {seed}: {}", broken.violations[0].what);
}

#[test]
fn each_bug_is_looked_for_by_one_hunt() {
    let hunted: Vec<Flaw> = HUNTS.iter().map(|hunt| hunt.flaw).collect();
    assert_eq!(hunted, Flaw::ALL, "in the same order");
}

#[test]
fn an_owner_that_does_not_ask_whether_it_still_leads_is_found() {
    is_found(Flaw::DoubleOwner);
}

#[test]
fn a_task_that_is_acknowledged_before_a_majority_has_it_is_found() {
    is_found(Flaw::LostCommit);
}

#[test]
fn an_event_that_is_handed_out_before_a_majority_has_it_is_found() {
    is_found(Flaw::EarlyEvents);
}

#[test]
fn a_process_that_was_given_up_and_answers_is_found() {
    is_found(Flaw::LateAnswer);
}

#[test]
fn a_lease_that_is_taken_for_longer_than_it_was_given_is_found() {
    is_found(Flaw::LongLease);
}

#[test]
fn a_resumption_that_is_off_by_one_is_found() {
    is_found(Flaw::OffByOne);
}

#[test]
fn a_cancellation_that_is_overwritten_is_found() {
    is_found(Flaw::UndoneCancel);
}

#[test]
fn a_place_that_is_never_given_back_is_found() {
    is_found(Flaw::LeakingPlaces);
}

#[test]
fn an_event_that_is_dropped_for_a_slow_reader_is_found() {
    is_found(Flaw::SilentDrop);
}

#[test]
fn a_queue_without_a_bound_is_found() {
    is_found(Flaw::UnboundedQueue);
}

#[test]
fn a_session_that_goes_on_after_its_end_is_found() {
    is_found(Flaw::GhostSession);
}

#[test]
fn a_read_that_any_replica_answers_is_found() {
    is_found(Flaw::FollowerReads);
}

#[test]
fn events_that_are_handed_out_in_another_order_are_found() {
    is_found(Flaw::ReorderedEvents);
}

#[test]
fn events_that_are_appended_twice_are_found() {
    is_found(Flaw::RepeatedAppend);
}

#[test]
fn events_that_a_reader_is_not_given_are_found() {
    is_found(Flaw::SkippedEvents);
}

#[test]
fn a_cancellation_that_nobody_keeps_is_found() {
    is_found(Flaw::UnheldCancel);
}

#[test]
fn a_result_that_is_lost_is_found() {
    is_found(Flaw::LostResult);
}

#[test]
fn a_command_that_is_carried_out_again_is_found() {
    is_found(Flaw::ForgottenRequest);
}

#[test]
fn a_place_that_is_counted_too_late_is_found() {
    is_found(Flaw::LateCount);
}

#[test]
fn answers_that_reach_each_other_s_clients_are_found() {
    is_found(Flaw::CrossedAnswers);
}

#[test]
fn versions_of_topics_that_begin_anew_are_found() {
    is_found(Flaw::CountedAnew);
}

/// So many runs at most make it smaller here: enough to see that it gets there. `cargo sim planted` goes on to the end.
const RUNS_MAX: u32 = 25;

#[test]
fn a_write_that_counts_before_it_is_on_the_disk_is_found_replayed_and_made_smaller() {
    let hunt = Hunt::of(Flaw::Unwritten);
    let (seed, report) = first(&hunt);
    let again = hunt.run(seed);
    assert_eq!((again.trace_hash, again.finding()), (report.trace_hash, report.finding()), "it must replay");
    let finding = hunt.finding(&report).expect("what was found must have a name");
    let setup = hunt.scenario.setup(&hunt.wishes(seed));
    let mut runs = 0;
    let fails = |candidate: &Setup| {
        Finding::all(&run_setup(&hunt.scenario, &hunt.wishes(seed), candidate.clone())).contains(&finding)
    };
    let least = shrink(setup.clone(), &mut |candidate| {
        runs += 1;
        (runs <= RUNS_MAX).then(|| fails(candidate))
    });
    // Which part of it can go is the seed's business: two nodes that lose their power together may be all of its plan.
    let size = |setup: &Setup| [setup.faults.steps.len() as u64, u64::from(setup.clients()), setup.busy_ms()];
    let (before, after) = (size(&setup), size(&least));
    println!("{before:?} became {after:?}");
    assert!(before.iter().zip(&after).all(|(before, after)| after <= before), "{before:?} became {after:?}");
    assert!(after[1] < before[1], "fewer clients must do: {before:?} became {after:?}");
    assert!(fails(&least), "what is left must fail in the same way");
}

#[test]
fn a_failure_parts_from_the_nearest_run_that_passes_where_the_fault_comes_that_it_hangs_on() {
    let hunt = Hunt::of(Flaw::Unwritten);
    let (seed, broken) = first(&hunt);
    let (setup, failed_ms) = (hunt.scenario.setup(&hunt.wishes(seed)), broken.violations[0].at / 1_000_000);
    let mut runs = 0;
    let change = nearest_passing(&setup, failed_ms, &mut |candidate| {
        runs += 1;
        (runs <= 60).then(|| run_setup(&hunt.scenario, &hunt.wishes(seed), candidate.clone()).is_passed())
    });
    let change = change.expect("a run near it must pass");
    let neighbour = run_setup(&hunt.scenario, &hunt.wishes(seed), change.applied(&setup));
    let from = same_marks(&broken.checkpoints, &neighbour.checkpoints);
    let wishes = Wishes { log_from: Some(from), log_lines_max: WINDOW_LINES, ..hunt.wishes(seed) };
    let log = |setup| run_setup(&hunt.scenario, &wishes, setup).log;
    let parting = Parting::new(&log(setup.clone()), &log(change.applied(&setup)));
    println!("{runs} runs: {change}\n{parting}");
    // Nothing is different before the sooner of the two moments at which the fault comes.
    let Change::Moved { ms, step, .. } = &change else { panic!("{change}") };
    let moved_ms = step.at_ms.min(step.at_ms.saturating_add_signed(*ms));
    let parted = [&parting.first, &parting.second].map(|lines| lines[0].time / 1_000_000);
    assert!(parted.contains(&moved_ms), "{change}: {parting}");
}

#[test]
fn nodes_have_quirks_under_some_seeds_and_only_where_things_go_wrong() {
    let quirks = |name: &str| {
        let scenario = switchboard_scenarios::find(name).expect("a scenario of this name must exist");
        (0..60).filter(|seed| scenario.setup(&Wishes { seed: *seed, ..Wishes::default() }).quirks).count()
    };
    for scenario in ALL {
        let calm = scenario.setup(&Wishes::default()).trouble_ms.0 == u64::MAX;
        assert!(!calm || quirks(scenario.name) == 0, "{}", scenario.name);
    }
    assert!((10..30).contains(&quirks("leader_crash")) && quirks("cluster_calm") == 0);
}
