//! HTTP/1.1 responses, decoded as they arrive: bytes in, a head and a body out. What no server may send is an error.

/// The response is not HTTP as it should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Malformed;

/// The head of a response, as far as clients care.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Whether the body is an event stream.
    pub(crate) events: bool,
    /// Whether the connection may carry another request.
    pub(crate) reusable: bool,
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) session: Option<Box<str>>,
    framing: Framing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
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

const HEAD_BYTES_MAX: usize = 64 * 1024;

/// One connection's responses, one after the other.
#[derive(Debug)]
pub(crate) struct Decoder {
    state: State,
    head: Option<Head>,
    /// Received, and not yet part of a head or a body.
    pub(crate) raw: Vec<u8>,
    body: Vec<u8>,
}

impl Decoder {
    pub(crate) const fn new() -> Self {
        Self { state: State::Head, head: None, raw: Vec::new(), body: Vec::new() }
    }

    /// Ready for the next response.
    pub(crate) fn reset(&mut self) {
        (self.state, self.head) = (State::Head, None);
        self.body.clear();
    }

    /// Gives back what the last response took. What is left of `raw` stays.
    pub(crate) fn rest(&mut self) {
        self.raw.shrink_to_fit();
        self.body = Vec::new();
    }

    pub(crate) const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// What has arrived of the body and was not forgotten.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn forget_body(&mut self) {
        self.body.clear();
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The peer will send no more. True where that completes the response.
    pub(crate) fn end(&mut self) -> bool {
        if self.state == State::UntilClose {
            self.state = State::Done;
        }
        self.is_done()
    }

    /// Takes what stands in `raw` as far as it goes.
    pub(crate) fn advance(&mut self) -> Result<(), Malformed> {
        let mut at = 0;
        while self.step(&mut at)? {}
        self.raw.drain(..at);
        if self.is_done() && !self.raw.is_empty() {
            // Nothing was asked that this could be an answer to.
            return Err(Malformed);
        }
        Ok(())
    }

    fn step(&mut self, at: &mut usize) -> Result<bool, Malformed> {
        match self.state {
            State::Head => {
                let Some((head, length)) = parse_head(&self.raw[*at..])? else { return Ok(false) };
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

    /// Moves up to `left` bytes to the body. True where the state is complete.
    fn take(&mut self, at: &mut usize, left: usize, more: fn(usize) -> State, then: State) -> bool {
        let part = left.min(self.raw.len() - *at);
        self.body.extend_from_slice(&self.raw[*at..*at + part]);
        *at += part;
        self.state = if part == left { then } else { more(left - part) };
        part == left
    }

    fn line(&mut self, at: &mut usize) -> Result<bool, Malformed> {
        let rest = &self.raw[*at..];
        let Some(end) = memchr::memchr(b'\n', rest) else { return Ok(false) };
        let line = rest[..end].strip_suffix(b"\r").ok_or(Malformed)?;
        self.state = match self.state {
            State::ChunkEnd if line.is_empty() => State::ChunkSize,
            State::Trailers if line.is_empty() => State::Done,
            State::Trailers => State::Trailers,
            State::ChunkSize => {
                let digits = std::str::from_utf8(line).map_err(|_| Malformed)?;
                match usize::from_str_radix(digits, 16).map_err(|_| Malformed)? {
                    0 => State::Trailers,
                    size => State::ChunkData(size),
                }
            }
            _ => return Err(Malformed),
        };
        *at += end + 1;
        Ok(true)
    }
}

/// The head at the beginning of `bytes`, and its length; none where more bytes are needed.
fn parse_head(bytes: &[u8]) -> Result<Option<(Head, usize)>, Malformed> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        return if bytes.len() > HEAD_BYTES_MAX { Err(Malformed) } else { Ok(None) };
    };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| Malformed)?;
    let mut lines = text.split("\r\n");
    let rest = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).ok_or(Malformed)?;
    let status: u16 = rest.get(..3).and_then(|digits| digits.parse().ok()).ok_or(Malformed)?;
    let bodiless = status < 200 || status == 204 || status == 304;
    let framing = if bodiless { Framing::Length(0) } else { Framing::UntilClose };
    let mut head =
        Head { status, events: false, reusable: true, retry_after_s: None, session: None, framing };
    let mut framings = 0;
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Malformed)?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            framings += 1;
            let length = value.parse().map_err(|_| Malformed)?;
            if !bodiless {
                head.framing = Framing::Length(length);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            framings += 1;
            if bodiless || !value.eq_ignore_ascii_case("chunked") {
                return Err(Malformed);
            }
            head.framing = Framing::Chunked;
        } else if name.eq_ignore_ascii_case("content-type") {
            head.events = value.starts_with("text/event-stream");
        } else if name.eq_ignore_ascii_case("connection") {
            head.reusable &= !value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("retry-after") {
            head.retry_after_s = Some(value.parse().map_err(|_| Malformed)?);
        } else if name.eq_ignore_ascii_case("mcp-session-id") {
            head.session = Some(value.into());
        }
    }
    if framings > 1 {
        return Err(Malformed);
    }
    head.reusable &= head.framing != Framing::UntilClose;
    Ok(Some((head, end + 4)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8], piece: usize) -> Result<(u16, Vec<u8>), Malformed> {
        let mut decoder = Decoder::new();
        for part in bytes.chunks(piece) {
            decoder.raw.extend_from_slice(part);
            decoder.advance()?;
        }
        assert!(decoder.end(), "the response must be complete");
        Ok((decoder.head().expect("a done response must have a head").status, decoder.body().to_vec()))
    }

    #[test]
    fn a_response_reads_the_same_in_one_piece_and_byte_by_byte() {
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
        for piece in [1, 2, 7, 1_000] {
            assert_eq!(decode(chunked, piece), Ok((200, b"abc0123456789abcdef".to_vec())));
            let sized = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone";
            assert_eq!(decode(sized, piece), Ok((404, b"gone".to_vec())));
        }
    }

    #[test]
    fn a_response_with_two_framings_or_with_more_than_its_length_is_malformed() {
        let two = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(decode(two, 1_000), Err(Malformed));
        assert_eq!(decode(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\nx", 1_000), Err(Malformed));
    }
}
