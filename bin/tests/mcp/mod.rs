//! A tiny MCP server that does to its clients whatever the name of the tool says, and writes down what they did wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the server saw.
#[derive(Default, Debug)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    pub(crate) calls: usize,
    pub(crate) lists: usize,
    pub(crate) streams: usize,
    pub(crate) sessions: BTreeMap<String, BTreeSet<u64>>,
    pub(crate) deleted: usize,
    pub(crate) resumed: Vec<String>,
    /// Breaches of the protocol. Must stay empty.
    pub(crate) wrong: Vec<String>,
    /// Sessions to forget at the next call.
    pub(crate) amnesia: usize,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Seen>>,
}

struct Request {
    line: String,
    headers: BTreeMap<String, String>,
    body: Value,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback must bind");
        let url = format!("http://{}/mcp", listener.local_addr().expect("bound"));
        let server = Self { url, seen: Arc::default() };
        let this = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                this.seen(|seen| seen.connections += 1);
                let this = this.clone();
                tokio::spawn(async move {
                    let _ = this.serve(stream).await;
                });
            }
        });
        server
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().expect("the test must not panic inside"))
    }

    fn expect(&self, holds: bool, what: &str) {
        if !holds {
            self.seen(|seen| seen.wrong.push(what.to_owned()));
        }
    }

    async fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        loop {
            let Some((line, headers)) = read_head(&mut stream).await? else { return Ok(()) };
            let length = headers.get("content-length").map_or(0, |text| text.parse().expect("a number"));
            if headers.get("mcp-name").is_some_and(|name| name == "reset") {
                // Without time to linger, to close is to reset.
                return socket2::SockRef::from(stream.get_ref()).set_linger(Some(Duration::ZERO));
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await?;
            let body = if length == 0 { Value::Null } else { serde_json::from_slice(&body)? };
            let answer = self.answer(&Request { line, headers, body }).await;
            stream.write_all(answer.bytes.as_bytes()).await?;
            match answer.then {
                Then::Next => {}
                Then::Close => return Ok(()),
                Then::Hold => {
                    let mut end = Vec::new();
                    stream.read_to_end(&mut end).await?;
                    return Ok(());
                }
            }
        }
    }

    async fn answer(&self, request: &Request) -> Answer {
        let version = request.headers.get("mcp-protocol-version").map(String::as_str);
        match request.body["method"].as_str() {
            Some("initialize") => return self.initialize(request),
            _ if version == Some("2026-07-28") => self.check_stateless(request),
            _ if version == Some("2025-11-25") => {
                if let Some(refusal) = self.check_session(request) {
                    return refusal;
                }
            }
            _ => self.expect(false, "a request without a version"),
        }
        if request.line.starts_with("DELETE ") {
            self.seen(|seen| seen.deleted += 1);
            return Answer::plain("200 OK");
        }
        if request.line.starts_with("GET ") {
            let last = request.headers.get("last-event-id").cloned();
            return self.stream(last);
        }
        match request.body["method"].as_str() {
            Some("notifications/initialized") => Answer::plain("202 Accepted"),
            Some("subscriptions/listen") => self.stream(None),
            Some("tools/list") => {
                self.seen(|seen| seen.lists += 1);
                Answer::result(&request.body, &json!({ "tools": [] }))
            }
            Some("tools/call") => {
                self.seen(|seen| seen.calls += 1);
                self.call(&request.body).await
            }
            other => {
                self.expect(false, &format!("an unknown method {other:?}"));
                Answer::plain("404 Not Found")
            }
        }
    }

    fn initialize(&self, request: &Request) -> Answer {
        self.expect(request.body["params"]["protocolVersion"] == "2025-11-25", "another version");
        self.expect(!request.headers.contains_key("mcp-session-id"), "initialize inside a session");
        let id = self.seen(|seen| {
            let id = format!("session-{}", seen.sessions.len());
            seen.sessions.insert(id.clone(), BTreeSet::new());
            id
        });
        let result = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {} });
        let answer = Answer::result(&request.body, &result);
        Answer { bytes: answer.bytes.replacen("\r\n", &format!("\r\nMcp-Session-Id: {id}\r\n"), 1), ..answer }
    }

    fn check_stateless(&self, request: &Request) {
        let Request { headers, body, .. } = request;
        self.expect(headers.get("mcp-method").map(String::as_str) == body["method"].as_str(), "Mcp-Method");
        let name = body["params"]["name"].as_str();
        self.expect(headers.get("mcp-name").map(String::as_str) == name, "Mcp-Name");
        let meta = &body["params"]["_meta"];
        self.expect(meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28", "_meta version");
        self.expect(meta["io.modelcontextprotocol/clientInfo"]["name"].is_string(), "_meta clientInfo");
        self.expect(meta["io.modelcontextprotocol/clientCapabilities"].is_object(), "_meta capabilities");
        self.expect(!headers.contains_key("mcp-session-id"), "a session in a stateless request");
    }

    fn check_session(&self, request: &Request) -> Option<Answer> {
        let id = request.headers.get("mcp-session-id")?;
        let number = request.body["id"].as_u64();
        self.seen(|seen| {
            if seen.amnesia > 0 && request.body["method"] == "tools/call" {
                seen.amnesia -= 1;
                seen.sessions.remove(id);
            }
            let Some(used) = seen.sessions.get_mut(id) else { return Some(Answer::plain("404 Not Found")) };
            if number.is_some_and(|number| !used.insert(number)) {
                seen.wrong.push(format!("id {number:?} twice in {id}"));
            }
            None
        })
    }

    fn stream(&self, last_event: Option<String>) -> Answer {
        let number = self.seen(|seen| {
            seen.streams += 1;
            seen.resumed.extend(last_event);
            seen.streams
        });
        let event =
            format!("id: event-{number}\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}}\n\n");
        let bytes = format!("{EVENT_HEAD}{:x}\r\n{event}\r\n3\r\n:\n\n\r\n", event.len());
        // The first stream is cut off, so that somebody has to come back.
        Answer { bytes, then: if number == 1 { Then::Close } else { Then::Hold } }
    }

    async fn call(&self, body: &Value) -> Answer {
        let good = json!({ "content": [{ "type": "text", "text": "hi" }], "isError": false });
        match body["params"]["name"].as_str().unwrap_or_default() {
            "echo" => Answer::result(body, &good),
            "sse" => Answer::events(body, &good),
            "brief" => Answer { then: Then::Close, ..Answer::result(body, &good) },
            "slow" => {
                tokio::time::sleep(Duration::from_millis(150)).await;
                Answer::result(body, &good)
            }
            "stall" => {
                if self.seen(|seen| seen.calls) == 20 {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Answer::result(body, &good)
            }
            "fail" => Answer::result(body, &json!({ "content": [], "isError": true })),
            "ask" => Answer::result(body, &json!({ "resultType": "input_required" })),
            "broken" => {
                Answer::json(&json!({ "id": body["id"], "error": { "code": -32603, "message": "" } }))
            }
            "stranger" => Answer::json(&json!({ "id": 7, "result": {} })),
            "404" => Answer::plain("404 Not Found"),
            "429" => Answer::plain("429 Too Many Requests"),
            "503" => Answer::plain("503 Service Unavailable"),
            "500" => Answer::plain("500 Internal Server Error"),
            "garbage" => Answer { bytes: "220 mail ready\r\n\r\n".to_owned(), then: Then::Hold },
            "half" => Answer { bytes: "HTTP/1.1 200 OK\r\nContent-Le".to_owned(), then: Then::Close },
            "close" => Answer { bytes: String::new(), then: Then::Close },
            "hang" => Answer { bytes: String::new(), then: Then::Hold },
            "goodbye" => {
                let answer = Answer::result(body, &good);
                let bytes = answer.bytes.replacen("\r\n", "\r\nConnection: close\r\n", 1);
                Answer { bytes, then: Then::Close }
            }
            other => panic!("no such tool {other}"),
        }
    }
}

enum Then {
    Next,
    Close,
    Hold,
}

struct Answer {
    bytes: String,
    then: Then,
}

const EVENT_HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

impl Answer {
    fn plain(status: &str) -> Self {
        Self { bytes: format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"), then: Then::Next }
    }

    fn json(body: &Value) -> Self {
        let body = body.to_string();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json";
        let bytes = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        Self { bytes, then: Then::Next }
    }

    fn result(asked: &Value, result: &Value) -> Self {
        Self::json(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }))
    }

    /// A priming event, a notification and the answer, cut into chunks in the middle of a line.
    fn events(asked: &Value, result: &Value) -> Self {
        let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result });
        let notice = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {} });
        let events = format!("id: 1\ndata:\n\ndata: {notice}\n\ndata: {answer}\n\n");
        let (first, second) = events.split_at(events.len() / 2);
        let bytes = format!(
            "{EVENT_HEAD}{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
            first.len(),
            second.len()
        );
        Self { bytes, then: Then::Next }
    }
}

async fn read_head(
    stream: &mut BufReader<TcpStream>,
) -> io::Result<Option<(String, BTreeMap<String, String>)>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut lines = lines.into_iter();
    let first = lines.next().unwrap_or_default();
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    Ok(Some((first, headers.collect())))
}
