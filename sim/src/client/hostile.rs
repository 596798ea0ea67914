//! The hostile client: bytes that no server should take, as data. Each goes over a connection of its own and must meet
//! the right refusal; the next request, by the same client on a fresh connection, must work.

use switchboard::env::{Env, deadline};

use super::link::Link;
use super::outcome::{Errand, Outcome};
use super::pending::Pending;
use super::persona::Persona;
use super::route::Route;
use super::thin::Thin;
use super::writer::Era;
use crate::check::{Fact, History};

/// How bytes are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    /// All at once.
    Whole,
    /// All at once, and then nothing more ever.
    ThenShut,
    /// One by one, with so many milliseconds between.
    Dribble(u64),
}

/// Something that no server should take.
struct Case {
    name: &'static str,
    manner: Manner,
    bytes: fn(host: &str) -> Vec<u8>,
    /// The status that it must meet; 0 for a close without a word.
    status: u16,
}

const fn case(name: &'static str, status: u16, bytes: fn(&str) -> Vec<u8>) -> Case {
    Case { name, manner: Manner::Whole, bytes, status }
}

/// A request with these header lines, which end it, and this body.
fn post(host: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nAccept: application/json, text/event-stream\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n{lines}\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn raw(host: &str, lines: &str, body: &str) -> Vec<u8> {
    format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n{body}").into_bytes()
}

const PING: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// A modern call whose header names this tool.
fn modern(host: &str, tool: &str) -> Vec<u8> {
    let lines = format!("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: {tool}\r\n");
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"mark":"x","steps":0},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"sim","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    post(host, &lines, body)
}

