//! The full client: either era through hyper's own client, every message read as JSON in full. A few of these
//! beside the many thin ones show that what the thin ones believe of HTTP is what others believe too.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::rt::{Read, ReadBufCursor, Write};
use serde_json::{Value, json};
use switchboard::env::{Env, Stream, deadline};
use tokio::io::ReadBuf;

use super::outcome::{Errand, Outcome};
use super::pending::Pending;
use super::persona::Persona;
use super::route::Route;
use super::sse::SseDecoder;
use super::writer::Era;
use crate::check::{Fact, History, Mark};

/// A stream as hyper wants it.
struct Io<S>(S);

impl<S: Stream> Read for Io<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut scratch = [0; 4_096];
        let room = to.remaining().min(scratch.len());
        let mut buffer = ReadBuf::new(&mut scratch[..room]);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer))?;
        to.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> Write for Io<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }
}

struct Caller<E> {
    env: E,
    history: History,
    who: Persona,
    route: Route,
    sender: Option<SendRequest<Full<Bytes>>>,
    session: Option<HeaderValue>,
    mark: Mark,
}

/// Lives the life of a full client to its end.
pub async fn live_in_full<E: Env>(env: E, history: History, who: Persona) {
    let mut dice = env.entropy(&format!("client {}", who.id.0));
    let work = who.work.clone();
    let mark = Mark { client: who.id, session: 0, call: 0 };
    let route = Route::new(&env, who.servers.clone(), &format!("client {}", who.id.0), who.roams);
    let mut caller = Caller { env: env.clone(), history, who, route, sender: None, session: None, mark };
    let mut draw = |(from, to): (u64, u64)| from + dice.below(to.saturating_sub(from) + 1);
    env.sleep_until(env.now().after_ms(draw(work.begin_ms))).await;
    while env.now().as_nanos() < work.end_ms * 1_000_000 {
        let errand = match draw((0, 3)) {
            _ if caller.who.era == Era::Stateful && caller.session.is_none() => Errand::Initialize,
            0 => Errand::Slow(3),
            _ => Errand::Echo,
        };
        caller.call(errand).await;
        env.sleep_until(env.now().after_ms(draw(work.pace_ms))).await;
    }
}

impl<E: Env> Caller<E> {
    async fn call(&mut self, errand: Errand) {
        self.mark.call += 1;
        if errand == Errand::Initialize {
            self.mark.session += 1;
        }
        let pending = Pending::new(&self.history, self.mark, errand);
        let (env, due) = (self.env.clone(), self.env.now().after_ms(self.who.work.patience_ms));
        let outcome = deadline(&env, due, self.exchange(errand)).await.unwrap_or(Err(Outcome::Timeout));
        if outcome.is_err() {
            self.route.failed();
            self.sender = None;
        }
        if outcome == Ok(Outcome::Http(404)) {
            self.session = None;
        }
        pending.end(outcome.unwrap_or_else(|outcome| outcome), &self.route);
    }

