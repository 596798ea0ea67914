//! Newline-delimited messages, for stdio and TCP: `basic/transports/stdio`.
//!
//! A line is bounded before it is buffered. One that is too long is an error, and the rest of it is skipped: the next line
//! is read as if nothing had happened, so one oversized message does not end a session.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::sse::without_breaks;

/// What one read asks for at least.
const READ_BYTES: usize = 4 * 1024;
/// What a writer keeps between messages at most.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The line is longer than the limit. It is skipped to its end; reading may go on.
    #[error("the message is longer than {message_bytes_max} bytes")]
    TooLong {
        /// The limit, in bytes without the line break.
        message_bytes_max: usize,
    },
    /// The peer ended in the middle of a line; its beginning is thrown away.
    #[error("the stream ended after {len} bytes of a message")]
    Truncated {
        /// The bytes of it that had come.
        len: usize,
    },
    /// The stream failed; there is nothing more to read.
    #[error("the stream failed")]
    Io(#[from] io::Error),
}

/// Reads lines.
#[derive(Debug)]
pub struct LineReader<R> {
    reader: R,
    message_bytes_max: usize,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no line break.
    scanned: usize,
    /// In the rest of a line that was too long.
    is_skipping: bool,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// Reads from `reader` lines of at most `message_bytes_max` bytes, without their line breaks.
    pub fn new(reader: R, message_bytes_max: usize) -> Self {
        Self { reader, message_bytes_max, buffer: BytesMut::new(), scanned: 0, is_skipping: false }
    }

    /// Whether the first byte could start a message. A browser can be made to post lines to a port; what it sends first is
    /// the name of a method. False where the stream ends before a byte. Nothing is consumed. Cancel safe.
    ///
    /// # Errors
    /// When the stream fails.
    pub async fn first_byte_is_json(&mut self) -> io::Result<bool> {
        if self.buffer.is_empty() && self.fill().await? == 0 {
            return Ok(false);
        }
        Ok(matches!(self.buffer.first(), Some(b'{' | b'[')))
    }

    /// The next line that is not blank, without its line break (LF or CRLF); `None` at the end. Cancel safe.
    ///
    /// # Errors
    /// [`LineError`]; after `TooLong` the next call goes on with the next line.
    pub async fn next(&mut self) -> Result<Option<Bytes>, LineError> {
        loop {
            if let Some(line) = self.take_line()? {
                return Ok(Some(line));
            }
            if self.fill().await? == 0 {
                return self.end();
            }
        }
    }

    /// A whole line out of the buffer, if it holds one.
    fn take_line(&mut self) -> Result<Option<Bytes>, LineError> {
        while let Some(found) = memchr(b'\n', &self.buffer[self.scanned..]) {
            let mut line = self.buffer.split_to(self.scanned + found);
            self.buffer.advance(1);
            self.scanned = 0;
            if std::mem::take(&mut self.is_skipping) {
                continue;
            }
            if line.last() == Some(&b'\r') {
                line.truncate(line.len() - 1);
            }
            if line.len() > self.message_bytes_max {
                return Err(self.too_long());
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line.freeze()));
            }
        }
        self.scanned = self.buffer.len();
        if self.is_skipping {
            self.drop_buffer();
        } else if self.buffer.len() - usize::from(self.buffer.ends_with(b"\r")) > self.message_bytes_max {
            self.is_skipping = true;
            self.drop_buffer();
            return Err(self.too_long());
        }
        Ok(None)
    }

    async fn fill(&mut self) -> io::Result<usize> {
        if self.buffer.is_empty() {
            // The last line may still hold the old buffer, and if not, it may have been a large one: an idle reader should
            // not keep megabytes.
            self.buffer = BytesMut::new();
        }
        self.buffer.reserve(READ_BYTES);
        self.reader.read_buf(&mut self.buffer).await
    }

    fn end(&mut self) -> Result<Option<Bytes>, LineError> {
        let len = self.buffer.trim_ascii().len();
        self.drop_buffer();
        if len > 0 { Err(LineError::Truncated { len }) } else { Ok(None) }
    }

    fn drop_buffer(&mut self) {
        self.buffer.clear();
        self.scanned = 0;
    }

    const fn too_long(&self) -> LineError {
        LineError::TooLong { message_bytes_max: self.message_bytes_max }
    }
}

/// Writes lines.
#[derive(Debug)]
pub struct LineWriter<W> {
    writer: W,
    buffer: Vec<u8>,
}

impl<W: AsyncWrite + Unpin> LineWriter<W> {
    /// Writes to `writer`.
    pub const fn new(writer: W) -> Self {
        Self { writer, buffer: Vec::new() }
    }

    /// Writes one message as one line, in one write where the stream takes it whole, and flushes. Raw line breaks in the
    /// message, which in JSON stand between tokens, are left out. Not cancel safe: a dropped write may leave half a line.
    ///
    /// # Errors
    /// When the stream fails; part of the line may have been written.
    pub async fn write(&mut self, message: &[u8]) -> io::Result<()> {
        self.buffer.clear();
        self.buffer.reserve(message.len() + 1);
        without_breaks(&mut self.buffer, message);
        self.buffer.push(b'\n');
        self.writer.write_all(&self.buffer).await?;
        self.buffer.shrink_to(KEPT_BYTES_MAX);
        self.writer.flush().await
    }

    /// Closes the writing side.
    ///
    /// # Errors
    /// When the stream fails.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.writer.shutdown().await
    }
}
