//! Requests as bytes, made once. Only the id changes between two sends, so it has a fixed width and is put in
//! place: formatting a request would cost more than all the rest that the generator does for it in user space.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::options::Operation;

/// The two ways of speaking MCP over HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Era {
    /// 2025-11-25: a session, opened by `initialize`.
    Stateful,
    /// 2026-07-28: each request says everything.
    Stateless,
}

impl Era {
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Stateful => "2025-11-25",
            Self::Stateless => "2026-07-28",
        }
    }
}

/// Where requests go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The address of the server.
    pub address: SocketAddr,
    /// The `Host` header.
    pub host: String,
    /// Path and query.
    pub path: String,
}

/// What is asked of every server alike.
#[derive(Clone, PartialEq, Debug)]
pub struct Ask {
    /// The name of the tool.
    pub tool: String,
    /// Its arguments, an object.
    pub arguments: Value,
    /// The bearer token.
    pub token: Option<String>,
}

/// Digits of an id. They start at 10⁹ and have room for 9 · 10⁹ requests of one client.
const ID_DIGITS: usize = 10;
/// Holds the place of an id in a request that is being written.
const ID_PLACE: u64 = 1_000_000_000;

/// A request that is ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Request {
    bytes: Vec<u8>,
    id_at: usize,
}

impl Request {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digits of its id; empty for a notification.
    pub(super) fn id(&self) -> &[u8] {
        if self.id_at == 0 { &[] } else { &self.bytes[self.id_at..self.id_at + ID_DIGITS] }
    }

    /// Puts an id in.
    pub(super) fn number(&mut self, id: &[u8; ID_DIGITS]) {
        if self.id_at > 0 {
            self.bytes[self.id_at..self.id_at + ID_DIGITS].copy_from_slice(id);
        }
    }
}

/// The ids of one client, as digits. None is used twice, for a session may outlive a connection.
#[derive(Debug)]
pub(super) struct Ids([u8; ID_DIGITS]);

impl Ids {
    pub(super) fn new() -> Self {
        Self(*b"1000000000")
    }

    pub(super) fn next(&mut self) -> &[u8; ID_DIGITS] {
        for digit in self.0.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                break;
            }
            *digit = b'0';
        }
        &self.0
    }
}

/// Writes the requests of one client to one server.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub era: Era,
    pub target: &'a Target,
    pub ask: &'a Ask,
    pub session: Option<&'a str>,
}

impl Writer<'_> {
    pub(super) fn initialize(&self) -> Request {
        let body = json!({
            "jsonrpc": "2.0", "id": ID_PLACE, "method": "initialize",
            "params": {
                "protocolVersion": self.era.version(),
                "capabilities": {},
                "clientInfo": client(),
            },
        });
        // The version is what is being asked for here, so no header claims one yet.
        self.post(&body, &[])
    }

    pub(super) fn initialized(&self) -> Request {
        self.post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }), &self.version_header())
    }

    pub(super) fn operation(&self, operation: Operation) -> Request {
        match operation {
            Operation::Call | Operation::Churn => self.request(
                "tools/call",
                json!({ "name": self.ask.tool, "arguments": self.ask.arguments }),
                Some(&self.ask.tool),
            ),
            Operation::List => self.request("tools/list", json!({}), None),
        }
    }

    /// Opens the stream on which the server speaks by itself.
    pub(super) fn stream(&self, last_event: Option<&str>) -> Request {
        match self.era {
            Era::Stateful => self.bodiless("GET", "text/event-stream", last_event),
            Era::Stateless => {
                let wanted = json!({ "notifications": { "toolsListChanged": true } });
                self.request("subscriptions/listen", wanted, None)
            }
        }
    }

    /// Ends the session.
    pub(super) fn delete(&self) -> Request {
        self.bodiless("DELETE", "application/json, text/event-stream", None)
    }

    fn request(&self, method: &str, mut params: Value, name: Option<&str>) -> Request {
        let mut headers = self.version_header();
        if self.era == Era::Stateless {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": self.era.version(),
                "io.modelcontextprotocol/clientInfo": client(),
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            headers.push(("Mcp-Method", method));
            headers.extend(name.map(|name| ("Mcp-Name", name)));
        }
        let body = json!({ "jsonrpc": "2.0", "id": ID_PLACE, "method": method, "params": params });
        self.post(&body, &headers)
    }

    fn version_header(&self) -> Vec<(&'static str, &'static str)> {
        vec![("MCP-Protocol-Version", self.era.version())]
    }

    fn post(&self, body: &Value, headers: &[(&str, &str)]) -> Request {
        let id = body.get("id").is_some();
        let body = body.to_string();
        let mut bytes = self.head("POST", "application/json, text/event-stream", headers);
        bytes.extend_from_slice(
            format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(),
        );
        // The first such member is the envelope's own: it comes before `params`, sorted by name or not.
        let id_at = if id {
            bytes.len() + body.find(r#""id":1000000000"#).expect("an envelope with an id must show it") + 5
        } else {
            0
        };
        bytes.extend_from_slice(body.as_bytes());
        Request { bytes, id_at }
    }

    fn bodiless(&self, method: &str, accept: &str, last_event: Option<&str>) -> Request {
        let mut headers = self.version_header();
        let mut bytes = {
            let last_event = last_event.map(|id| ("Last-Event-ID", id));
            let all: Vec<(&str, &str)> = headers.drain(..).chain(last_event).collect();
            self.head(method, accept, &all)
        };
        bytes.extend_from_slice(b"\r\n");
        Request { bytes, id_at: 0 }
    }

    fn head(&self, method: &str, accept: &str, headers: &[(&str, &str)]) -> Vec<u8> {
        let Target { host, path, .. } = self.target;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\n");
        let token = self.ask.token.as_ref().map(|token| format!("Bearer {token}"));
        let own = [("Authorization", token.as_deref()), ("Mcp-Session-Id", self.session)];
        let own = own.into_iter().filter_map(|(name, value)| Some((name, value?)));
        for (name, value) in own.chain(headers.iter().copied()) {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        }
        head.into_bytes()
    }
}

fn client() -> Value {
    json!({ "name": "switchboard-load", "version": env!("CARGO_PKG_VERSION") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_counts_up_in_its_place_and_the_length_holds() {
        let target = Target {
            address: SocketAddr::from(([127, 0, 0, 1], 9000)),
            host: "localhost:9000".to_owned(),
            path: "/mcp".to_owned(),
        };
        let arguments = json!({ "id": 1_000_000_000, "text": "grüß dich" });
        let ask = Ask { tool: "echo".to_owned(), arguments, token: Some("secret".to_owned()) };
        let writer = Writer { era: Era::Stateless, target: &target, ask: &ask, session: None };
        let mut request = writer.operation(Operation::Call);
        let mut ids = Ids::new();
        for _ in 0..10 {
            request.number(ids.next());
        }
        assert_eq!(request.id(), b"1000000010");
        let text = std::str::from_utf8(request.bytes()).expect("must be UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("must have a body");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
        assert!(head.contains("Authorization: Bearer secret\r\n") && head.contains("Mcp-Name: echo\r\n"));
        let body: Value = serde_json::from_str(body).expect("must be JSON");
        assert_eq!(
            (&body["id"], &body["params"]["arguments"]["id"]),
            (&json!(1_000_000_010), &json!(ID_PLACE))
        );
        assert_eq!(body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    }
}
