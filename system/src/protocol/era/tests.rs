//! Every cell of the table, and the requests that the conformance suite sends.

use http::{HeaderMap, HeaderValue};

use super::*;

const OLD: Revision = Revision::V2025_06_18;
const NEW: Revision = Revision::V2026_07_28;

fn versions() -> [Version; 6] {
    [
        Version::Absent,
        Version::Legacy(OLD),
        Version::Legacy(Revision::V2025_11_25),
        Version::Modern(NEW),
        Version::Unknown("v9".into()),
        Version::Unknown("v8".into()),
    ]
}

fn show(outcome: &Result<Era, Fault>) -> String {
    match outcome {
        Ok(era) => format!("{era:?}"),
        Err(fault) => {
            let [old, new] = [OLD, NEW].map(|revision| fault.http_status(revision));
            assert_eq!(old, new, "{fault}: a status that hangs on an era that nobody knows");
            format!("{new} {}", fault.code)
        }
    }
}

/// The rules as prose would put them, by another road than the rows: which question is asked first differs.
fn expect(facts: &Facts) -> String {
    use MethodClass as M;
    let Facts { carrier, header, meta, method, session } = facts;
    let gone = matches!(method, M::Initialize | M::Ping | M::Legacy | M::Unknown);
    if *carrier == Carrier::Line {
        return match (meta, method) {
            (Version::Unknown(_), _) => "400 -32022".into(),
            (Version::Modern(_), _) if gone => "404 -32601".into(),
            (Version::Modern(_), _) => "Modern(V2026_07_28)".into(),
            (_, M::Initialize) => "Initialize".into(),
            (_, _) if *session => "Legacy(None)".into(),
            (_, M::Ping) => "Legacy(None)".into(),
            (_, M::Notification) => "Modern(V2026_07_28)".into(),
            (_, M::Unknown) => "404 -32601".into(),
            (_, M::Legacy | M::Answer) => "400 -32600".into(),
            (_, M::Shared | M::Modern) => "400 -32602".into(),
        };
    }
    let agree = *meta == Version::Absent || header == meta;
    match header {
        Version::Absent => match meta {
            Version::Modern(_) | Version::Unknown(_) => "400 -32020".into(),
            _ if *method == M::Initialize => "Initialize".into(),
            _ if *session => "Legacy(None)".into(),
            _ if *method == M::Modern => "400 -32020".into(),
            _ => "400 -32600".into(),
        },
        _ if !agree => "400 -32020".into(),
        Version::Unknown(_) => "400 -32022".into(),
        Version::Modern(_) => match method {
            _ if gone => "404 -32601".into(),
            M::Answer => "400 -32600".into(),
            M::Notification => "Modern(V2026_07_28)".into(),
            _ if *meta == Version::Absent => "400 -32602".into(),
            _ => "Modern(V2026_07_28)".into(),
        },
        Version::Legacy(_) if *method == M::Initialize => "Initialize".into(),
        Version::Legacy(revision) if *session => format!("Legacy(Some({revision:?}))"),
        Version::Legacy(_) => "400 -32600".into(),
    }
}

#[test]
fn every_cell_has_one_outcome_and_it_is_the_one_that_the_rules_say() {
    let mut cells = 0;
    for carrier in [Carrier::Http, Carrier::Line] {
        for header in versions() {
            for meta in versions() {
                for method in MethodClass::ALL {
                    for session in [false, true] {
                        let facts =
                            Facts { carrier, header: header.clone(), meta: meta.clone(), method, session };
                        assert_eq!(show(&facts.era()), expect(&facts), "{facts:?}");
                        cells += 1;
                    }
                }
            }
        }
    }
    assert_eq!(cells, 2 * 6 * 6 * 8 * 2);
}

#[test]
fn what_the_conformance_suite_sends_is_answered_as_it_expects() {
    let check = |header: Option<&str>, meta: Option<&str>, method: &str, text: &str| {
        let facts = Facts {
            carrier: Carrier::Http,
            header: Version::read(header),
            meta: Version::read(meta),
            method: MethodClass::of_request(Method::parse(method)),
            session: false,
        };
        assert_eq!(show(&facts.era()), text, "{header:?} {meta:?} {method}");
    };
    let new = Some("2026-07-28");
    check(new, None, "server/discover", "400 -32602");
    check(new, new, "server/discover", "Modern(V2026_07_28)");
    check(Some("v999.0.0"), Some("v999.0.0"), "server/discover", "400 -32022");
    check(new, Some("v999.0.0"), "server/discover", "400 -32020");
    for gone in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"] {
        check(new, new, gone, "404 -32601");
    }
    check(new, new, "unknown/method", "404 -32601");
    check(new, new, "tasks/get", "Modern(V2026_07_28)");
    check(new, new, "tasks/list", "404 -32601");
    check(None, None, "initialize", "Initialize");
    check(Some("2025-06-18"), None, "initialize", "Initialize");
    check(Some("1999-01-01"), None, "tools/list", "400 -32022");
}

#[test]
fn an_unknown_version_is_echoed_and_a_long_one_is_cut() {
    let check = |version: &str, echoed: &str| {
        let version = Version::read(Some(version));
        let facts = Facts {
            carrier: Carrier::Http,
            header: version.clone(),
            meta: version,
            method: MethodClass::Shared,
            session: false,
        };
        let fault = facts.era().expect_err("unknown");
        let data = fault.data.expect("data");
        assert!(data.as_str().ends_with(&format!(r#""requested":"{echoed}"}}"#)), "{data:?}");
    };
    check("v999.0.0", "v999.0.0");
    check(&"x".repeat(1000), &"x".repeat(64));
}

#[test]
fn a_header_is_read_trimmed_and_two_that_differ_are_no_version() {
    let check = |values: &[&str], expect: Version| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("MCP-Protocol-Version", HeaderValue::from_bytes(value.as_bytes()).expect("value"));
        }
        assert_eq!(Version::of_headers(&headers), expect, "{values:?}");
    };
    check(&[], Version::Absent);
    check(&[" 2025-06-18 "], Version::Legacy(OLD));
    check(&["2026-07-28", "2026-07-28"], Version::Modern(NEW));
    check(&["2026-07-28", "2025-06-18"], Version::Unknown("2026-07-28, 2025-06-18".into()));
    check(&["2026\u{e9}"], Version::Unknown("2026\u{e9}".into()));
}

#[test]
fn methods_fall_into_their_classes() {
    let check = |name: &str, expect: MethodClass| {
        assert_eq!(MethodClass::of_request(Method::parse(name)), expect, "{name}");
    };
    check("initialize", MethodClass::Initialize);
    check("ping", MethodClass::Ping);
    check("tools/call", MethodClass::Shared);
    check("tasks/get", MethodClass::Shared);
    check("tasks/result", MethodClass::Legacy);
    check("logging/setLevel", MethodClass::Legacy);
    check("server/discover", MethodClass::Modern);
    check("tasks/update", MethodClass::Modern);
    check("notifications/initialized", MethodClass::Unknown);
    check("nope", MethodClass::Unknown);
}
