//! Lines: a channel over any pair of a reader and a writer, one JSON message per line. For stdio, and for TCP.

use std::future::poll_fn;
use std::sync::Arc;

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

/// Serves one channel until either side ends it. What was under way when the reader ended is finished and written, within
/// the time that a drain may take.
pub(super) async fn serve_lines<E, R, W>(core: &Arc<Core<E>>, principal: Principal, reader: R, writer: W)
where
    E: Env,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let channel = Channel::new(core.clone(), principal, None);
    let mut written = Box::pin(write(core, channel.reader(), writer));
    let read = read(core, &channel, reader);
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

async fn read<E: Env, R: AsyncRead + Unpin>(core: &Core<E>, channel: &Channel<E>, reader: R) {
    let limits = &core.limits;
    let mut lines = LineReader::new(reader, limits.message_bytes_max);
    loop {
        match lines.next().await {
            Ok(Some(line)) => match parse(&line, limits.depth_max, limits.batch_len_max) {
                Ok(Incoming::One(message)) => channel.take(Ok(message)),
                Ok(Incoming::Batch(entries)) => entries.into_iter().for_each(|entry| channel.take(entry)),
                Err(malformed) => channel.take(Err(malformed)),
            },
            Ok(None) => return,
            Err(error @ LineError::TooLong { .. }) => channel.refuse(&error.to_string()),
            Err(error) => {
                tracing::debug!("a channel broke: {error}");
                return;
            }
        }
        channel.wait_for_room().await;
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
