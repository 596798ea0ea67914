//! `switchboard stdio`: a server that its client started.

mod program;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use program::{call, command, config, wait};
use serde_json::{Value, json};

struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the program must start");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Self { child, input, output }
    }

    fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().expect("standard input is open");
        writeln!(input, "{message}").expect("the server must read");
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the protocol is text");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no message: {line:?}"))
    }

    /// Reads messages until the answer to a request comes.
    fn answer(&mut self, id: u32) -> Value {
        loop {
            let message = self.next();
            if message["id"] == id {
                return message;
            }
        }
    }

    /// The rest of standard output, and standard error.
    fn finish(mut self) -> (Option<i32>, String, String) {
        let code = wait(&mut self.child).code();
        let (mut rest, mut log) = (String::new(), String::new());
        self.output.read_to_string(&mut rest).expect("the protocol is text");
        self.child.stderr.take().expect("stderr is piped").read_to_string(&mut log).expect("logs are text");
        (code, rest, log)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_client_talks_to_the_server_that_it_started_and_ends_it_by_ending_its_input() {
    let mut client = Client::start(command().args(["stdio", "--log", "trace"]));
    client.send(&program::initialize());
    assert_eq!(client.next()["result"]["protocolVersion"], "2025-11-25");
    client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    client.send(&call(1, "add", &json!({ "a": 2, "b": 40 })));
    assert_eq!(client.answer(1)["result"]["structuredContent"]["sum"], 42);
    drop(client.input.take());
    let (code, rest, _) = client.finish();
    assert_eq!((code, rest.as_str()), (Some(0), ""), "nothing but protocol on standard output");
}

#[test]
fn what_is_under_way_when_the_input_ends_is_still_answered() {
    let mut client = Client::start(command().arg("stdio"));
    client.send(&program::initialize());
    client.send(&call(1, "count", &json!({ "to": 5, "step_ms": 50 })));
    drop(client.input.take());
    let answer = client.answer(1);
    assert_eq!(answer["result"]["content"][0]["text"], "counted to 5", "{answer}");
    assert_eq!(client.finish().0, Some(0));
}

#[test]
fn a_signal_ends_it_after_its_calls_although_the_input_stays_open() {
    let mut client = Client::start(command().arg("stdio"));
    client.send(&program::initialize());
    client.send(&call(1, "count", &json!({ "to": 5, "step_ms": 50 })));
    while client.next()["method"] != "notifications/progress" {}
    let id = client.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("there must be a kill").success());
    assert_eq!(client.answer(1)["result"]["content"][0]["text"], "counted to 5");
    assert_eq!(client.finish().0, Some(0));
}

#[test]
fn no_port_is_opened_whatever_the_file_says() {
    // If it were, the second one could not start.
    let file = config("[http]\nlisten = \"127.0.0.1:65123\"\n[limits]\npage_len = 2\n");
    let mut first = Client::start(command().args(["stdio", "--config"]).arg(&file));
    let mut second = Client::start(command().args(["stdio", "--config"]).arg(&file));
    for client in [&mut first, &mut second] {
        client.send(&program::initialize());
        client.next();
        client.send(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }));
        let answer = client.answer(1);
        assert_eq!(answer["result"]["tools"].as_array().map(Vec::len), Some(2), "limits count: {answer}");
    }
}

#[test]
fn what_cannot_start_says_so_on_standard_error_alone() {
    let file = config("[limits]\npage_len = 0\n");
    let (code, output, log) = Client::start(command().args(["stdio", "--config"]).arg(&file)).finish();
    assert_eq!((code, output.as_str()), (Some(1), ""));
    assert!(log.contains("`limits.page_len` must be"), "{log}");
}
