//! Listening, dialling, accepting.

use std::io::ErrorKind;
use std::net::SocketAddr;

use switchboard::env::{Env, Listener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Bed, QUIET_MS, exchange};

/// Copies what comes back to where it came from, until the end.
pub(crate) async fn echo<S: switchboard::env::Stream>(mut stream: S) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length) = stream.read(&mut buffer).await {
        if length == 0 || stream.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// What is written comes back from a peer that echoes it.
pub async fn an_echo_comes_back<E: Env>(bed: Bed<E>) {
    let (mut dialled, accepted) = bed.pair().await;
    bed.server.spawn("echo", echo(accepted));
    for round in 0..20 {
        let sent = super::pattern(100 + round, 7);
        let back = bed.soon("the echo", exchange(&mut dialled, &sent)).await.expect("must echo");
        assert_eq!(back, sent);
    }
}

/// Port 0 gives each listener a port of its own.
pub async fn port_zero_takes_distinct_free_ports<E: Env>(bed: Bed<E>) {
    let (_first, one) = bed.listen().await;
    let (_second, two) = bed.listen().await;
    assert_ne!(one.port(), 0);
    assert_ne!(two.port(), 0);
    assert_ne!(one.port(), two.port());
}

/// A port belongs to one listener.
pub async fn a_taken_port_is_refused_to_a_second_listener<E: Env>(bed: Bed<E>) {
    let (_first, address) = bed.listen().await;
    let error = bed.server.listen(address).await.err().expect("the port is taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

/// Accept names the dialler, each by a port of its own.
pub async fn both_sides_agree_on_the_address_of_the_dialler<E: Env>(bed: Bed<E>) {
    let (mut listener, address) = bed.listen().await;
    let _one = bed.client.connect(address).await.expect("must connect");
    let (_accepted, first) = listener.accept().await.expect("must accept");
    let _two = bed.client.connect(address).await.expect("must connect");
    let (_accepted_too, second) = listener.accept().await.expect("must accept");
    assert_eq!(first.ip(), second.ip());
    assert_ne!(first.port(), second.port());
}

/// Where nobody listens, the host says so.
pub async fn a_dial_to_no_listener_is_refused<E: Env>(bed: Bed<E>) {
    let (listener, address) = bed.listen().await;
    drop(listener);
    bed.pause(QUIET_MS).await;
    let error = bed.soon("the refusal", bed.client.connect(address)).await.err().expect("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

/// The port of a dropped listener can be bound again.
pub async fn a_dropped_listener_frees_its_port<E: Env>(bed: Bed<E>) {
    let (listener, address) = bed.listen().await;
    drop(listener);
    bed.pause(QUIET_MS).await;
    let mut listener = bed.server.listen(address).await.expect("the port must be free again");
    let dialled = bed.client.connect(address).await.expect("must connect");
    let (accepted, _) = listener.accept().await.expect("must accept");
    drop((dialled, accepted));
}

/// Connections that wait unaccepted are reset with their listener.
pub async fn a_dropped_listener_resets_who_waits<E: Env>(bed: Bed<E>) {
    let (listener, address) = bed.listen().await;
    let mut dialled = bed.client.connect(address).await.expect("the backlog must take it");
    bed.pause(QUIET_MS).await;
    drop(listener);
    let mut byte = [0];
    let error = bed.soon("the reset", dialled.read(&mut byte)).await.expect_err("nobody will ever serve it");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// An accept that was dropped while it waited takes no connection with it.
pub async fn an_accept_that_is_dropped_loses_no_connection<E: Env>(bed: Bed<E>) {
    let (mut listener, address) = bed.listen().await;
    assert!(bed.within(QUIET_MS, listener.accept()).await.is_err(), "nobody has dialled yet");
    let mut dialled = bed.client.connect(address).await.expect("must connect");
    let (mut accepted, _) = bed.soon("the accept", listener.accept()).await.expect("must accept");
    dialled.write_all(b"x").await.expect("must write");
    let mut byte = [0];
    accepted.read_exact(&mut byte).await.expect("must read");
    assert_eq!(&byte, b"x");
}

/// Connections do not pile up without end in front of a listener that never accepts.
pub async fn the_backlog_has_a_bound<E: Env>(bed: Bed<E>) {
    let (_listener, address): (_, SocketAddr) = bed.listen().await;
    let mut open = Vec::new();
    // More than any backlog in use (4,096 is Linux's highest default).
    for _ in 0..5_000 {
        match bed.within(QUIET_MS, bed.client.connect(address)).await {
            Ok(Ok(stream)) => open.push(stream),
            // Refused, or silence: either is a bound.
            Ok(Err(_)) | Err(_) => return,
        }
    }
    panic!("{} connections wait unaccepted", open.len());
}
