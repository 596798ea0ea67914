//! How connections end.

use std::io::ErrorKind;

use switchboard::env::Env;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Bed, QUIET_MS, pattern};

/// After a shutdown the peer reads the end, and may go on writing.
pub async fn half_close_lets_the_other_side_write<E: Env>(bed: Bed<E>) {
    let (mut dialled, mut accepted) = bed.pair().await;
    dialled.write_all(b"question").await.expect("must write");
    dialled.shutdown().await.expect("must shut down");
    let mut got = Vec::new();
    bed.soon("the end", accepted.read_to_end(&mut got)).await.expect("must read");
    assert_eq!(got, b"question");
    bed.pause(QUIET_MS).await;
    let answer = pattern(300_000, 5);
    let mut got = Vec::new();
    let writing = async {
        accepted.write_all(&answer).await.expect("the other direction must still be open");
        accepted.shutdown().await.expect("must shut down");
    };
    let reading = async { dialled.read_to_end(&mut got).await.expect("must read") };
    bed.soon("the answer", futures_util::future::join(writing, reading)).await;
    assert!(got == answer);
}

/// A stream that is dropped with nothing unread ends in order: its data first, then the end.
pub async fn a_drop_gives_the_peer_the_end_after_the_data<E: Env>(bed: Bed<E>) {
    let (mut dialled, mut accepted) = bed.pair().await;
    let sent = pattern(5_000, 4);
    dialled.write_all(&sent).await.expect("must write");
    drop(dialled);
    let mut got = Vec::new();
    bed.soon("the end", accepted.read_to_end(&mut got)).await.expect("must end in order");
    assert!(got == sent);
}

/// Who has said that nothing more comes cannot write more.
pub async fn a_write_after_shutdown_is_a_broken_pipe<E: Env>(bed: Bed<E>) {
    let (mut dialled, _accepted) = bed.pair().await;
    dialled.shutdown().await.expect("must shut down");
    let error = dialled.write(b"x").await.expect_err("the direction is closed");
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

/// Unread bytes make a drop a reset: the peer must not believe that they were taken.
pub async fn a_drop_with_unread_bytes_resets_the_peer<E: Env>(bed: Bed<E>) {
    let (mut dialled, accepted) = bed.pair().await;
    dialled.write_all(b"never read").await.expect("must write");
    bed.pause(QUIET_MS).await;
    drop(accepted);
    let mut byte = [0];
    let error = bed.soon("the reset", dialled.read(&mut byte)).await.expect_err("it was reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let error = dialled.write(b"x").await.expect_err("a reset connection takes nothing");
    assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
}

/// The first write to a dropped peer may still be taken; soon after, writing fails.
pub async fn writing_to_a_dropped_peer_fails_in_the_end<E: Env>(bed: Bed<E>) {
    let (mut dialled, accepted) = bed.pair().await;
    drop(accepted);
    for _ in 0..20 {
        bed.pause(20).await;
        if let Err(error) = dialled.write(b"x").await {
            assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
            return;
        }
    }
    panic!("20 writes were taken for a peer that is gone");
}

/// Shutting down again is no error.
pub async fn a_second_shutdown_does_no_harm<E: Env>(bed: Bed<E>) {
    let (mut dialled, mut accepted) = bed.pair().await;
    dialled.shutdown().await.expect("must shut down");
    dialled.shutdown().await.expect("must shut down again");
    let mut byte = [0];
    assert_eq!(bed.soon("the end", accepted.read(&mut byte)).await.expect("must end in order"), 0);
}
