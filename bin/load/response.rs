//! HTTP/1.1 responses, decoded without I/O: bytes in, a head and a body out.
//!
//! The generator shares its machine with the server, so its own work is the limit of every figure. Nearly all answers
//! of a run have the same head and arrive in one read: [`whole`] recognises those by comparing bytes and copies
//! nothing. Everything else (chunks, event streams, answers in pieces) goes through [`Decoder`].

/// What the head of a response says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub status: u16,
    pub framing: Framing,
    /// The body is a stream of events, not one JSON object.
    pub events: bool,
    /// Another request may follow on this connection.
    pub reusable: bool,
    /// The session that the server assigned.
    pub session: Option<Box<str>>,
}

/// Where the body ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// The bytes are not a response of HTTP/1.1, or one beyond what is read here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Malformed;

/// No honest head is longer.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// No tool that is worth load has longer answers.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Reads a head; `None` while it is not complete. Gives its length too.
pub(super) fn parse_head(bytes: &[u8]) -> Result<Option<(Head, usize)>, Malformed> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return if bytes.len() > HEAD_BYTES_MAX { Err(Malformed) } else { Ok(None) };
    };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| Malformed)?;
    let mut lines = text.split("\r\n");
    let status_line = lines.next().ok_or(Malformed)?;
    let (version, rest) = status_line.split_once(' ').ok_or(Malformed)?;
    let status: u16 = rest.get(..3).and_then(|digits| digits.parse().ok()).ok_or(Malformed)?;
    let mut reusable = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ => return Err(Malformed),
    };
    let bodiless = status < 200 || status == 204 || status == 304;
    let mut framing = if bodiless { Framing::Length(0) } else { Framing::UntilClose };
    let (mut events, mut session) = (false, None);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Malformed)?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let length: usize = value.parse().map_err(|_| Malformed)?;
            if length > BODY_BYTES_MAX {
                return Err(Malformed);
            }
            if framing == Framing::UntilClose {
                framing = Framing::Length(length);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if bodiless || !value.eq_ignore_ascii_case("chunked") {
                return Err(Malformed);
            }
            framing = Framing::Chunked;
        } else if name.eq_ignore_ascii_case("content-type") {
            events = value.get(..17).is_some_and(|kind| kind.eq_ignore_ascii_case("text/event-stream"));
        } else if name.eq_ignore_ascii_case("connection") {
            reusable &= !value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("mcp-session-id") {
            session = Some(value.into());
        }
    }
    reusable &= framing != Framing::UntilClose;
    Ok(Some((Head { status, framing, events, reusable, session }, end + 4)))
}

/// The last head that was parsed, with its bytes.
#[derive(Default, Debug)]
pub(super) struct HeadMemory {
    bytes: Vec<u8>,
    head: Option<Head>,
}

impl HeadMemory {
    /// The head at the beginning of `bytes`, where it is the remembered one or is parsed and remembered now.
    fn recall(&mut self, bytes: &[u8]) -> Option<(&Head, usize)> {
        if self.bytes.is_empty() || !bytes.starts_with(&self.bytes) {
            let (head, length) = parse_head(bytes).ok()??;
            self.bytes.clear();
            self.bytes.extend_from_slice(&bytes[..length]);
            self.head = Some(head);
        }
        self.head.as_ref().map(|head| (head, self.bytes.len()))
    }
}

