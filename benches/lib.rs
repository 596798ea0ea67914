//! What the benches share: fixed requests, the catalogue that answers them, and the yardstick, a bare hyper server that
//! parses the same JSON and answers as many bytes.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use switchboard::handler::{Catalogue, Ctx, Server, Tool};
use switchboard::node::{Config, Node};
use switchboard_bin::world::TokioEnv;
use tokio::net::TcpListener;

/// The body of a stateless `tools/call`.
pub const CALL: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello, world"},"#,
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"#,
    r#""io.modelcontextprotocol/clientCapabilities":{}}}}"#
);

/// What the bare server answers: as long as the node's answer to [`CALL`].
const ANSWER: &[u8] = concat!(
    r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[{"type":"text","text":"hello, world"}],"#,
    r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"bench","version":"1"}}}}"#
)
.as_bytes();

/// The arguments of the tool `echo`.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Echo {
    text: String,
}

/// A catalogue with one tool, `echo`.
///
/// # Panics
/// Never: its schema is valid.
#[must_use]
pub fn catalogue() -> Catalogue {
    let echo = Tool::new("echo", |_: Ctx, echo: Echo| async move { Ok(echo.text) });
    Server::new("bench", "1").tool(echo).build().expect("the catalogue must be valid")
}

/// The whole request of [`CALL`].
#[must_use]
pub fn request(address: SocketAddr) -> Vec<u8> {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\n\
         mcp-method: tools/call\r\nmcp-name: echo\r\ncontent-length: {}\r\n\r\n{CALL}",
        CALL.len()
    )
    .into_bytes()
}

/// A runtime for one of the servers.
///
/// # Panics
/// When the system gives no threads.
#[must_use]
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime must start")
}

/// Starts a node in `runtime`.
///
/// # Panics
/// When there is no free port.
#[must_use]
pub fn start_node(runtime: &tokio::runtime::Runtime) -> SocketAddr {
    runtime.block_on(async {
        let env = TokioEnv::boot().expect("a world must boot");
        let config = Config::new().http("127.0.0.1:0".parse().expect("an address"));
        let node = Node::start(env, config, catalogue()).await.expect("the node must start");
        node.http_address().expect("the node must serve HTTP")
    })
}

/// Starts the bare server in `runtime`.
///
/// # Panics
/// When there is no free port.
#[must_use]
pub fn start_bare(runtime: &tokio::runtime::Runtime) -> SocketAddr {
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port must be free");
        let address = listener.local_addr().expect("a listener must have an address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(bare)));
            }
        });
        address
    })
}

async fn bare(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&body);
    let answer = if parsed.is_ok() { Bytes::from_static(ANSWER) } else { Bytes::from_static(b"{}") };
    Ok(Response::builder()
        .header("content-type", "application/json")
        .body(Full::new(answer))
        .expect("a response of fixed parts must build"))
}

/// A connection that sends the same request again and again.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    answer_len: usize,
}

impl Client {
    /// Connects, and calls once to learn how long the answer is.
    ///
    /// # Panics
    /// When the server does not answer 200.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server must listen");
        stream.set_nodelay(true).expect("a socket must take an option");
        let mut client = Self { stream, request: request(address), answer_len: 0 };
        client.answer_len = client.first_answer();
        client
    }

    fn first_answer(&mut self) -> usize {
        self.stream.write_all(&self.request).expect("the server must read");
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let count = self.stream.read(&mut piece).expect("the server must answer");
            answer.extend_from_slice(&piece[..count]);
            assert!(count > 0 && answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
            if answer.ends_with(b"}") {
                return answer.len();
            }
        }
    }

    /// One call and its answer.
    ///
    /// # Panics
    /// When the server breaks off.
    pub fn call(&mut self) {
        self.stream.write_all(&self.request).expect("the server must read");
        let mut piece = [0; 4096];
        let mut left = self.answer_len;
        while left > 0 {
            let count = self.stream.read(&mut piece).expect("the server must answer");
            assert!(count > 0, "the server broke off");
            left -= count.min(left);
        }
    }
}
