//! How a cluster comes about, and what any of its nodes does for a client of another.

use std::time::{Duration, Instant};

use crate::bed::{Bed, HTTP};

const LIMIT: Duration = Duration::from_secs(60);

fn post(session: Option<&str>, body: &str) -> String {
    let session = session.map(|session| format!("Mcp-Session-Id: {session}\r\n")).unwrap_or_default();
    format!(
        "POST /mcp HTTP/1.1\r\nHost: {{host}}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n{session}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let line = answer.lines().find(|line| line.to_ascii_lowercase().starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#;

#[test]
fn a_session_that_one_node_opened_is_served_by_all_until_one_of_them_ends_it() {
    let mut bed = Bed::new(1, 3, 16);
    let formed = bed.run_until_formed(LIMIT);
    println!("three nodes formed after {formed:?}");
    let opened = bed.ask(0, HTTP, &post(None, INITIALIZE));
    assert!(opened.starts_with("HTTP/1.1 200"), "{opened}");
    let session = header(&opened, "mcp-session-id").expect("a session id").to_owned();
    for node in [1, 2, 0] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{{"name":"greet","arguments":{{}},"_meta":{{"progressToken":"p"}}}}}}"#,
            node + 2
        );
        let answer = bed.ask(node, HTTP, &post(Some(&session), &body));
        assert!(answer.contains("half way") && answer.contains("hello"), "node {node}: {answer}");
    }
    let delete = format!(
        "DELETE /mcp HTTP/1.1\r\nHost: {{host}}\r\nConnection: close\r\nMcp-Session-Id: {session}\r\n\r\n"
    );
    let ended = bed.ask(2, HTTP, &delete);
    assert!(ended.starts_with("HTTP/1.1 204"), "{ended}");
    for node in 0..3 {
        let answer =
            bed.ask(node, HTTP, &post(Some(&session), r#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#));
        assert!(answer.starts_with("HTTP/1.1 404"), "node {node}: {answer}");
    }
}

/// Frames that all nodes sent, and groups that sleep.
fn frames(status: &serde_json::Value) -> (u64, usize) {
    let nodes = status["nodes"].as_array().expect("nodes");
    let groups = status["groups"].as_array().expect("groups");
    let sent = nodes.iter().filter_map(|node| node["frames_sent"].as_u64()).sum();
    (sent, groups.iter().filter(|group| group["asleep"].as_bool() == Some(true)).count())
}

#[test]
#[ignore = "measures: how long clusters take to form, and what they say when idle"]
#[expect(clippy::disallowed_methods, reason = "a measurement reads the real clock")]
fn what_a_cluster_costs() {
    for (nodes, groups) in [(3, 16), (5, 16), (30, 128), (100, 256)] {
        let begun = Instant::now();
        let mut bed = Bed::new(1, nodes, groups);
        let formed = bed.run_until_formed(Duration::from_secs(120));
        let real = begun.elapsed();
        bed.world.run_for(Duration::from_secs(30));
        let (before, asleep) = frames(&bed.status(0));
        let (begun, virtual_begun) = (Instant::now(), bed.world.now());
        bed.world.run_for(Duration::from_secs(60));
        let (after, _) = frames(&bed.status(0));
        let seconds = (bed.world.now() - virtual_begun).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = (after - before) as f64 / seconds / f64::from(nodes);
        let speed = seconds / begun.elapsed().as_secs_f64();
        println!(
            "{nodes} nodes, {groups} groups: formed after {formed:?} virtual, {real:?} real; idle: {asleep} groups asleep, \
             {rate:.1} frames per second and node, {speed:.0} x real time"
        );
    }
}
