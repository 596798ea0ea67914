//! Bytes that nobody meant: requests that were cut, doubled, spliced and flipped, thrown at both edges of a node in the
//! simulator. Whatever comes, the node answers in HTTP or JSON-RPC or hangs up, nothing panics, and the next honest
//! request on a fresh connection works.
//!
//! `SWITCHBOARD_FUZZ_CASES` and `SWITCHBOARD_FUZZ_SEED` set how much and from where; a failure names its case.

use std::net::SocketAddr;
use std::time::Duration;

use switchboard::env::{Entropy, Env, deadline};
use switchboard::handler::{Ctx, Server, Tool};
use switchboard::node::{Config, Node};
use switchboard_sim::{Options, SimEnv, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const HTTP: u16 = 80;
const LINES: u16 = 81;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Echo {
    text: String,
}

/// Honest messages, to be spoilt.
const BODIES: [&str; 6] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#,
    r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"é\n\u0041"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
    r#"{"jsonrpc":"2.0","id":"x","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
    r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"}]"#,
    r#"{"jsonrpc":"2.0","id":"ask-1","result":{"action":"accept","content":{"a":1e400}}}"#,
    r#"{"jsonrpc":"2.0","id":3,"method":"resources/read","params":{"uri":"test://a","_meta":{"progressToken":null}}}"#,
];

/// Pieces that parsers have tripped over.
const SPLINTERS: [&[u8]; 14] = [
    b"\r\n\r\n",
    b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 18446744073709551616\r\n",
    b"mcp-session-id: AQEB\r\n",
    b"Host: evil.example\r\n",
    b"\0",
    b"\xff\xfe",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    br#""id":1,"id":2,"#,
    b"\\ud800",
    b"1e999999999",
    b"last-event-id: 0.99999999999999999999\r\n",
    b"{",
];

fn honest(body: &str, modern: bool) -> Vec<u8> {
    let headers = if modern {
        "mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: echo\r\n"
    } else {
        "mcp-protocol-version: 2025-11-25\r\n"
    };
    format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn at(dice: &mut Entropy, bound: usize) -> usize {
    usize::try_from(dice.below(bound.max(1) as u64)).expect("a small number must fit")
}

/// Spoils a request in one to four ways.
fn spoil(dice: &mut Entropy, bytes: &mut Vec<u8>) {
    for _ in 0..1 + dice.below(4) {
        let (a, b) = (at(dice, bytes.len()), at(dice, bytes.len()));
        let (low, high) = (a.min(b), a.max(b));
        match dice.below(6) {
            0 => bytes.truncate(low),
            1 if !bytes.is_empty() => bytes[low] ^= 1 << dice.below(8),
            2 => drop(bytes.drain(low..high.min(low + 40))),
            3 => {
                let again = bytes[low..high.min(low + 200)].to_vec();
                bytes.splice(high..high, again);
            }
            4 => {
                let splinter = SPLINTERS[at(dice, SPLINTERS.len())];
                bytes.splice(low..low, splinter.iter().copied());
            }
            _ => {
                let run = vec![u8::try_from(dice.below(256)).unwrap_or(0); 1 + at(dice, 3_000)];
                bytes.splice(low..low, run);
            }
        }
    }
}

async fn throw(env: SimEnv, address: SocketAddr, bytes: Vec<u8>, piece_len: usize, ends: bool) -> Vec<u8> {
    let mut stream = env.connect(address).await.expect("the node must listen");
    for piece in bytes.chunks(piece_len) {
        if stream.write_all(piece).await.is_err() {
            break;
        }
    }
    // Over HTTP an end of the client's side is the client leaving, and nobody is answered; so only some end.
    if ends {
        let _ = stream.shutdown().await;
    }
    let mut answer = Vec::new();
    // A stream that was opened by accident stays open: what has come by then is the answer.
    let _ = deadline(&env, env.now().after_ms(2_000), stream.read_to_end(&mut answer)).await;
    answer
}

fn assert_in_protocol(answer: &[u8], port: u16, case: u64) {
    let shown = String::from_utf8_lossy(answer);
    if answer.is_empty() {
        return;
    }
    if port == HTTP {
        assert!(shown.starts_with("HTTP/1."), "case {case}: {shown}");
        assert_ne!(shown.get(9..12), Some("500"), "case {case}: {shown}");
    } else {
        for line in shown.lines() {
            let message: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            assert_eq!(message["jsonrpc"], "2.0", "case {case}: {line}");
        }
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the knobs of this test; nothing simulated reads them")]
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn whatever_bytes_come_the_node_stays_in_the_protocol_and_serves_the_next_client() {
    let cases = from_environment("SWITCHBOARD_FUZZ_CASES", 3_000);
    let seed = from_environment("SWITCHBOARD_FUZZ_SEED", 1);
    let mut world = World::new(Options::seeded(seed));
    let (server, client) = (world.add_node("server", None), world.add_node("client", None));
    world.boot(server, |env| async move {
        let echo = Tool::new("echo", |_: Ctx, echo: Echo| async move { Ok(echo.text) });
        let catalogue = Server::new("fuzz", "1").tool(echo).build().expect("the catalogue must be valid");
        let any = |port| SocketAddr::from(([0, 0, 0, 0], port));
        let config =
            Config { tcp: Some(any(LINES)), open_to_the_network: true, ..Config::new().http(any(HTTP)) };
        let node = Node::start(env, config, catalogue).await.expect("the node must start");
        std::future::pending::<()>().await;
        drop(node);
    });
    world.run_for(Duration::from_millis(10));
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut dice = Entropy::from_seed(key);
    for case in 0..cases {
        let body = BODIES[at(&mut dice, BODIES.len())];
        let port = if dice.chance(1, 4) { LINES } else { HTTP };
        let mut bytes =
            if port == HTTP { honest(body, dice.chance(1, 2)) } else { format!("{body}\n").into_bytes() };
        spoil(&mut dice, &mut bytes);
        let (piece_len, ends) = (1 + at(&mut dice, 400), dice.chance(1, 2));
        let address = SocketAddr::new(world.ip(server), port);
        let env = world.env(client);
        let answer = world.block_on(client, throw(env, address, bytes, piece_len, ends));
        assert_in_protocol(&answer, port, case);
        assert!(world.panics().is_empty(), "case {case}: {:?}", world.panics());
        if case % 100 == 99 {
            let address = SocketAddr::new(world.ip(server), HTTP);
            let request = honest(BODIES[1], true);
            let answer = world.block_on(client, throw(world.env(client), address, request, 4_096, false));
            let shown = String::from_utf8_lossy(&answer);
            assert!(
                shown.starts_with("HTTP/1.1 200"),
                "case {case}: an honest request was answered {shown:?}"
            );
        }
    }
}
