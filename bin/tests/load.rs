//! The load generator against a server that misbehaves on demand.

mod mcp;

use std::ops::ControlFlow;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Parser;
use switchboard_bin::load::{Args, LoadOptions, Outcome, Report, run};

use mcp::Server;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    args: Args,
}

fn options(url: &str, line: &str) -> LoadOptions {
    let words = ["load", "--url", url].into_iter().chain(line.split_ascii_whitespace());
    Program::parse_from(words).args.check().expect("the options of a test must be right")
}

async fn load(server: &Server, line: &str) -> Report {
    let report = run(options(&server.url, line), |_| ControlFlow::Continue(())).await.expect("must start");
    assert_eq!(server.seen(|seen| seen.wrong.clone()), [""; 0], "the generator broke the protocol");
    assert_eq!(report.sent, report.counts.total());
    report
}

fn count(report: &Report, outcome: Outcome) -> u64 {
    report.counts.of(outcome)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_end_is_counted_under_its_own_name() {
    for (tool, outcome) in [
        ("echo", Outcome::Ok),
        ("sse", Outcome::Ok),
        ("goodbye", Outcome::Ok),
        ("fail", Outcome::ToolError),
        ("broken", Outcome::RpcError),
        ("404", Outcome::Http4xx),
        ("429", Outcome::Shed),
        ("503", Outcome::Shed),
        ("500", Outcome::Http5xx),
        ("hang", Outcome::Timeout),
        ("reset", Outcome::Reset),
        ("close", Outcome::Closed),
        ("half", Outcome::Closed),
        ("garbage", Outcome::Protocol),
        ("stranger", Outcome::Protocol),
        ("ask", Outcome::Protocol),
    ] {
        let server = Server::start().await;
        let line = format!("--tool {tool} --connections 2 --requests 4 --timeout-ms 150");
        let report = load(&server, &line).await;
        assert_eq!((report.sent, count(&report, outcome)), (4, 4), "{tool}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_refuses_each_request_and_is_asked_ever_more_slowly() {
    let report =
        run(options("http://127.0.0.1:1/mcp", "--connections 1 --requests 4"), |_| ControlFlow::Continue(()));
    let begin = Instant::now();
    let report = report.await.expect("must start");
    assert_eq!((report.sent, count(&report, Outcome::Refused)), (4, 4));
    assert_eq!(report.opening_failures, 1);
    assert!(begin.elapsed() > Duration::from_millis(400), "in {:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_accept_is_a_connect_timeout() {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("binds");
    let listener = socket.listen(1).expect("listens");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let options = options(&url, "--connections 6 --requests 6 --timeout-ms 300");
    let report = run(options, |_| ControlFlow::Continue(())).await.expect("must start");
    let (connect, answer) = (count(&report, Outcome::ConnectTimeout), count(&report, Outcome::Timeout));
    assert!(connect > 0 && connect + answer == 6, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_eras_speak_as_their_revision_says_and_keep_their_connections() {
    for (era, tool) in [("2025", "echo"), ("2026", "echo"), ("2025", "sse"), ("2026", "sse")] {
        let server = Server::start().await;
        let line = format!("--era {era} --tool {tool} --connections 5 --requests 500 --mix call=4,list=1");
        let report = load(&server, &line).await;
        assert_eq!((report.sent, count(&report, Outcome::Ok), report.reconnects), (500, 500, 0), "{report}");
        server.seen(|seen| {
            assert_eq!((seen.connections, seen.calls + seen.lists), (5, 500));
            assert!((60..140).contains(&seen.lists), "{} lists", seen.lists);
            let sessions = if era == "2025" { 5 } else { 0 };
            assert_eq!((seen.sessions.len(), seen.deleted), (sessions, sessions));
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_threads_share_one_schedule() {
    let server = Server::start().await;
    let report = load(&server, "--threads 3 --connections 7 --requests 1000").await;
    assert_eq!((report.sent, count(&report, Outcome::Ok)), (1_000, 1_000));
    assert_eq!(server.seen(|seen| (seen.connections, seen.calls)), (7, 1_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_costs_one_request_and_is_opened_anew() {
    let server = Server::start().await;
    server.seen(|seen| seen.amnesia = 1);
    let report = load(&server, "--era 2025 --connections 1 --requests 10").await;
    assert_eq!((count(&report, Outcome::Http4xx), count(&report, Outcome::Ok)), (1, 9));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_server_ends_is_replaced_and_its_session_is_kept() {
    let server = Server::start().await;
    let report = load(&server, "--era 2025 --tool goodbye --connections 1 --requests 5").await;
    assert_eq!((count(&report, Outcome::Ok), report.reconnects), (5, 4));
    assert_eq!(server.seen(|seen| (seen.connections, seen.calls, seen.sessions.len())), (5, 5, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_closed_while_idle_is_no_failed_request() {
    let server = Server::start().await;
    let report = load(&server, "--tool brief --connections 1 --rate 1.5 --duration-s 1.9").await;
    assert_eq!((report.sent, count(&report, Outcome::Ok), report.reconnects), (3, 3, 2), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_lost_server_go_on_to_the_next() {
    let server = Server::start().await;
    let line = "--url http://127.0.0.1:1/mcp --connections 4 --requests 40";
    let report = load(&server, line).await;
    assert_eq!((report.opening_failures, count(&report, Outcome::Ok)), (2, 40), "{report}");
    assert_eq!(server.seen(|seen| seen.connections), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn churn_comes_as_a_new_client_each_time() {
    let server = Server::start().await;
    let report = load(&server, "--era 2025 --connections 2 --requests 10 --mix churn=1").await;
    assert_eq!((count(&report, Outcome::Ok), report.reconnects), (10, 0));
    assert_eq!(server.seen(|seen| (seen.sessions.len(), seen.deleted)), (12, 12));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_loop_charges_a_stall_to_everybody_who_would_have_come() {
    let server = Server::start().await;
    let line = "--tool stall --connections 1 --rate 200 --duration-s 1";
    let report = load(&server, line).await;
    assert_eq!((report.sent, count(&report, Outcome::Ok)), (200, 200));
    // One request of 200 stalled for 500 ms; about a hundred were due meanwhile and waited from 0 to 500 ms.
    assert!(report.latency.p95_ms > 300.0, "{report}");
    assert!(report.latency.p50_ms < 200.0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_and_finds_no_connection_times_out_and_is_counted() {
    let server = Server::start().await;
    let line = "--tool hang --connections 2 --rate 100 --duration-s 1 --timeout-ms 200";
    let report = load(&server, line).await;
    assert_eq!((report.sent, count(&report, Outcome::Timeout)), (100, 100));
    assert!(server.seen(|seen| seen.calls) < 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_climbs_to_the_rate_and_is_not_measured() {
    let server = Server::start().await;
    let report = load(&server, "--connections 4 --rate 1000 --ramp-s 0.4 --duration-s 0.5").await;
    assert_eq!(report.sent, 700, "half the rate on average during the ramp");
    assert!((500.0..=1_000.0).contains(&report.rps), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_held_counted_and_resumed() {
    for era in ["2025", "2026"] {
        let server = Server::start().await;
        let line = format!("--era {era} --connections 1 --streams 3 --rate 50 --duration-s 1");
        let report = load(&server, &line).await;
        assert_eq!(count(&report, Outcome::Ok), 50);
        let streams = report.streams;
        assert_eq!((streams.opened, streams.lost, streams.failed, streams.messages), (4, 1, 0, 4), "{era}");
        let resumed: &[&str] = if era == "2025" { &["event-1"] } else { &[] };
        assert_eq!(server.seen(|seen| seen.resumed.clone()), resumed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_clients_hold_and_then_call_once_more() {
    for (what, calls, streams) in [("stream", 20, 21), ("connection", 40, 0)] {
        for era in ["2025", "2026"] {
            let server = Server::start().await;
            let line = format!("--era {era} --idle={what} --connections 20 --ramp-s 0.1 --duration-s 0.3");
            let report = load(&server, &line).await;
            assert_eq!((report.sent, count(&report, Outcome::Ok)), (calls, calls), "{era} {what}: {report}");
            assert_eq!(server.seen(|seen| seen.streams), streams, "one is lost and comes back");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_still_counts_what_is_under_way() {
    let server = Server::start().await;
    let begin = Instant::now();
    let options = options(&server.url, "--tool slow --connections 3 --duration-s 60");
    let report = run(options, |progress| match progress.running {
        Some(running) if running > Duration::from_millis(200) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    let report = report.await.expect("must start");
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert!(report.sent >= 3 && count(&report, Outcome::Ok) == report.sent, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_ends_with_one_line_of_json_also_when_it_is_interrupted() {
    let server = Server::start().await;
    let script = "\"$0\" load --url \"$1\" --json --duration-s 60 & sleep 1; kill -INT $!; wait $!";
    let url = server.url.clone();
    let output = tokio::task::spawn_blocking(move || {
        // An interactive shell, or its background jobs would ignore the interrupt.
        Command::new("bash")
            .args(["-m", "-c", script, env!("CARGO_BIN_EXE_switchboard"), &url])
            .output()
            .expect("bash must run")
    });
    let output = output.await.expect("must end");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("must be UTF-8");
    assert_eq!(text.lines().count(), 1);
    let report: serde_json::Value = serde_json::from_str(&text).expect("must be JSON");
    assert!(report["sent"].as_u64() > Some(0) && report["sent"] == report["ok"], "{text}");
    for field in ["rps", "p50_ms", "p95_ms", "p99_ms", "max_ms", "timeout", "shed", "closed", "protocol"] {
        assert!(report[field].is_number(), "{field} is missing in {text}");
    }
}

#[test]
fn the_program_says_what_is_wrong_with_an_option() {
    let output = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(["load", "--url", "https://localhost/mcp"])
        .output()
        .expect("must run");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("error: --url: https://localhost/mcp: TLS"), "{said}");
}
