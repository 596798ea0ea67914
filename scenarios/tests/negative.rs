//! Planted bugs: a checker counts only because it is seen here to catch its own, and to be content without it.

use switchboard_scenarios::{CALM, CLUSTER_CALM};
use switchboard_sim::check::Plant;
use switchboard_sim::scenario::{Scenario, Wishes, run};

fn catches(plant: Plant, check: &str) {
    catches_in(&CALM, 3, plant, check);
}

fn catches_on_a_cluster(plant: Plant, check: &str) {
    catches_in(&CLUSTER_CALM, 1, plant, check);
}

fn catches_in(scenario: &Scenario, seeds: u64, plant: Plant, check: &str) {
    for seed in 0..seeds {
        let wishes = Wishes { seed, ..Wishes::default() };
        let sound = run(scenario, &wishes);
        assert!(sound.is_passed(), "{sound}");
        let broken = run(scenario, &Wishes { plant: Some(plant), ..wishes });
        let found = broken.violations.iter().any(|violation| violation.check == check);
        assert!(found, "`{check}` must catch {plant:?}: {broken}");
        assert_eq!(broken.trace_hash, sound.trace_hash, "a plant must change the history alone");
    }
}

#[test]
fn a_second_outcome_is_caught() {
    catches(Plant::TwoOutcomes, "one outcome");
}

#[test]
fn a_request_without_an_outcome_is_caught() {
    catches(Plant::NoOutcome, "one outcome");
}

#[test]
fn a_lost_event_is_caught() {
    catches(Plant::LostEvent, "in order");
}

#[test]
fn a_repeated_event_is_caught() {
    catches(Plant::RepeatedEvent, "in order");
}

#[test]
fn swapped_events_are_caught() {
    catches(Plant::SwappedEvents, "in order");
}

#[test]
fn a_lost_progress_notification_is_caught() {
    catches(Plant::LostProgress, "in order");
}

#[test]
fn a_message_that_reaches_somebody_else_is_caught() {
    catches(Plant::CrossedSession, "nothing crosses");
}

#[test]
fn a_call_that_runs_twice_is_caught() {
    catches(Plant::RanTwice, "runs once");
}

#[test]
fn a_call_that_is_answered_without_having_run_is_caught() {
    catches(Plant::NeverRan, "runs once");
}

#[test]
fn a_queue_beyond_its_bound_is_caught() {
    catches(Plant::FullQueue, "in bounds");
}

#[test]
fn a_connection_that_is_never_closed_is_caught() {
    catches(Plant::ForgottenConnection, "balance");
}

#[test]
fn a_session_that_ends_twice_is_caught() {
    catches(Plant::SessionEndsTwice, "balance");
}

#[test]
fn a_failure_where_nothing_is_wrong_is_caught() {
    catches(Plant::LateFailure, "answered");
}

#[test]
fn an_ended_session_that_is_served_is_caught() {
    catches_on_a_cluster(Plant::ServedGhost, "ended stays ended");
}

#[test]
fn a_task_that_is_lost_is_caught() {
    catches_on_a_cluster(Plant::LostTask, "tasks linearize");
}

#[test]
fn a_task_that_is_older_than_what_somebody_else_was_told_before_is_caught() {
    catches_on_a_cluster(Plant::OlderTask, "tasks linearize");
}

#[test]
fn a_task_that_completes_after_it_was_cancelled_is_caught() {
    catches_on_a_cluster(Plant::UndoneCancel, "tasks linearize");
}

#[test]
fn a_lost_notification_of_a_change_is_caught() {
    catches_on_a_cluster(Plant::LostNews, "changes are heard");
}

#[test]
fn a_notification_before_the_acknowledgement_is_caught() {
    catches_on_a_cluster(Plant::EarlyNews, "changes are heard");
}

#[test]
fn a_second_answer_is_caught() {
    catches(Plant::SecondAnswer, "last word");
}

#[test]
fn a_life_that_is_lived_twice_is_caught() {
    catches_on_a_cluster(Plant::OldLife, "one life");
}

#[test]
fn a_second_leader_in_one_term_is_caught() {
    catches_on_a_cluster(Plant::TwoLeaders, "one log");
}

#[test]
fn a_replica_that_takes_another_entry_than_the_others_is_caught() {
    catches_on_a_cluster(Plant::ForkedLog, "one log");
}

#[test]
fn a_node_with_another_map_is_caught() {
    catches_on_a_cluster(Plant::AnotherMap, "converges");
}

#[test]
fn a_group_without_a_leader_at_the_end_is_caught() {
    catches_on_a_cluster(Plant::NoLeader, "converges");
}

#[test]
fn a_map_that_is_taken_once_more_is_caught() {
    catches_on_a_cluster(Plant::OldMap, "maps rise");
}

#[test]
fn a_session_that_nobody_opened_is_caught() {
    catches_on_a_cluster(Plant::StraySession, "census");
}

#[test]
fn a_task_that_outlives_its_process_is_caught() {
    catches_on_a_cluster(Plant::TaskAfterEnd, "nothing is left");
}

#[test]
fn memory_that_outlives_its_process_is_caught() {
    catches_on_a_cluster(Plant::MemoryAfterEnd, "nothing is left");
}

#[test]
fn tasks_that_clients_leave_behind_are_caught() {
    catches_on_a_cluster(Plant::LeftTasks, "census");
}
