//! Lines: a channel over any pair of a reader and a writer, one JSON message per line. For stdio, and for TCP.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use super::channel::Channel;
use super::core::Core;
use super::life::Stage;
use crate::cancel::CancelReason;
use crate::client::Principal;
use crate::env::{Either, Env, deadline, race};
use crate::jsonrpc::{Incoming, parse};
use crate::session::{Item, Reader};
use crate::transport::line::{LineError, LineReader, LineWriter};

/// What a channel may expect of its other side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Peer {
    /// Whoever started this process: it may be silent for as long as it likes.
    Parent,
    /// Somebody on the network.
    Network,
}

/// Serves one channel until either side ends it. What was under way when the reader ended is finished and written, within
/// the time that a drain may take.
pub(super) async fn serve_lines<E, R, W>(
    core: &Arc<Core<E>>,
    principal: Principal,
    peer: Peer,
    reader: R,
    writer: W,
) where
    E: Env,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let channel = Channel::new(core.clone(), principal, None);
    let mut written = Box::pin(write(core, channel.reader(), writer));
    let read = read(core, &channel, peer, reader);
    let draining = core.life.reached(Stage::Draining);
    let ended = race(race(read, draining), &mut written).await;
    if let Either::Left(_) = ended {
        let due = core.env.now().after_ms(core.limits.drain_ms_max);
        let quiet = async {
            channel.idle().await;
            channel.finish();
            written.await;
        };
        // Whatever is not done by then is cut off below.
        let _ = deadline(&core.env, due, quiet).await;
    }
    channel.close(CancelReason::Shutdown);
}

async fn read<E: Env, R: AsyncRead + Unpin>(core: &Core<E>, channel: &Channel<E>, peer: Peer, reader: R) {
    let limits = &core.limits;
    let mut lines = LineReader::new(reader, limits.message_bytes_max);
    if peer == Peer::Network && !speaks_json(core, &mut lines).await {
        return;
    }
    loop {
        let line = match next_line(core, channel, peer, &mut lines).await {
            Some(Ok(Some(line))) => line,
            Some(Ok(None)) | None => return,
            Some(Err(error @ LineError::TooLong { .. })) => {
                channel.refuse(&error.to_string());
                continue;
            }
            Some(Err(error)) => {
                tracing::debug!("a channel broke: {error}");
                return;
            }
        };
        match parse(&line, limits.depth_max, limits.batch_len_max) {
            Ok(Incoming::One(message)) => channel.take(Ok(message)),
            Ok(Incoming::Batch(entries)) => entries.into_iter().for_each(|entry| channel.take(entry)),
            Err(malformed) => channel.take(Err(malformed)),
        }
        channel.wait_for_room().await;
    }
}

/// Whether a peer of the network begins as a client does: a browser can be made to post lines, and begins with a method.
async fn speaks_json<E: Env, R: AsyncRead + Unpin>(core: &Core<E>, lines: &mut LineReader<R>) -> bool {
    let due = core.env.now().after_ms(core.limits.header_ms_max);
    matches!(deadline(&core.env, due, lines.first_byte_is_json()).await, Ok(Ok(true)))
}

/// The next line; `None` when a peer of the network was silent too long with nothing under way.
async fn next_line<E: Env, R: AsyncRead + Unpin>(
    core: &Core<E>,
    channel: &Channel<E>,
    peer: Peer,
    lines: &mut LineReader<R>,
) -> Option<Result<Option<Bytes>, LineError>> {
    let mut next = Box::pin(lines.next());
    if peer == Peer::Parent {
        return Some(next.await);
    }
    loop {
        let due = core.env.now().after_ms(core.limits.idle_ms_max);
        match deadline(&core.env, due, &mut next).await {
            Ok(line) => return Some(line),
            Err(_) if channel.is_quiet() => return None,
            Err(_) => {}
        }
    }
}

async fn write<E: Env, W: AsyncWrite + Unpin>(core: &Core<E>, reader: Reader, writer: W) {
    let mut lines = LineWriter::new(writer);
    while let Some(item) = poll_fn(|cx| reader.poll_next(cx)).await {
        let Item::Event { data, .. } = item else { continue };
        let due = core.env.now().after_ms(core.limits.write_stall_ms_max);
        match deadline(&core.env, due, lines.write(&data)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!("a channel broke: {error}");
                return;
            }
            Err(_) => return,
        }
    }
}
