//! One connection at a time, from outside: bytes in, bytes out, and how it ends.

mod body;
mod clock;
mod door;
mod wire;

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::*;
use crate::env::Env;
use crate::limits::Limits;
use crate::transport::toy::{Toy, Wire, wires};

/// What the service of these tests takes as a body.
const BODY_BYTES_MAX: usize = 1_000;

/// Answers by path.
struct Desk {
    world: Toy,
    /// Futures and streams that were dropped before their end.
    dropped: Arc<AtomicUsize>,
    /// What `/stream` passes on.
    chunks: Mutex<Option<mpsc::Receiver<Bytes>>>,
}

struct Tally(Arc<AtomicUsize>);

impl Drop for Tally {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Chunks(mpsc::Receiver<Bytes>, #[expect(dead_code, reason = "counts when it is dropped")] Tally);

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}

impl Service for Desk {
    async fn call(&self, request: Request<RequestBody>) -> Response<ResponseBody> {
        let (head, body) = request.into_parts();
        match head.uri.path() {
            "/echo" => match body.read(BODY_BYTES_MAX).await {
                Ok(bytes) => Response::new(ResponseBody::full(bytes)),
                Err(error) => plain(error.status(), error.to_string()),
            },
            "/unread" => plain(StatusCode::FORBIDDEN, "no"),
            "/slow" => {
                self.world.sleep_ms(1_000_000).await;
                Response::new(ResponseBody::full(Bytes::from_static(b"late")))
            }
            "/never" => {
                let _tally = Tally(Arc::clone(&self.dropped));
                pending().await
            }
            "/stream" => {
                let chunks = self.chunks.lock().unwrap().take().unwrap();
                let body = Chunks(chunks, Tally(Arc::clone(&self.dropped)));
                Response::new(ResponseBody::stream(Box::pin(body)))
            }
            _ => method_not_allowed("POST"),
        }
    }
}

/// One connection, its client's end in hand.
struct Bench {
    world: Toy,
    client: Wire,
    end: Arc<Mutex<Option<End>>>,
    dropped: Arc<AtomicUsize>,
    server_writes: Arc<AtomicUsize>,
    chunks: mpsc::Sender<Bytes>,
    close: Option<tokio::sync::oneshot::Sender<()>>,
}

fn bench() -> Bench {
    bench_with(Limits::DEFAULT, 64 * 1024)
}

fn bench_with(limits: Limits, wire_bytes: usize) -> Bench {
    let world = Toy::default();
    let (client, server) = wires(wire_bytes);
    let (chunks, receiver) = mpsc::channel(64);
    let (close, closing) = tokio::sync::oneshot::channel();
    let (end, dropped) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
    let service =
        Desk { world: world.clone(), dropped: Arc::clone(&dropped), chunks: Mutex::new(Some(receiver)) };
    let server_writes = Arc::clone(&server.writes);
    let (env, seen) = (world.clone(), Arc::clone(&end));
    world.spawn("connection", async move {
        let closing = async move {
            if closing.await.is_err() {
                pending::<()>().await;
            }
        };
        let ended = serve_connection(&env, server, &limits, Arc::new(service), closing).await;
        *seen.lock().unwrap() = Some(ended);
    });
    Bench { world, client, end, dropped, server_writes, chunks, close: Some(close) }
}

impl Bench {
    async fn send(&mut self, text: &str) {
        self.client.write_all(text.as_bytes()).await.unwrap();
    }

    /// What comes until `tail` has come.
    async fn receive_until(&mut self, tail: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(tail) {
            let mut bytes = [0; 4096];
            let len = self.client.read(&mut bytes).await.unwrap();
            assert!(len > 0, "the connection closed after {text:?}");
            text.push_str(std::str::from_utf8(&bytes[..len]).unwrap());
        }
        text
    }

    /// What comes until the connection closes.
    async fn receive_all(&mut self) -> String {
        let mut text = String::new();
        self.client.read_to_string(&mut text).await.unwrap();
        text
    }

    /// How the server's side ended, once it has.
    async fn ended(&self) -> End {
        for _ in 0..2_000_000 {
            if let Some(end) = self.end.lock().unwrap().take() {
                return end;
            }
            self.world.sleep_ms(1).await;
        }
        panic!("the connection did not end by {} ms", self.world.now_ms());
    }

    /// The time in the world, give or take the millisecond in which [`ended`](Self::ended) looks again.
    fn assert_at_ms(&self, expect: u64) {
        let now_ms = self.world.now_ms();
        assert!((expect..=expect + 1).contains(&now_ms), "at {now_ms} ms instead of {expect}");
    }

    fn run<T>(mut self, script: impl AsyncFnOnce(&mut Self) -> T) -> T {
        let world = self.world.clone();
        world.run(async move { script(&mut self).await })
    }
}

/// A head for the desk, without a body.
fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The future of a connection must be able to move between threads.
#[test]
fn a_connection_can_move_between_threads_and_is_small() {
    fn is_send<T: Send>(future: T) -> usize {
        let size = size_of_val(&future);
        drop(future);
        size
    }
    let world = Toy::default();
    let (_, server) = wires(64);
    let (_, chunks) = mpsc::channel(1);
    let desk = Desk { world: world.clone(), dropped: Arc::default(), chunks: Mutex::new(Some(chunks)) };
    let limits = Limits::DEFAULT;
    let size = is_send(serve_connection(&world, server, &limits, Arc::new(desk), pending()));
    assert!(size <= 960, "the future of a connection has {size} bytes");
}
