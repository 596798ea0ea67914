//! The end of `switchboard serve`: what is under way is finished, and nobody waits for longer than was promised.

mod program;

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use program::{PATIENCE, Server, call, get};
use serde_json::json;

/// Waits until the operator sees a stage.
fn until_stage(server: &Server, stage: &str) {
    let begin = Instant::now();
    while !get(server.admin, "/readyz").read_to_end().ends_with(&format!("{stage}\n")) {
        assert!(begin.elapsed() < PATIENCE, "never {stage}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_drain_finishes_the_slow_call_ends_the_open_stream_and_shows_at_readyz() {
    let server = Server::start("");
    let session = server.initialize();
    let headers = format!("MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: {session}\r\n");
    let mut stream = server.send("GET /mcp", &headers, "");
    stream.read_until("\r\n\r\n");
    let mut slow = server.post(Some(&session), &call(1, "count", &json!({ "to": 8, "step_ms": 100 })));
    slow.read_until("1 of 8");
    let (admin, http) = (server.admin, server.http);

    server.signal("TERM");
    until_stage(&server, "draining");
    assert!(get(admin, "/readyz").read_to_end().starts_with("HTTP/1.1 503"));
    assert!(get(admin, "/livez").read_to_end().starts_with("HTTP/1.1 200"));
    let ended = stream.read_to_end();
    assert!(ended.contains("retry:"), "the stream ends without a word on when to come back: {ended}");
    assert!(TcpStream::connect(http).is_err(), "a node that drains takes nobody new");
    let answer = slow.read_to_end();
    assert!(answer.contains("8 of 8") && answer.contains("counted to 8"), "{answer}");

    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("SIGTERM") && log.contains("ended"), "{log}");
}

#[test]
fn a_client_of_the_old_transport_gets_its_last_answer_before_its_stream_ends() {
    let server = Server::start("");
    let mut stream = server.send("GET /sse", "", "");
    let seen = stream.read_until("\n\n").to_owned() + stream.read_until("sessionId");
    let place =
        seen.lines().find_map(|line| line.strip_prefix("data: ")).expect("the stream says where to post");
    let post = |body: &serde_json::Value| {
        server.send(&format!("POST {}", place.trim()), "", &body.to_string()).read_to_end()
    };
    assert!(post(&program::initialize()).starts_with("HTTP/1.1 202"));
    post(&call(1, "count", &json!({ "to": 5, "step_ms": 100 })));
    stream.read_until(r#""progress":1"#);
    server.signal("TERM");
    assert!(stream.read_to_end().contains("counted to 5"));
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn a_call_that_takes_too_long_is_cut_off_when_the_drain_is_over() {
    let server = Server::start("[limits]\ndrain_ms_max = 300\n");
    let session = server.initialize();
    let mut slow = server.post(Some(&session), &call(1, "count", &json!({ "to": 100, "step_ms": 1_000 })));
    // A log message tells that the call is under way.
    slow.read_until("counting to 100");
    let begin = Instant::now();
    server.signal("INT");
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(begin.elapsed() >= Duration::from_millis(300));
    assert!(begin.elapsed() < Duration::from_secs(10), "took {:?}", begin.elapsed());
}

#[test]
fn an_idle_server_ends_at_once_although_connections_are_kept_open() {
    let server = Server::start("");
    let idle: Vec<TcpStream> =
        (0..10).map(|_| TcpStream::connect(server.http).expect("the server must accept")).collect();
    let scrape = TcpStream::connect(server.admin).expect("the operator must be let in");
    let begin = Instant::now();
    server.signal("TERM");
    let (status, _) = server.wait();
    assert_eq!(status.code(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(5), "took {:?}", begin.elapsed());
    drop((idle, scrape));
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let server = Server::start("");
        let session = server.initialize();
        let mut slow =
            server.post(Some(&session), &call(1, "count", &json!({ "to": 100, "step_ms": 1_000 })));
        slow.read_until("counting to 100");
        server.signal(name);
        until_stage(&server, "draining");
        server.signal(name);
        assert_eq!(server.wait().0.code(), Some(code));
    }
}
