//! The page that explains a run: it loads nothing, holds what it is about, lets no text of a run become code, and stays small.

use bytes::Bytes;
use serde_json::Value;
use switchboard_scenarios::{CALM, LEADER_CRASH};
use switchboard_sim::NodeId;
use switchboard_sim::check::{ClientId, Entry, Fact, Plant};
use switchboard_sim::page::{BYTES_MAX, messages_ms, page};
use switchboard_sim::scenario::{Report, Wishes, run};

const DATA: &str = r#"<script id="data" type="application/json">"#;

/// A short run in which a request ends twice, with its messages.
fn failed() -> Report {
    let wishes = Wishes {
        seed: 3,
        clients: Some(10),
        seconds: Some(5),
        plant: Some(Plant::TwoOutcomes),
        keeps_history: true,
        ..Wishes::default()
    };
    let first = run(&CALM, &wishes);
    assert!(!first.is_passed(), "{first}");
    let report = run(&CALM, &Wishes { carried_ms: Some(messages_ms(&first)), ..wishes });
    assert_eq!(report.trace_hash, first.trace_hash, "writing messages down must not change a run");
    report
}

/// The page in front of its data, the data, and the page behind it.
fn parts(page: &str) -> (&str, Value, &str) {
    let (before, rest) = page.split_once(DATA).expect("the data must be there");
    let (data, behind) = rest.split_once("</script>").expect("the data must end");
    (before, serde_json::from_str(data).expect("the data must be JSON"), behind)
}

#[test]
fn the_page_loads_nothing_and_holds_what_broke() {
    let report = failed();
    let page = page(&report, Some("abc1234"), BYTES_MAX).unwrap();
    let (before, data, behind) = parts(&page);
    for part in [before, behind] {
        for leak in [
            "http://",
            "https://",
            " src=",
            " href=",
            "@import",
            "url(",
            "fetch(",
            "import(",
            "XMLHttpRequest",
        ] {
            assert!(!part.contains(leak), "{leak} stands in the page");
        }
        for sink in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
        {
            assert!(!part.contains(sink), "{sink} would make text into code");
        }
    }
    let violation = &report.violations[0];
    assert_eq!(data["violations"][0]["what"], violation.what.as_str());
    assert_eq!(data["violations"][0]["at"], violation.at);
    assert_eq!(data["head"]["replay"], report.replay.as_str());
    assert_eq!(data["head"]["commit"], "abc1234");
    let story = data["story"].as_array().unwrap();
    assert_eq!(story.last().unwrap()["kind"], "violation");
    assert!(story.iter().any(|step| step["kind"] == "client"), "{story:?}");
    let messages = data["messages"].as_array().unwrap();
    assert!(!messages.is_empty(), "the messages around the violation must be there");
}

#[test]
fn no_text_of_a_run_becomes_code() {
    const HOSTILE: &str = "</script><img src=x onerror=alert(1)><!--<script>";
    let mut report = failed();
    let at = report.violations[0].at;
    let fact = Fact::Note(ClientId(0), HOSTILE.to_owned());
    report.history.push(Entry { at, fact });
    report.violations[0].what = HOSTILE.to_owned();
    report.replay = HOSTILE.to_owned();
    report.carried[0].head = Bytes::from_static(HOSTILE.as_bytes());
    let page = page(&report, Some(HOSTILE), BYTES_MAX).unwrap();
    assert_eq!(page.matches("</script").count(), 2, "the data must not end its element");
    assert_eq!(page.matches("<script").count(), 2, "nor begin another");
    assert!(!page.contains("<img") && page.matches("<!--").count() == 0);
    let (_, data, _) = parts(&page);
    assert_eq!(data["violations"][0]["what"], HOSTILE, "and yet it is shown as it was");
}

#[test]
fn a_page_is_as_small_as_it_must_be_and_keeps_what_it_is_about() {
    let mut report = failed();
    let entries = report.history.clone();
    for round in 1..40 {
        let later =
            entries.iter().map(|entry| Entry { at: entry.at + round * 1_000_000, fact: entry.fact.clone() });
        report.history.extend(later);
    }
    let whole = page(&report, None, usize::MAX).unwrap();
    let bytes_max = whole.len() / 2;
    let small = page(&report, None, bytes_max).unwrap();
    assert!(small.len() <= bytes_max, "{} bytes", small.len());
    let (_, data, _) = parts(&small);
    assert_eq!(data["violations"][0]["what"], report.violations[0].what.as_str());
    assert!(data["requests"].as_array().unwrap().len() < report.history.len());
    assert!(page(&report, None, 10_000).is_err(), "no page is smaller than its scripts");
}

#[test]
fn a_cluster_that_holds_has_a_page_with_who_led_what() {
    let wishes = Wishes { seed: 1, seconds: Some(12), keeps_history: true, ..Wishes::default() };
    let report = run(&LEADER_CRASH, &wishes);
    let page = page(&report, None, BYTES_MAX).unwrap();
    let (_, data, _) = parts(&page);
    assert_eq!(data["head"]["passed"], report.is_passed());
    let leads = data["leads"].as_array().unwrap();
    let led = |node: u32| leads.iter().filter(|row| row[1] == node && row[4] == true).count();
    let nodes = report.servers_and_hosts.0;
    assert!(
        (0..nodes).map(NodeId).all(|node| led(node.0) > 0),
        "every node must have led something: {leads:?}"
    );
    let dies = |row: &Value| row[2] == "stopped" || row[2] == "dark";
    assert!(data["lives"].as_array().unwrap().iter().any(dies), "the leader must have died");
    assert!(data["story"].as_array().unwrap().is_empty() == report.is_passed());
}
