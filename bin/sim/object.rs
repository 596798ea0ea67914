//! A run as one object of JSON, and as text: the same for machines and for people.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_sim::Fired;
use switchboard_sim::scenario::{End, Report};

use crate::code;
use crate::coverage::Reached;

/// How often a run reached each point, by the name of that.
fn reached(report: &Report) -> Reached {
    report.reached.iter().map(|(point, times)| (point.name().to_owned(), *times)).collect()
}

/// A run that took so long, for machines. One that failed says how, and everything that went wrong on the way.
pub(crate) fn of(report: &Report, real: Duration) -> Value {
    let [p50, p99, max] = [50, 99, 100].map(|percent| report.waits.percentile_ms(percent));
    let mut object = json!({
        "scenario": report.scenario,
        "seed": report.wishes.seed,
        "nodes": report.wishes.nodes,
        "outcome": report.end.name(),
        "trace_hash": report.trace_hash.to_string(),
        "virtual_s": report.virtual_time.as_secs_f64(),
        "busy_s": report.busy_time.as_secs_f64(),
        "real_s": real.as_secs_f64(),
        "waits_ms": { "p50": p50, "p99": p99, "max": max },
        "requests": report.requests,
        "outcomes": report.outcomes,
        "reached": reached(report),
        "quirks": report.quirks,
        "replay": report.replay,
    });
    for (key, value) in failure(report) {
        object[key] = value;
    }
    object
}

/// What is said besides of a run that failed.
fn failure(report: &Report) -> Vec<(&'static str, Value)> {
    let (check, message, at_ms) = match &report.end {
        End::Passed => return Vec::new(),
        End::Safety(first) | End::Liveness(first) => {
            (Some(first.check), first.what.as_str(), Some(first.at / 1_000_000))
        }
        End::Crash(what) | End::Idle(what) => (None, what.as_str(), None),
    };
    let fired = |Fired { fault, at, touched }: &Fired| json!({ "at_ms": at / 1_000_000, "fault": fault, "touched": touched });
    vec![
        ("check", json!(check)),
        ("message", json!(message)),
        ("at_ms", json!(at_ms)),
        ("finding", json!(report.finding())),
        ("plan", json!(report.plan)),
        ("fired", report.faults.iter().map(fired).collect()),
        ("commit", json!(code::commit())),
        ("report", json!(text(report))),
    ]
}

/// A run for people. One that failed says on which code.
pub(crate) fn text(report: &Report) -> String {
    let mut text = report.to_string();
    if let (false, Some(commit)) = (report.is_passed(), code::commit()) {
        text.push_str(&format!("  commit: {commit}\n"));
    }
    text
}
