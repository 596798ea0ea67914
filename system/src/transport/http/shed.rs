//! Turning a connection away when the node is full: cheaper than serving it, and still an answer.

use std::pin::pin;

use tokio::io::AsyncWriteExt;

use super::farewell::discard;
use crate::env::{Env, deadline};
use crate::limits::Limits;

/// The whole answer. `Retry-After` is short: a node that is full for long should not be in the pool.
const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    retry-after: 1\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 17\r\n\
    connection: close\r\n\
    \r\n\
    the node is full\n";

/// Answers 503 to whatever the peer asks and closes, within `farewell_ms_max`. Nothing is parsed.
pub async fn refuse<E: Env>(env: &E, mut stream: E::Stream, limits: &Limits) {
    let at = env.now().after_ms(limits.farewell_ms_max);
    let words = pin!(async {
        if stream.write_all(ANSWER).await.is_ok() && stream.shutdown().await.is_ok() {
            // Its request may lie unread here; closing on it would reset the connection before the answer is read.
            discard(&mut stream, limits.header_bytes_max).await;
        }
    });
    // A peer that does not take the answer has had its time.
    let _ = deadline(env, at, words).await;
}