/// The response, where `bytes` are exactly one with a final status and a stated length.
pub(super) fn whole<'m, 'b>(memory: &'m mut HeadMemory, bytes: &'b [u8]) -> Option<(&'m Head, &'b [u8])> {
    let (head, length) = memory.recall(bytes)?;
    match head.framing {
        Framing::Length(body) if head.status >= 200 && length + body == bytes.len() => {
            Some((head, &bytes[length..]))
        }
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Head,
    Length(usize),
    ChunkSize,
    ChunkData(usize),
    ChunkEnd,
    Trailers,
    UntilClose,
    Done,
}

/// One response that arrives in pieces.
#[derive(Debug)]
pub(super) struct Decoder {
    state: State,
    head: Option<Head>,
    /// Received, and not yet part of the head or the body.
    raw: Vec<u8>,
    body: Vec<u8>,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self { state: State::Head, head: None, raw: Vec::new(), body: Vec::new() }
    }

    /// Nothing of a response has arrived.
    pub(super) fn is_fresh(&self) -> bool {
        self.state == State::Head && self.raw.is_empty()
    }

    /// Ready for the next response. Keeps a buffer of ordinary size: a run is thousands of these.
    pub(super) fn reset(&mut self) {
        self.body.clear();
        self.body.shrink_to(16 * 1024);
        self.raw.clear();
        self.raw.shrink_to(16 * 1024);
        (self.state, self.head) = (State::Head, None);
    }

    pub(super) fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// What has arrived of the body.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Forgets the first bytes of the body: events that were read.
    pub(super) fn forget(&mut self, bytes: usize) {
        self.body.drain(..bytes);
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The peer will send no more. True where that completes the response.
    pub(super) fn end(&mut self) -> bool {
        if self.state == State::UntilClose {
            self.state = State::Done;
        }
        self.is_done()
    }

    /// Takes what was received.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        self.raw.extend_from_slice(bytes);
        let mut at = 0;
        while self.advance(&mut at)? {}
        self.raw.drain(..at);
        if self.body.len() > BODY_BYTES_MAX || (self.is_done() && !self.raw.is_empty()) {
            return Err(Malformed);
        }
        Ok(())
    }

    /// Goes one state further; false where more bytes are needed.
    fn advance(&mut self, at: &mut usize) -> Result<bool, Malformed> {
        let rest = &self.raw[*at..];
        match self.state {
            State::Head => {
                let Some((head, length)) = parse_head(rest)? else { return Ok(false) };
                *at += length;
                if head.status < 200 {
                    return Ok(true);
                }
                self.state = match head.framing {
                    Framing::Length(0) => State::Done,
                    Framing::Length(length) => State::Length(length),
                    Framing::Chunked => State::ChunkSize,
                    Framing::UntilClose => State::UntilClose,
                };
                self.head = Some(head);
                Ok(true)
            }
            State::Length(left) => Ok(self.take(at, left, State::Length, State::Done)),
            State::ChunkData(left) => Ok(self.take(at, left, State::ChunkData, State::ChunkEnd)),
            State::UntilClose => Ok(self.take(at, usize::MAX, |_| State::UntilClose, State::Done)),
            State::ChunkSize | State::ChunkEnd | State::Trailers => self.line(at),
            State::Done => Ok(false),
        }
    }

    /// Moves up to `left` bytes to the body.
    fn take(&mut self, at: &mut usize, left: usize, more: fn(usize) -> State, then: State) -> bool {
        let part = left.min(self.raw.len() - *at);
        self.body.extend_from_slice(&self.raw[*at..*at + part]);
        *at += part;
        self.state = if part == left { then } else { more(left - part) };
        part == left
    }

    /// Reads one line of the chunked framing.
    fn line(&mut self, at: &mut usize) -> Result<bool, Malformed> {
        let rest = &self.raw[*at..];
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return if rest.len() > HEAD_BYTES_MAX { Err(Malformed) } else { Ok(false) };
        };
        let line = rest[..end].strip_suffix(b"\r").ok_or(Malformed)?;
        self.state = match self.state {
            State::ChunkEnd if line.is_empty() => State::ChunkSize,
            State::Trailers if line.is_empty() => State::Done,
            State::Trailers => State::Trailers,
            State::ChunkSize => {
                let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
                let digits = std::str::from_utf8(digits).map_err(|_| Malformed)?.trim();
                match usize::from_str_radix(digits, 16).map_err(|_| Malformed)? {
                    0 => State::Trailers,
                    size if size <= BODY_BYTES_MAX => State::ChunkData(size),
                    _ => return Err(Malformed),
                }
            }
            _ => return Err(Malformed),
        };
        *at += end + 1;
        Ok(true)
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
