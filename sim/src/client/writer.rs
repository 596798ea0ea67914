//! Requests as bytes.

use std::fmt;
use std::io::Write;

/// Room for a request and a message of usual size.
const OUT_BYTES: usize = 1_024;
const BODY_BYTES: usize = 512;

/// The two ways of speaking MCP over HTTP.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Era {
    /// 2025-11-25: a session, opened by `initialize`.
    Stateful,
    /// 2026-07-28: each request says everything.
    Stateless,
}

impl Era {
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::Stateful => "2025-11-25",
            Self::Stateless => "2026-07-28",
        }
    }
}

/// A JSON-RPC message to be written.
pub(crate) struct Message<'a> {
    pub(crate) method: &'a str,
    /// What the message names: a tool, a resource.
    pub(crate) name: Option<&'a str>,
    /// None for a notification.
    pub(crate) id: Option<u32>,
    /// The members of its parameters, without braces.
    pub(crate) members: &'a str,
    /// Whether progress is wanted, under the id as its token.
    pub(crate) progress: bool,
    /// Whether it is about tasks, which are an extension in the stateless era.
    pub(crate) tasks: bool,
}

/// Writes the requests of one client.
pub(crate) struct Writer {
    era: Era,
    host: String,
    body: Vec<u8>,
    out: Vec<u8>,
}

impl Writer {
    /// How its client speaks.
    pub(crate) const fn era(&self) -> Era {
        self.era
    }

    pub(crate) const fn new(era: Era, host: String) -> Self {
        Self { era, host, body: Vec::new(), out: Vec::new() }
    }

    /// Gives back what the last request took.
    pub(crate) fn rest(&mut self) {
        (self.body, self.out) = (Vec::new(), Vec::new());
    }

    /// What was written last.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// A message, in a session where there is one.
    pub(crate) fn post(&mut self, session: Option<&str>, message: &Message<'_>) {
        self.body.clear();
        self.put_message(message);
        self.put_head("POST", session);
        if message.method != "initialize" {
            self.put(format_args!("MCP-Protocol-Version: {}\r\n", self.era.version()));
        }
        if self.era == Era::Stateless {
            self.put(format_args!("Mcp-Method: {}\r\n", message.method));
            if let Some(name) = message.name {
                self.put(format_args!("Mcp-Name: {name}\r\n"));
            }
        }
        self.put_body();
    }

    /// An answer to a question of the server's.
    pub(crate) fn answer(&mut self, session: Option<&str>, id: &str, result: &str) {
        self.body.clear();
        write!(self.body, r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
            .expect("memory takes all bytes");
        self.put_head("POST", session);
        self.put(format_args!("MCP-Protocol-Version: {}\r\n", self.era.version()));
        self.put_body();
    }

    /// A `GET` for a stream, or a `DELETE` of the session.
    pub(crate) fn bodiless(&mut self, method: &str, session: Option<&str>, last: Option<(u64, u64)>) {
        self.put_head(method, session);
        self.put(format_args!("MCP-Protocol-Version: {}\r\n", self.era.version()));
        if let Some((stream, sequence)) = last {
            self.put(format_args!("Last-Event-ID: {stream}.{sequence}\r\n"));
        }
        self.put(format_args!("\r\n"));
    }

    fn put_message(&mut self, message: &Message<'_>) {
        let Message { method, id, members, .. } = message;
        self.body.reserve(BODY_BYTES);
        let body = &mut self.body;
        let written: std::io::Result<()> = (|| {
            write!(body, r#"{{"jsonrpc":"2.0","#)?;
            if let Some(id) = id {
                write!(body, r#""id":{id},"#)?;
            }
            write!(body, r#""method":"{method}","params":{{{members}"#)?;
            let comma = if body.ends_with(b"{") { "" } else { "," };
            let token = id.filter(|_| message.progress);
            match self.era {
                Era::Stateless => {
                    let version = self.era.version();
                    write!(
                        body,
                        r#"{comma}"_meta":{{"io.modelcontextprotocol/protocolVersion":"{version}","#
                    )?;
                    if let Some(token) = token {
                        write!(body, r#""progressToken":{token},"#)?;
                    }
                    write!(body, r#""io.modelcontextprotocol/logLevel":"info","#)?;
                    let extensions = if message.tasks {
                        r#","extensions":{"io.modelcontextprotocol/tasks":{}}"#
                    } else {
                        ""
                    };
                    write!(
                        body,
                        r#""io.modelcontextprotocol/clientInfo":{{"name":"sim","version":"1"}},"io.modelcontextprotocol/clientCapabilities":{{"elicitation":{{"form":{{}}}}{extensions}}}}}"#
                    )?;
                }
                Era::Stateful => {
                    if let Some(token) = token {
                        write!(body, r#"{comma}"_meta":{{"progressToken":{token}}}"#)?;
                    }
                }
            }
            write!(body, "}}}}")
        })();
        written.expect("memory takes all bytes");
    }

    fn put_head(&mut self, method: &str, session: Option<&str>) {
        self.out.clear();
        self.out.reserve(OUT_BYTES);
        let accept = match method {
            "GET" => "text/event-stream",
            _ => "application/json, text/event-stream",
        };
        write!(self.out, "{method} /mcp HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\n", self.host)
            .expect("memory takes all bytes");
        if let Some(session) = session {
            self.put(format_args!("Mcp-Session-Id: {session}\r\n"));
        }
    }

    fn put_body(&mut self) {
        let length = self.body.len();
        self.put(format_args!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"));
        self.out.extend_from_slice(&self.body);
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("memory takes all bytes");
    }
}
