//! `switchboard serve`, seen from outside.

mod program;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use program::{Connection, Server, call, command, config, get};
use serde_json::json;

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr.clone()).expect("messages are text")
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the program must start")
}

#[test]
fn the_banner_says_where_it_serves_and_its_curl_line_works() {
    let server = Server::start("");
    let line = server.banner.lines().find(|line| line.starts_with("curl")).expect("the banner shows curl");
    // Every second piece stands in quotes: headers, and the body last.
    let quoted: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
    let (body, headers) = quoted.split_last().expect("the line has quotes");
    let headers: String =
        headers.iter().filter(|text| text.starts_with('M')).map(|header| format!("{header}\r\n")).collect();
    let answer = server.send("POST /mcp", &headers, body).read_to_end();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains(r#""structuredContent":{"sum":42}"#),
        "{answer}"
    );

    let banner = server
        .banner
        .replace(&server.http.to_string(), "HTTP-ADDRESS")
        .replace(&server.admin.to_string(), "ADMIN-ADDRESS");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots");
    insta::with_settings!({ snapshot_path => folder, prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("serve_banner", banner);
    });
}

#[test]
fn a_session_lists_and_calls_what_the_demonstration_offers() {
    let server = Server::start("");
    let session = server.initialize();
    let ask = |body: &serde_json::Value| server.post(Some(&session), body).read_to_end();
    let tools = ask(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }));
    for tool in ["echo", "add", "clock", "count", "order_coffee"] {
        assert!(tools.contains(&format!(r#""name":"{tool}""#)), "{tools}");
    }
    assert!(ask(&call(2, "echo", &json!({ "text": "hello" }))).contains(r#""text":"hello""#));
    assert!(ask(&call(3, "clock", &json!({}))).contains(r#""uptime_s""#));
    assert!(ask(&call(4, "add", &json!({ "a": i64::MAX, "b": 1 }))).contains("does not fit"));
    let counted = ask(&call(5, "count", &json!({ "to": 2, "step_ms": 1 })));
    assert!(counted.contains("2 of 2") && counted.contains("counted to 2"), "{counted}");
    assert!(ask(&call(6, "order_coffee", &json!({}))).contains("error"), "this client can ask nobody");
    let read = |uri: &str| {
        ask(&json!({ "jsonrpc": "2.0", "id": 7, "method": "resources/read", "params": { "uri": uri } }))
    };
    assert!(read("switchboard://about").contains("A clustered MCP server"));
    assert!(read("switchboard://greeting/fr").contains("Bonjour"));
    assert!(read("switchboard://greeting/xx").contains("error"));
    let typed = |reference: serde_json::Value, name: &str, value: &str| {
        let params = json!({ "ref": reference, "argument": { "name": name, "value": value } });
        ask(&json!({ "jsonrpc": "2.0", "id": 8, "method": "completion/complete", "params": params }))
    };
    assert!(
        typed(json!({ "type": "ref/prompt", "name": "review" }), "style", "na").contains(r#"["nautical"]"#)
    );
    let template = json!({ "type": "ref/resource", "uri": "switchboard://greeting/{language}" });
    assert!(typed(template, "language", "e").contains(r#"["en","es"]"#));
}

#[test]
fn a_caller_without_a_token_of_the_list_is_told_401_and_no_more() {
    let server = Server::start("[[tokens]]\nprincipal = \"alice\"\nsecret = \"0123456789abcdef\"\n");
    assert!(server.banner.contains("<the token of alice>") && !server.banner.contains("0123456789abcdef"));
    let body = program::initialize().to_string();
    for header in
        ["", "Authorization: Bearer 0123456789abcdeg\r\n", "Authorization: Basic 0123456789abcdef\r\n"]
    {
        let answer = server.send("POST /mcp", header, &body).read_to_end();
        assert!(
            answer.starts_with("HTTP/1.1 401") && answer.contains("www-authenticate: Bearer"),
            "{answer}"
        );
        assert!(!answer.contains("mcp-session-id"), "{answer}");
    }
    let answer = server.send("POST /mcp", "Authorization: Bearer 0123456789abcdef\r\n", &body).read_to_end();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("mcp-session-id"), "{answer}");
}

#[test]
fn a_request_to_a_foreign_host_or_from_a_foreign_page_is_refused() {
    let server = Server::start("");
    let body = program::initialize().to_string();
    for header in ["Host: evil.example\r\n", "Origin: https://evil.example\r\n", "Origin: null\r\n"] {
        let answer = server.send("POST /mcp", header, &body).read_to_end();
        assert!(answer.starts_with("HTTP/1.1 403"), "{header}{answer}");
    }
    for header in ["Host: localhost:1\r\n", "Origin: http://localhost:3000\r\n"] {
        let answer = server.send("POST /mcp", header, &body).read_to_end();
        assert!(answer.starts_with("HTTP/1.1 200"), "{header}{answer}");
    }
}

#[test]
fn a_listed_host_is_served_beside_loopback() {
    let text = "[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n\
                [http]\nlisten = \"127.0.0.1:0\"\nhosts = [\"mcp.example.com\"]\n";
    let server = Server::with(command().arg("--config").arg(config(text)));
    let body = program::initialize().to_string();
    for (host, status) in [("mcp.example.com", "200"), ("127.0.0.1", "200"), ("evil.example", "403")] {
        let answer = server.send("POST /mcp", &format!("Host: {host}\r\n"), &body).read_to_end();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host} {answer}");
    }
}

#[test]
fn lines_are_served_over_tcp_and_a_browser_is_not() {
    let server = Server::start("[tcp]\nlisten = \"127.0.0.1:0\"\n");
    let tcp = server.tcp.expect("TCP is on");
    let lines = format!("{}\n{}\n", program::initialize(), call(1, "add", &json!({ "a": 1, "b": 2 })));
    let mut connection = Connection::send(tcp, &lines);
    let seen = connection.read_until(r#""sum":3"#);
    assert!(seen.contains(r#""id":"open""#), "{seen}");
    let browser = Connection::send(tcp, "POST / HTTP/1.1\r\n\r\n{}\n");
    assert!(!browser.read_to_end().contains("result"));
}

#[test]
fn health_and_metrics_are_the_operators_and_not_the_clients() {
    let server = Server::start("");
    assert!(get(server.admin, "/livez").read_to_end().ends_with("alive\n"));
    assert!(get(server.admin, "/readyz").read_to_end().ends_with("ready\n"));
    server.initialize();
    assert!(get(server.admin, "/metrics").read_to_end().contains("switchboard_sessions_opened_total 1"));
    assert!(get(server.http, "/metrics").read_to_end().starts_with("HTTP/1.1 404"));
}

#[test]
fn a_port_in_use_is_one_line_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let shared = |output: Output| complaint(&output).replace(&address, "ADDRESS");
    assert_eq!(
        shared(run(command().args(["--listen", &address, "--admin", "off"]))),
        "error: cannot listen at ADDRESS: Address already in use (os error 98). \
         Another program serves there; --listen ADDR chooses another place\n"
    );
    assert_eq!(
        shared(run(command().args(["--listen", "127.0.0.1:0", "--admin", &address]))),
        "error: cannot listen at ADDRESS: Address already in use (os error 98). \
         Another program serves there; --admin ADDR moves the operator's port, --admin off leaves it out\n"
    );
}

#[test]
fn what_cannot_start_says_why_in_one_line() {
    let file = config("");
    let directory = format!("state_dir = {:?}\n[admin]\nlisten = \"off\"\n", file.join("below-a-file"));
    let output = run(command().args(["--listen", "127.0.0.1:0", "--config"]).arg(config(&directory)));
    let text = complaint(&output);
    assert!(
        text.starts_with("error: cannot use the state directory /") && text.lines().count() == 1,
        "{text}"
    );

    let output = run(command().args(["--listen", "off"]));
    assert_eq!(complaint(&output), "error: there is nothing to serve: http and tcp are both off\n");

    let output = run(command().args(["--listen", "0.0.0.0:0", "--admin", "off"]));
    assert!(complaint(&output).contains("--listen: 0.0.0.0:0 is reachable from other machines"));
}

#[test]
fn sessions_survive_a_restart_in_a_directory_that_is_closed_to_others() {
    let directory = config("").with_extension("state");
    let text =
        "[http]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n";
    let file = config(&format!("state_dir = {directory:?}\n{text}"));
    let live = || Server::with(command().arg("serve").arg("--config").arg(&file));
    let server = live();
    let session = server.initialize();
    server.signal("TERM");
    assert!(server.wait().0.success());
    let answer = live().post(Some(&session), &call(1, "echo", &json!({ "text": "again" }))).read_to_end();
    assert!(answer.contains(r#""text":"again""#), "{answer}");
    let mode = std::fs::metadata(&directory).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "keys are nobody else's business");
}

#[test]
fn check_prints_a_summary_or_every_problem() {
    let right =
        config("[[tokens]]\nprincipal = \"alice\"\nsecret = \"0123456789abcdef\"\n[limits]\npage_len = 7\n");
    let output = run(command().arg("check").arg(&right));
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("a summary is text");
    assert!(
        text.contains("alice") && text.contains("page_len = 7") && !text.contains("0123456789abcdef"),
        "{text}"
    );

    let wrong = config("[limits]\npage_len = 0\nretry = 1\n");
    let text = complaint(&run(command().arg("check").arg(&wrong)));
    let file = wrong.display();
    assert_eq!(
        text,
        format!(
            "{file}:2:12: `limits.page_len` must be a whole number from 1 to 100000000, not 0\n\
             {file}:3:1: unknown key `limits.retry`; did you mean `retry_ms`?\n\
             error: 2 problems in {file}\n"
        )
    );
    let output = run(command().args(["check", "--example"]));
    assert_eq!(String::from_utf8(output.stdout).as_deref(), Ok(switchboard_bin::config::EXAMPLE));
}
