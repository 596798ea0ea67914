//! The built program as a child process, and the little of a client that its tests need.
//!
//! Requests and answers are text on a socket: a test that shared the server's own HTTP code would not see its mistakes.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longer than anything here takes, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_switchboard"))
}

/// Writes a configuration where no other test does.
pub(crate) fn config(text: &str) -> PathBuf {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let name = format!("{}-{}.toml", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed));
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the folder for tests must be writable");
    path
}

/// `switchboard serve` at ports of its own.
pub(crate) struct Server {
    child: Child,
    pub(crate) http: SocketAddr,
    pub(crate) tcp: Option<SocketAddr>,
    pub(crate) admin: SocketAddr,
    /// Everything that it printed on standard output before it was ready.
    pub(crate) banner: String,
    log: Option<thread::JoinHandle<String>>,
}

impl Server {
    /// Starts it with a piece of configuration after the ports.
    pub(crate) fn start(more: &str) -> Self {
        let text = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n{more}"
        );
        Self::with(command().arg("--config").arg(config(&text)))
    }

    pub(crate) fn with(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the program must start");
        let mut log = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut ready = String::new();
        log.read_line(&mut ready).expect("stderr is text");
        let ready: Value = serde_json::from_str(&ready).unwrap_or_else(|_| panic!("not ready: {ready}"));
        assert_eq!(ready["message"], "ready");
        let address = |name: &str| ready[name].as_str().and_then(|text| text.parse().ok());
        let mut banner = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
        while !banner.contains("Ctrl-C") {
            assert_ne!(lines.read_line(&mut banner).expect("stdout is text"), 0, "the banner ends early");
        }
        let log = thread::spawn(move || {
            let mut rest = String::new();
            log.read_to_string(&mut rest).expect("stderr is text");
            rest
        });
        Self {
            http: address("http").expect("HTTP is on"),
            tcp: address("tcp"),
            admin: address("admin").expect("the operator's port is on"),
            child,
            banner,
            log: Some(log),
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(kill.expect("there must be a kill").success());
    }

    /// Waits for its end; returns how it ended and what it logged since it was ready.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = wait(&mut self.child);
        let log = self.log.take().expect("nobody waited before");
        (status, log.join().expect("the log must be readable"))
    }

    /// A request of 2025-11-25, in a session or to open one.
    pub(crate) fn post(&self, session: Option<&str>, body: &Value) -> Connection {
        let session = session.map(|id| format!("Mcp-Session-Id: {id}\r\n")).unwrap_or_default();
        self.send("POST /mcp", &format!("MCP-Protocol-Version: 2025-11-25\r\n{session}"), &body.to_string())
    }

    /// Opens a session of 2025-11-25.
    pub(crate) fn initialize(&self) -> String {
        let answer = self.post(None, &initialize()).read_to_end();
        let line = answer.lines().find(|line| line.to_ascii_lowercase().starts_with("mcp-session-id:"));
        let session = line.and_then(|line| line.split_once(": ")).expect("initialize must give a session");
        session.1.to_owned()
    }

    /// Any request.
    pub(crate) fn send(&self, target: &str, headers: &str, body: &str) -> Connection {
        let host = if headers.contains("Host:") { String::new() } else { format!("Host: {}\r\n", self.http) };
        let accept = if target.starts_with("GET") { "" } else { "application/json, " };
        Connection::send(
            self.http,
            &format!(
                "{target} HTTP/1.1\r\n{host}Accept: {accept}text/event-stream\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
                body.len()
            ),
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a child; one that does not end fails its test.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status;
        }
        assert!(begin.elapsed() < PATIENCE, "the program does not end");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A connection, and what came back over it so far.
pub(crate) struct Connection {
    stream: TcpStream,
    begin: Instant,
    pub(crate) seen: String,
}

impl Connection {
    pub(crate) fn send(address: SocketAddr, text: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("the server must accept");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.write_all(text.as_bytes()).expect("the server must read");
        Self { stream, begin: Instant::now(), seen: String::new() }
    }

    /// Reads until `part` was seen.
    pub(crate) fn read_until(&mut self, part: &str) -> &str {
        while !self.seen.contains(part) {
            assert!(self.read_some() > 0, "{part:?} never came: {}", self.seen);
        }
        &self.seen
    }

    /// Reads until the server closes.
    pub(crate) fn read_to_end(mut self) -> String {
        while self.read_some() > 0 {}
        self.seen
    }

    fn read_some(&mut self) -> usize {
        // A stream that is kept alive never runs into the timeout of one read.
        assert!(self.begin.elapsed() < PATIENCE, "still waiting after: {}", self.seen);
        let mut buffer = [0; 4096];
        let len = self.stream.read(&mut buffer).expect("the connection must not break");
        self.seen.push_str(std::str::from_utf8(&buffer[..len]).expect("answers are ASCII here"));
        len
    }
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Connection {
    Connection::send(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

pub(crate) fn initialize() -> Value {
    json!({
        "jsonrpc": "2.0", "id": "open", "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "0" },
        },
    })
}

pub(crate) fn call(id: u32, tool: &str, arguments: &Value) -> Value {
    json!({
        "jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": { "name": tool, "arguments": arguments, "_meta": { "progressToken": id } },
    })
}
