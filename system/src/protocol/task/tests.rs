//! Golden texts of tasks in both spellings.

use super::super::Page;
use super::super::shape::result_raw;
use super::super::write::to_raw;
use super::*;

const OLD: Revision = Revision::V2025_11_25;
const NEW: Revision = Revision::V2026_07_28;
const DATES: &str = r#""createdAt":"2025-11-25T10:30:00.000Z","lastUpdatedAt":"2025-11-25T10:30:00.000Z""#;

fn raw(text: &str) -> Raw {
    Raw::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect("JSON")
}

fn task() -> Task {
    Task::new("t1".into(), 1_764_066_600_000, Some(60_000))
}

#[test]
fn a_task_is_nested_in_the_core_and_flat_in_the_extension() {
    let created = TaskCreated(Task { poll_ms: Some(5000), message: Some("m".into()), ..task() });
    let common = format!(r#""taskId":"t1","status":"working","statusMessage":"m",{DATES}"#);
    let old = result_raw(OLD, &created, None);
    assert_eq!(old.as_str(), format!(r#"{{"task":{{{common},"ttl":60000,"pollInterval":5000}}}}"#));
    let new = result_raw(NEW, &created, None);
    let expect = format!(r#"{{"resultType":"task",{common},"ttlMs":60000,"pollIntervalMs":5000}}"#);
    assert_eq!(new.as_str(), expect);
}

#[test]
fn a_task_that_is_kept_for_ever_says_null() {
    let forever = Task { ttl_ms: None, ..task() };
    assert!(to_raw(&forever, OLD).as_str().ends_with(r#","ttl":null}"#));
    assert!(to_raw(&forever, NEW).as_str().ends_with(r#","ttlMs":null}"#));
}

#[test]
fn what_a_task_gives_comes_with_it_in_the_modern_era_only() {
    let check = |status: TaskStatus, detail: TaskDetail, expect: &str| {
        let view = TaskView { task: Task { status, ..task() }, detail, meta: None };
        let common = format!(r#""taskId":"t1","status":"{}",{DATES}"#, status.as_str());
        assert_eq!(result_raw(OLD, &view, None).as_str(), format!(r#"{{{common},"ttl":60000}}"#));
        let body = format!(r#"{common},"ttlMs":60000{expect}}}"#);
        let new = result_raw(NEW, &view, None);
        assert_eq!(new.as_str(), format!(r#"{{"resultType":"complete",{body}"#));
        assert_eq!(to_raw(&view, NEW).as_str(), format!("{{{body}"));
    };
    check(TaskStatus::Working, TaskDetail::None, "");
    check(TaskStatus::Cancelled, TaskDetail::None, "");
    let questions = TaskDetail::Questions(raw(r#"{"q":{}}"#));
    check(TaskStatus::InputRequired, questions, r#","inputRequests":{"q":{}}"#);
    let result = TaskDetail::Result(raw(r#"{"content":[]}"#));
    check(TaskStatus::Completed, result, r#","result":{"content":[]}"#);
    let error = TaskDetail::Error(Fault::internal().to_object());
    check(TaskStatus::Failed, error, r#","error":{"code":-32603,"message":"Internal error"}"#);
}

#[test]
fn a_tool_that_failed_is_a_failed_task_only_in_the_core() {
    let task = Task { status: TaskStatus::Completed, tool_failed: true, ..task() };
    assert!(to_raw(&task, OLD).as_str().contains(r#""status":"failed""#));
    assert!(to_raw(&task, NEW).as_str().contains(r#""status":"completed""#));
}

#[test]
fn tasks_are_listed_in_the_core() {
    let tasks = [task()];
    let page = Page { name: "tasks", items: &tasks, next_cursor: Some("c"), cache: None };
    let expect =
        format!(r#"{{"tasks":[{{"taskId":"t1","status":"working",{DATES},"ttl":60000}}],"nextCursor":"c"}}"#);
    assert_eq!(result_raw(OLD, &page, None).as_str(), expect);
}

#[test]
fn a_terminal_status_is_the_last() {
    use TaskStatus::{Cancelled, Completed, Failed, InputRequired, Working};
    let all = [Working, InputRequired, Completed, Failed, Cancelled];
    for from in all {
        let to: Vec<TaskStatus> = all.into_iter().filter(|next| from.may_become(*next)).collect();
        let expect: &[TaskStatus] = match from {
            Working => &[InputRequired, Completed, Failed, Cancelled],
            InputRequired => &[Working, Completed, Failed, Cancelled],
            Completed | Failed | Cancelled => &[],
        };
        assert_eq!(to, expect, "{from:?}");
    }
}

#[test]
fn requests_about_a_task_are_read() {
    assert_eq!(read_task_id(&raw(r#"{"taskId":"t"}"#)), Ok("t".into()));
    assert_eq!(read_task_id(&raw("{}")).map_err(|fault| fault.message), Err("`taskId` is missing".into()));
    let read = |text: &str| TaskAnswers::read(&raw(text)).map_err(|fault| fault.message);
    let answers = read(r#"{"taskId":"t","inputResponses":{"a":{"x":1}}}"#).expect("answers");
    assert_eq!((answers.task_id.as_str(), answers.responses["a"].as_str()), ("t", r#"{"x":1}"#));
    assert_eq!(read(r#"{"taskId":"t"}"#), Err("`inputResponses` is missing".into()));
    assert_eq!(read(r#"{"inputResponses":{}}"#), Err("`taskId` is missing".into()));
}
