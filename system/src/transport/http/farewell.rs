//! The close of a connection, so that the last answer is read.
//!
//! A socket that is closed while bytes of its peer lie unread resets the connection, and the reset may overtake the answer
//! that says why. So after our end is shut, what still comes is read and thrown away for a short while.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::env::{Env, deadline};
use crate::limits::Limits;

/// Waits, on a stream whose own end is shut, for the peer's: at most `farewell_ms_max` and `message_bytes_max`.
pub(super) async fn linger<E: Env>(env: &E, mut stream: E::Stream, limits: &Limits) {
    let at = env.now().after_ms(limits.farewell_ms_max);
    let rest = pin!(discard(&mut stream, limits.message_bytes_max));
    // A peer that sends on has had its time.
    let _ = deadline(env, at, rest).await;
}

/// Reads until the peer's end, an error, or a number of bytes.
pub(super) async fn discard(stream: &mut (impl AsyncRead + Unpin), bytes_max: usize) {
    let mut bytes_left = bytes_max;
    poll_fn(|cx| {
        while bytes_left > 0 {
            let mut scratch = [MaybeUninit::<u8>::uninit(); 4096];
            let mut buffer = ReadBuf::uninit(&mut scratch);
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    bytes_left = bytes_left.saturating_sub(buffer.filled().len());
                }
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
    })
    .await;
}
