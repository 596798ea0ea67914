//! Bytes on their way: order, integrity, back-pressure.

use std::io::IoSlice;

use switchboard::env::{Env, Listener, Task};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::opening::echo;
use super::{Bed, QUIET_MS, exchange, pattern};

/// More than all buffers on the way hold on any system.
const BIG_BYTES: usize = 16 * 1024 * 1024;

/// Megabytes arrive whole and in order, however little each write takes.
pub async fn a_big_transfer_arrives_whole<E: Env>(bed: Bed<E>) {
    let (mut dialled, mut accepted) = bed.pair().await;
    let sent = pattern(BIG_BYTES, 3);
    let writer = bed.client.spawn("writer", async move {
        let mut rest = &sent[..];
        while !rest.is_empty() {
            let written = dialled.write(rest).await.expect("must write");
            assert!(written > 0 && written <= rest.len());
            rest = &rest[written..];
        }
        dialled.shutdown().await.expect("must shut down");
    });
    let mut got = Vec::new();
    bed.soon("the transfer", accepted.read_to_end(&mut got)).await.expect("must read");
    assert!(got == pattern(BIG_BYTES, 3), "{} of {BIG_BYTES} bytes arrived, or other ones", got.len());
    writer.join().await.expect("the writer must not panic");
}

/// Two directions of one connection do not wait for each other.
pub async fn both_directions_carry_at_once<E: Env>(bed: Bed<E>) {
    const BYTES: usize = 1024 * 1024;
    let (dialled, accepted) = bed.pair().await;
    let both = |stream: E::Stream, mine: u8, other: u8| async move {
        let (mut read, mut write) = tokio::io::split(stream);
        let sent = pattern(BYTES, mine);
        let writing = async {
            write.write_all(&sent).await.expect("must write");
            write.shutdown().await.expect("must shut down");
        };
        let mut got = Vec::new();
        let reading = async { read.read_to_end(&mut got).await.expect("must read") };
        futures_util::future::join(writing, reading).await;
        assert!(got == pattern(BYTES, other));
    };
    let server = bed.server.spawn("server side", both(accepted, 1, 2));
    bed.soon("both directions", both(dialled, 2, 1)).await;
    server.join().await.expect("the server side must not panic");
}

/// Writes stop once a peer that does not read has its buffers full.
pub async fn a_peer_that_never_reads_stops_the_writer<E: Env>(bed: Bed<E>) {
    let (mut dialled, _accepted) = bed.pair().await;
    let chunk = pattern(64 * 1024, 0);
    let mut written = 0;
    while written < 4 * BIG_BYTES {
        match bed.within(QUIET_MS, dialled.write(&chunk)).await {
            Ok(taken) => written += taken.expect("must write"),
            Err(_) => return,
        }
    }
    panic!("{written} bytes were taken for a peer that reads none of them");
}

/// A writer that was stopped goes on once its peer reads, and loses nothing.
pub async fn a_reader_that_comes_back_lets_the_writer_go_on<E: Env>(bed: Bed<E>) {
    let (mut dialled, mut accepted) = bed.pair().await;
    let writer = bed.client.spawn("writer", async move {
        dialled.write_all(&pattern(BIG_BYTES, 9)).await.expect("must write");
    });
    bed.pause(QUIET_MS).await;
    let mut got = Vec::new();
    bed.soon("the rest", accepted.read_to_end(&mut got)).await.expect("must read");
    assert!(got == pattern(BIG_BYTES, 9));
    writer.join().await.expect("the writer must not panic");
}

/// Slices are written in their order, as many bytes as the call says.
pub async fn a_vectored_write_keeps_its_order<E: Env>(bed: Bed<E>) {
    let (mut dialled, mut accepted) = bed.pair().await;
    let parts: [&[u8]; 4] = [b"one ", b"", b"two ", b"three"];
    let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let written = dialled.write_vectored(&slices).await.expect("must write");
    dialled.shutdown().await.expect("must shut down");
    let mut got = Vec::new();
    bed.soon("the slices", accepted.read_to_end(&mut got)).await.expect("must read");
    assert_eq!(got, parts.concat()[..written]);
    assert!(written > 0);
}

/// A write of no bytes returns at once, a read into no room once there is something to read; neither means anything.
pub async fn reads_and_writes_of_nothing_do_nothing<E: Env>(bed: Bed<E>) {
    let (mut dialled, mut accepted) = bed.pair().await;
    assert_eq!(dialled.write(&[]).await.expect("must do nothing"), 0);
    dialled.write_all(b"ab").await.expect("must write");
    let none = bed.soon("a read into no room", accepted.read(&mut [])).await;
    assert_eq!(none.expect("must do nothing"), 0);
    let mut two = [0; 2];
    accepted.read_exact(&mut two).await.expect("must read");
    assert_eq!(&two, b"ab");
}

/// Connections that are busy at once each get their own bytes back.
pub async fn many_connections_do_not_mix<E: Env>(bed: Bed<E>) {
    let (mut listener, address) = bed.listen().await;
    let server = bed.server.clone();
    let acceptor = bed.server.spawn("acceptor", async move {
        while let Ok((stream, _)) = listener.accept().await {
            server.spawn("echo", echo(stream));
        }
    });
    let clients: Vec<_> = (0..64_u8)
        .map(|salt| {
            let client = bed.client.clone();
            bed.client.spawn("client", async move {
                let mut stream = client.connect(address).await.expect("must connect");
                for round in 0..5 {
                    let sent = pattern(200 + 1_000 * round, salt);
                    let back = exchange(&mut stream, &sent).await.expect("must echo");
                    assert!(back == sent);
                }
            })
        })
        .collect();
    for client in clients {
        bed.soon("a client", client.join()).await.expect("a client must get its own bytes");
    }
    acceptor.abort();
}