const CASES: &[Case] = &[
    case("a body that says it is too large", 413, |host| {
        raw(host, "Content-Type: application/json\r\nContent-Length: 99999999\r\n", "{")
    }),
    case("a body that is too large without saying so", 413, |host| {
        let chunk = format!("{:x}\r\n{}\r\n", 16_384, " ".repeat(16_384));
        raw(host, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", &chunk.repeat(5))
    }),
    Case {
        name: "a body that ends too early",
        manner: Manner::ThenShut,
        bytes: |host| raw(host, "Content-Type: application/json\r\nContent-Length: 100\r\n", "{\"a\":"),
        status: 400,
    },
    case("a message that is too deep", 400, |host| {
        post(host, "", format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)).as_bytes())
    }),
    case("a message that is not UTF-8", 400, |host| {
        post(host, "", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p\xff\xfeing\"}")
    }),
    case("a message that is not JSON", 400, |host| post(host, "", b"{\"jsonrpc\":")),
    case("a message with its method twice", 400, |host| {
        post(host, "", br#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#)
    }),
    case("a message of a session that is none", 404, |host| {
        post(host, "Mcp-Session-Id: AAAA\r\nMCP-Protocol-Version: 2025-11-25\r\n", PING)
    }),
    case("a header that names another tool than the body", 400, |host| modern(host, "panic")),
    case("another content type", 415, |host| {
        raw(host, "Content-Type: text/plain\r\nContent-Length: 2\r\n", "{}")
    }),
    case("no content type", 415, |host| raw(host, "Content-Length: 2\r\n", "{}")),
    case("a foreign host", 403, |_| post("evil.example", "", PING)),
    case("two hosts", 400, |host| post(host, &format!("Host: {host}\r\n"), PING)),
    case("a foreign origin", 403, |host| post(host, "Origin: https://evil.example\r\n", PING)),
    case("two lengths", 400, |host| raw(host, "Content-Length: 2\r\nContent-Length: 40\r\n", "{}")),
    case("an unknown transfer coding", 400, |host| raw(host, "Transfer-Encoding: gzip\r\n", "")),
    case("chunks that are none", 400, |host| {
        raw(host, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n")
    }),
    case("a head without end", 431, |host| raw(host, &format!("A: {}\r\n", "x".repeat(20_000)), "")),
    case("too many headers", 431, |host| raw(host, &"A: 1\r\n".repeat(101), "")),
    case("a header with a space in its name", 400, |host| raw(host, "A b: 1\r\n", "")),
    case("an unknown path", 404, |host| {
        format!("POST /nothing HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n").into_bytes()
    }),
    case("an unknown HTTP method", 405, |host| {
        format!("TRACE /mcp HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes()
    }),
    case("what is not HTTP", 400, |_| PING.to_vec().into_iter().chain(*b"\r\n\r\n").collect()),
    Case {
        name: "a head that drips in",
        manner: Manner::Dribble(400),
        bytes: |host| post(host, "", PING),
        status: 0,
    },
    Case {
        name: "a body that drips in",
        manner: Manner::Dribble(100),
        bytes: |host| {
            raw(host, "Content-Type: application/json\r\nContent-Length: 9999\r\n", &" ".repeat(9_999))
        },
        status: 408,
    },
];

/// How long the first bytes of a body that drips in may stand together: its head is sent at once.
const PATIENCE_MS: u64 = 60_000;

/// Sends everything that no server should take, each followed by a request that must work.
pub async fn attack<E: Env>(env: E, history: History, who: Persona) {
    let route = Route::new(&env, who.servers.clone(), &format!("client {}", who.id.0), who.roams);
    let mut thin = Thin::new(env.clone(), history, who.id, Era::Stateless, route, who.work.patience_ms);
    thin.pause_between(who.work.begin_ms).await;
    while env.now().as_nanos() < who.work.end_ms * 1_000_000 {
        let number = usize::try_from(thin.dice.below(CASES.len() as u64)).unwrap_or_default();
        try_case(&mut thin, number).await;
        thin.hang_up();
        thin.run(Errand::Echo).await;
        thin.pause_between(who.work.pace_ms).await;
    }
}

async fn try_case<E: Env>(thin: &mut Thin<E>, number: usize) {
    let case = &CASES[number];
    let client = thin.mark.client;
    let errand = Errand::Hostile(u16::try_from(number).unwrap_or(u16::MAX));
    thin.mark.call = 0;
    let pending = Pending::new(&thin.history, thin.mark, errand);
    let env = thin.env.clone();
    let met = deadline(&env, env.now().after_ms(PATIENCE_MS), send(thin, case)).await;
    let met = met.unwrap_or(Err(Outcome::Timeout));
    let is_right = match met {
        Ok(status) => status == case.status,
        Err(outcome) => case.status == 0 && matches!(outcome, Outcome::Closed | Outcome::Reset),
    };
    if !is_right {
        let text = format!("{} must meet {}, and met {met:?}", case.name, case.status);
        thin.history.note(Fact::Note(client, text));
    }
    let outcome = if is_right { Outcome::Ok } else { met.map_or_else(|outcome| outcome, Outcome::Http) };
    pending.end(outcome, &thin.route);
}

async fn send<E: Env>(thin: &mut Thin<E>, case: &Case) -> Result<u16, Outcome> {
    let bytes = (case.bytes)(&thin.route.name());
    let mut link = Link::open(&thin.env, thin.route.next()).await?;
    match case.manner {
        Manner::Whole => link.send(&bytes).await?,
        Manner::ThenShut => {
            link.send(&bytes).await?;
            link.shut().await?;
        }
        Manner::Dribble(ms) => dribble(thin, &mut link, &bytes, ms, case.status == 0).await?,
    }
    let status = link.head().await?.status;
    link.body().await?;
    Ok(status)
}

/// Sends bytes one by one; where only the body is to drip, its head at once. Stops once the server has said or done
/// something.
async fn dribble<E: Env>(
    thin: &mut Thin<E>,
    link: &mut Link<E::Stream>,
    bytes: &[u8],
    ms: u64,
    also_head: bool,
) -> Result<(), Outcome> {
    let head = memchr::memmem::find(bytes, b"\r\n\r\n").map_or(0, |at| at + 4);
    let from = if also_head { 0 } else { head };
    link.send(&bytes[..from]).await?;
    for byte in &bytes[from..] {
        thin.pause(ms).await;
        if link.has_news().await? {
            return Ok(());
        }
        link.send(&[*byte]).await?;
    }
    Ok(())
}
