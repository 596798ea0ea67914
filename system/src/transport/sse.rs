//! Server-sent events, as bytes: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
//!
//! A message stays one `data` line. Its text is JSON, where a raw line break can only stand between tokens, so it is taken
//! out rather than split into several lines that every client would have to join again.

use bytes::Bytes;
use memchr::memchr2_iter;

/// One event, in one allocation. `data` is a message, or another text without line breaks of its own.
#[must_use]
pub fn encode(id: Option<&str>, event: Option<&str>, data: &Bytes) -> Bytes {
    let field_len = |field: Option<&str>| field.map_or(0, |text| text.len() + 8);
    let mut out = Vec::with_capacity(field_len(id) + field_len(event) + data.len() + 8);
    if let Some(id) = id {
        line(&mut out, b"id: ", id.as_bytes());
    }
    if let Some(event) = event {
        line(&mut out, b"event: ", event.as_bytes());
    }
    line(&mut out, b"data: ", data);
    out.push(b'\n');
    Bytes::from(out)
}

/// The event that primes a stream: an id and no data, so that a client which loses the connection before the first message
/// knows what to ask for. With how long to wait before it does.
#[must_use]
pub fn prime(id: &str, retry_ms: Option<u64>) -> Bytes {
    let mut out = Vec::with_capacity(id.len() + 48);
    line(&mut out, b"id: ", id.as_bytes());
    if let Some(retry_ms) = retry_ms {
        line(&mut out, b"retry: ", retry_ms.to_string().as_bytes());
    }
    out.extend_from_slice(b"data: \n\n");
    Bytes::from(out)
}

/// Tells a client how long to wait before it reconnects. Not an event: nothing is delivered.
#[must_use]
pub fn retry(retry_ms: u64) -> Bytes {
    Bytes::from(format!("retry: {retry_ms}\n\n"))
}

/// A comment: keeps the connection alive in the eyes of whoever stands between. Clients skip it.
#[must_use]
pub const fn comment() -> Bytes {
    Bytes::from_static(b":\n\n")
}

fn line(out: &mut Vec<u8>, name: &[u8], text: &[u8]) {
    out.extend_from_slice(name);
    without_breaks(out, text);
    out.push(b'\n');
}

/// Appends a text without its line breaks, in one pass.
pub(super) fn without_breaks(out: &mut Vec<u8>, text: &[u8]) {
    let mut from = 0;
    for at in memchr2_iter(b'\r', b'\n', text) {
        out.extend_from_slice(&text[from..at]);
        from = at + 1;
    }
    out.extend_from_slice(&text[from..]);
}