    async fn exchange(&mut self, errand: Errand) -> Result<Outcome, Outcome> {
        if self.route.roams() || self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            let stream =
                self.env.connect(self.route.next()).await.map_err(|error| Outcome::of_connect(&error))?;
            let (sender, connection) = handshake(Io(stream)).await.map_err(|_| Outcome::Reset)?;
            self.env.spawn("connection of a full client", async move {
                // How it ends is seen by the request that is on it.
                let _ = connection.await;
            });
            self.sender = Some(sender);
        }
        let request = self.request(errand);
        let Some(sender) = &mut self.sender else { return Err(Outcome::Closed) };
        sender.ready().await.map_err(|_| Outcome::Closed)?;
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| broken(&error))?.to_bytes();
        if head.status != 200 {
            if head.status == 503 {
                self.route.failed();
                self.sender = None;
            }
            return Ok(Outcome::Http(head.status.as_u16()));
        }
        if let Some(name) = head.headers.get("mcp-session-id") {
            self.session = Some(name.clone());
        }
        let is_stream = head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        if is_stream { self.read_events(&body) } else { self.read_message(&body)?.ok_or(Outcome::Garbled) }
    }

    fn request(&self, errand: Errand) -> Request<Full<Bytes>> {
        let version = self.who.era.version();
        if self.who.era == Era::Stateful {
            return self.stateful_request(errand, version);
        }
        let tool = errand.tool().expect("a full client calls tools only");
        let message = json!({
            "jsonrpc": "2.0", "id": self.mark.call, "method": "tools/call",
            "params": {
                "name": tool,
                "arguments": { "mark": self.mark.to_string(), "steps": errand.steps() },
                "_meta": {
                    "progressToken": self.mark.call,
                    "io.modelcontextprotocol/protocolVersion": version,
                    "io.modelcontextprotocol/clientInfo": { "name": "full", "version": "1" },
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        self.post(version)
            .header("mcp-method", "tools/call")
            .header("mcp-name", tool)
            .body(Full::from(message.to_string()))
            .expect("the request must be well formed")
    }

    fn stateful_request(&self, errand: Errand, version: &str) -> Request<Full<Bytes>> {
        let (method, params) = match errand.tool() {
            None => (
                "initialize",
                json!({
                    "protocolVersion": version, "capabilities": {},
                    "clientInfo": { "name": "full", "version": "1" },
                }),
            ),
            Some(tool) => (
                "tools/call",
                json!({
                    "name": tool,
                    "arguments": { "mark": self.mark.to_string(), "steps": errand.steps() },
                    "_meta": { "progressToken": self.mark.call },
                }),
            ),
        };
        let message = json!({ "jsonrpc": "2.0", "id": self.mark.call, "method": method, "params": params });
        let mut request = self.post(version);
        if let (Some(name), true) = (&self.session, errand != Errand::Initialize) {
            request = request.header("mcp-session-id", name);
        }
        request.body(Full::from(message.to_string())).expect("the request must be well formed")
    }

    fn post(&self, version: &str) -> http::request::Builder {
        Request::post("/mcp")
            .header(HOST, self.route.name())
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json")
            .header("mcp-protocol-version", version)
    }

    fn read_events(&self, body: &[u8]) -> Result<Outcome, Outcome> {
        let mut events = SseDecoder::default();
        events.feed(body);
        let mut outcome = None;
        while let Some(event) = events.next().map_err(|_| Outcome::Garbled)? {
            // The event that primes a resumption says nothing.
            if event.data.is_empty() {
                continue;
            }
            // Nothing may follow the answer.
            if outcome.is_some() {
                return Err(Outcome::Garbled);
            }
            outcome = self.read_message(&event.data)?;
        }
        outcome.ok_or(Outcome::Closed)
    }

    /// The outcome, where the message is the answer.
    fn read_message(&self, bytes: &[u8]) -> Result<Option<Outcome>, Outcome> {
        for owner in Mark::find(bytes) {
            self.history.note(Fact::Told { reader: self.mark, owner });
        }
        let message: Value = serde_json::from_slice(bytes).map_err(|_| Outcome::Garbled)?;
        if message["jsonrpc"] != "2.0" {
            return Err(Outcome::Garbled);
        }
        if message["method"] == "notifications/progress" {
            let number = message["params"]["progress"].as_u64().and_then(|number| u32::try_from(number).ok());
            let number = number.ok_or(Outcome::Garbled)?;
            self.history.note(Fact::Progress { mark: self.mark, number });
        }
        if message.get("method").is_some() {
            return Ok(None);
        }
        if message["id"] != self.mark.call {
            return Err(Outcome::Garbled);
        }
        if let Some(code) = message["error"]["code"].as_i64() {
            return Ok(Some(Outcome::RpcError(code)));
        }
        let result = &message["result"];
        let is_whole = match self.who.era {
            Era::Stateful if result["protocolVersion"] == self.who.era.version() => true,
            Era::Stateful => result["content"][0]["text"] == self.mark.to_string(),
            Era::Stateless => {
                result["resultType"] == "complete" && result["content"][0]["text"] == self.mark.to_string()
            }
        };
        Ok(Some(if is_whole { Outcome::Ok } else { Outcome::Garbled }))
    }
}

fn broken(error: &hyper::Error) -> Outcome {
    if error.is_incomplete_message() || error.is_canceled() { Outcome::Closed } else { Outcome::Reset }
}
