//! Server-sent events, decoded as they arrive, in the few forms that MCP servers write.

/// One event, or a word on when to come back.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct SseEvent {
    /// `stream.sequence`, where it has an id.
    pub(crate) id: Option<(u64, u64)>,
    pub(crate) retry_ms: Option<u64>,
    pub(crate) data: Vec<u8>,
}

/// A stream of events that arrives in pieces.
#[derive(Debug, Default)]
pub(crate) struct SseDecoder {
    raw: Vec<u8>,
    at: usize,
    event: SseEvent,
    any: bool,
}

impl SseDecoder {
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.raw.drain(..self.at);
        self.at = 0;
        self.raw.extend_from_slice(bytes);
    }

    /// The next complete event. An error where a line is none of those that the format knows.
    pub(crate) fn next(&mut self) -> Result<Option<SseEvent>, super::response::Malformed> {
        while let Some(length) = memchr::memchr(b'\n', &self.raw[self.at..]) {
            let line = &self.raw[self.at..self.at + length];
            self.at += length + 1;
            if line.is_empty() {
                if std::mem::take(&mut self.any) {
                    return Ok(Some(std::mem::take(&mut self.event)));
                }
                continue;
            }
            if line[0] == b':' {
                continue;
            }
            let malformed = super::response::Malformed;
            let line = std::str::from_utf8(line).map_err(|_| malformed)?;
            let (name, value) = line.split_once(':').ok_or(malformed)?;
            let value = value.strip_prefix(' ').unwrap_or(value);
            self.any = true;
            match name {
                "id" => self.event.id = Some(event_id(value).ok_or(malformed)?),
                "retry" => self.event.retry_ms = Some(value.parse().map_err(|_| malformed)?),
                "data" => self.event.data.extend_from_slice(value.as_bytes()),
                "event" => {}
                _ => return Err(malformed),
            }
        }
        Ok(None)
    }
}

fn event_id(text: &str) -> Option<(u64, u64)> {
    let (stream, sequence) = text.split_once('.')?;
    Some((stream.parse().ok()?, sequence.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_whole_however_their_bytes_arrive() {
        let bytes = b":\n\nid: 3.0\nretry: 50\ndata: \n\nid: 3.1\ndata: {\"a\":1}\n\nretry: 7\n\n";
        for piece in [1, 3, 100] {
            let mut decoder = SseDecoder::default();
            let mut events = Vec::new();
            for part in bytes.chunks(piece) {
                decoder.feed(part);
                while let Some(event) = decoder.next().expect("must be well formed") {
                    events.push((event.id, event.retry_ms, String::from_utf8(event.data).expect("UTF-8")));
                }
            }
            let data = String::from(r#"{"a":1}"#);
            assert_eq!(
                events,
                [
                    (Some((3, 0)), Some(50), String::new()),
                    (Some((3, 1)), None, data),
                    (None, Some(7), String::new())
                ]
            );
        }
    }
}
