//! The production world: sockets on loopback.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use switchboard::env::{Env, Listener};
use switchboard_bin::world::TokioEnv;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn boot() -> TokioEnv {
    TokioEnv::boot().expect("the system must have randomness")
}

#[tokio::test]
async fn bytes_go_both_ways_and_neither_side_waits_for_nagle() {
    let env = boot();
    let mut listener = env.listen(ANY).await.expect("loopback must bind");
    let address = listener.local_address();
    assert_ne!(address.port(), 0);
    let (client, accepted) = tokio::join!(env.connect(address), listener.accept());
    let (mut client, (mut server, peer)) = (client.expect("connects"), accepted.expect("accepts"));
    assert_eq!(peer, client.local_addr().expect("has an address"));
    assert!(client.nodelay().expect("readable") && server.nodelay().expect("readable"));

    client.write_all(b"ping").await.expect("writes");
    client.shutdown().await.expect("half-closes");
    let mut asked = Vec::new();
    server.read_to_end(&mut asked).await.expect("reads to the end");
    assert_eq!(asked, b"ping");
    server.write_all(b"pong").await.expect("the other direction is still open");
    drop(server);
    let mut answered = Vec::new();
    client.read_to_end(&mut answered).await.expect("an orderly end");
    assert_eq!(answered, b"pong");
}

#[tokio::test]
async fn dropping_a_stream_with_unread_bytes_resets_it() {
    let env = boot();
    let mut listener = env.listen(ANY).await.expect("loopback must bind");
    let (client, accepted) = tokio::join!(env.connect(listener.local_address()), listener.accept());
    let (mut client, (server, _)) = (client.expect("connects"), accepted.expect("accepts"));
    client.write_all(b"never read").await.expect("writes");
    server.readable().await.expect("bytes must arrive first");
    drop(server);
    let error = client.read_u8().await.expect_err("must not end in order");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let env = boot();
    // Bound, and not listening: no other test can get it meanwhile.
    let bound = tokio::net::TcpSocket::new_v4().expect("there must be sockets");
    bound.bind(ANY).expect("loopback must bind");
    let address = bound.local_addr().expect("it must have an address");
    let error = env.connect(address).await.expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_port_is_taken_once_and_free_again_right_after() {
    let env = boot();
    // Between giving a port up and taking it again, a connection of another test may get it: then once more, with another.
    for _ in 0..5 {
        let mut listener = env.listen(ANY).await.expect("loopback must bind");
        let address = listener.local_address();
        let error = env.listen(address).await.expect_err("the port is taken");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        // The server closes first, so its side of the connection stays in TIME_WAIT.
        let (client, accepted) = tokio::join!(env.connect(address), listener.accept());
        drop(accepted);
        drop(client);
        drop(listener);
        if env.listen(address).await.is_ok() {
            return;
        }
    }
    panic!("a restart must not wait for old connections");
}

#[tokio::test]
async fn a_thousand_clients_may_wait_unaccepted() {
    let env = boot();
    let mut listener = env.listen(ANY).await.expect("loopback must bind");
    let mut clients = Vec::new();
    for _ in 0..1_000 {
        clients.push(env.connect(listener.local_address()).await.expect("the backlog must hold it"));
    }
    for _ in 0..clients.len() {
        listener.accept().await.expect("each is there to take");
    }
}

#[tokio::test]
async fn ipv6_binds_where_the_machine_has_it() {
    let env = boot();
    match env.listen(SocketAddr::from((Ipv6Addr::LOCALHOST, 0))).await {
        Ok(listener) => assert!(listener.local_address().is_ipv6()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::AddrNotAvailable),
    }
}

/// The limit of open files belongs to a process, so the shortage happens in a second copy of this test.
#[tokio::test]
async fn a_listener_survives_a_shortage_of_open_files() {
    const INSIDE: &str = "SWITCHBOARD_TEST_FEW_FILES";
    if std::env::var_os(INSIDE).is_some() {
        return run_out_of_files().await;
    }
    let this = std::env::current_exe().expect("a test has a path");
    let output = tokio::process::Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" --exact a_listener_survives_a_shortage_of_open_files"])
        .arg(this)
        .env(INSIDE, "1")
        .output()
        .await
        .expect("sh must run");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

async fn run_out_of_files() {
    let env = boot();
    let mut listener = env.listen(ANY).await.expect("loopback must bind");
    let client = env.connect(listener.local_address()).await.expect("connects");
    let mut held = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        held.push(file);
    }
    let error = listener.accept().await.expect_err("no descriptor is left");
    assert_eq!(error.raw_os_error(), Some(24), "EMFILE, not {error}");
    held.clear();
    listener.accept().await.expect("the waiting client is taken once there is room");
    drop(client);
}
