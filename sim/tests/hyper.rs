//! hyper's HTTP/1.1 server and client run on kernel streams as they are, a thousand connections at once.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use switchboard::env::{Env, Listener};
use switchboard_sim::{Options, SimEnv, SimStream, TraceHash, World};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// hyper's traits over tokio's. Reads go through a small buffer: hyper's own is reached only by unsafe code.
struct Io(SimStream);

impl Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut out: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; 4096];
        let most = out.remaining().min(bytes.len());
        let mut buffer = ReadBuf::new(&mut bytes[..most]);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer))?;
        out.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

async fn shout(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.expect("must arrive").to_bytes();
    Ok(Response::new(Full::new(Bytes::from(body.to_ascii_uppercase()))))
}

async fn serve(env: SimEnv) {
    let mut listener = env.listen(SocketAddr::from(([0, 0, 0, 0], 80))).await.expect("must bind");
    loop {
        let (stream, _) = listener.accept().await.expect("must accept");
        env.spawn("http", async move {
            let mut http = hyper::server::conn::http1::Builder::new();
            http.auto_date_header(false).max_buf_size(8192);
            let _ = http.serve_connection(Io(stream), service_fn(shout)).await;
        });
    }
}

async fn post(env: SimEnv, server: SocketAddr, calls: u32) {
    let stream = env.connect(server).await.expect("must connect");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(Io(stream)).await.expect("must greet");
    env.spawn("connection", async move {
        connection.await.expect("must end in order");
    });
    for call in 0..calls {
        let body = Full::new(Bytes::from(format!("call {call}")));
        let request = Request::post("/").header("host", "sim").body(body).expect("must build");
        let response = sender.send_request(request).await.expect("must answer");
        let body = response.into_body().collect().await.expect("must arrive").to_bytes();
        assert_eq!(body, format!("CALL {call}"));
    }
}

fn run(seed: u64, connections: u32, calls: u32) -> TraceHash {
    let mut world = World::new(Options::seeded(seed));
    let (server, client) = (world.add_node("server", None), world.add_node("client", None));
    let address = SocketAddr::new(world.ip(server), 80);
    world.boot(server, serve);
    world.run_for(Duration::from_micros(1));
    world.boot(client, move |env| async move {
        for _ in 0..connections {
            env.spawn("post", post(env, address, calls));
        }
    });
    world.run_for(Duration::from_secs(10));
    assert!(world.panics().is_empty(), "{:?}", world.panics());
    assert_eq!(world.census().connections, 0, "every connection ended");
    assert_eq!(world.next_event(), None, "idle hyper connections must be silent");
    world.trace_hash()
}

#[test]
fn a_thousand_connections_are_answered_and_replay() {
    assert_eq!(run(1, 1_000, 5), run(1, 1_000, 5));
}
