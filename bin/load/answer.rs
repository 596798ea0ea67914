//! JSON-RPC answers: which outcome they are, and the events that carry them.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::outcome::Outcome;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
    result: Option<ResultHead>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResultHead {
    #[serde(default)]
    is_error: bool,
    result_type: Option<String>,
}

/// What a message says about the request `id`; `None` where it is not its answer.
pub(super) fn classify(message: &[u8], id: &[u8]) -> Option<Outcome> {
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(message) else {
        return Some(Outcome::Protocol);
    };
    let asked = envelope.id.is_some_and(|raw| raw.get().as_bytes() == id);
    match (envelope.method, envelope.error, envelope.result) {
        (Some(_), _, _) => None,
        (None, Some(_), None) if asked => Some(Outcome::RpcError),
        (None, None, Some(result)) if asked => Some(match result.result_type.as_deref() {
            // A tool that asks back is not a tool to measure with.
            Some(kind) if kind != "complete" => Outcome::Protocol,
            _ if result.is_error => Outcome::ToolError,
            _ => Outcome::Ok,
        }),
        _ => Some(Outcome::Protocol),
    }
}

/// The last answer that was found to be right, cut at its id. An answer with the same bytes around its own id is right
/// too, and is recognised by comparing instead of parsing.
#[derive(Default, Debug)]
pub(super) struct AnswerMemory {
    before: Vec<u8>,
    behind: Vec<u8>,
}

impl AnswerMemory {
    /// [`classify`] for a body that must be the answer.
    pub(super) fn judge(&mut self, body: &[u8], id: &[u8]) -> Outcome {
        let same = !self.before.is_empty()
            && body.len() == self.before.len() + id.len() + self.behind.len()
            && body.starts_with(&self.before)
            && body.ends_with(&self.behind)
            && body[self.before.len()..].starts_with(id);
        if same {
            return Outcome::Ok;
        }
        let outcome = classify(body, id).unwrap_or(Outcome::Protocol);
        if outcome == Outcome::Ok {
            self.remember(body, id);
        }
        outcome
    }

    fn remember(&mut self, body: &[u8], id: &[u8]) {
        let mut found = body.windows(id.len()).enumerate().filter(|(_, window)| *window == id);
        let (first, second) = (found.next(), found.next());
        // Twice the same digits, and the id could be the other one.
        if let (Some((at, _)), None) = (first, second) {
            self.before.clear();
            self.before.extend_from_slice(&body[..at]);
            self.behind.clear();
            self.behind.extend_from_slice(&body[at + id.len()..]);
        }
    }
}

/// One event of a stream.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Event {
    pub id: Option<String>,
    pub data: Vec<u8>,
}

/// Takes the first complete event, and says how many bytes it was; comments give an event without data.
pub(super) fn next_event(bytes: &[u8]) -> Option<(Event, usize)> {
    let mut event = Event::default();
    let mut at = 0;
    while let Some(length) = bytes[at..].iter().position(|byte| *byte == b'\n') {
        let line = &bytes[at..at + length];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        at += length + 1;
        if line.is_empty() {
            return Some((event, at));
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if !event.data.is_empty() {
                    event.data.push(b'\n');
                }
                event.data.extend_from_slice(value);
            }
            b"id" => event.id = std::str::from_utf8(value).ok().map(str::to_owned),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_answer_is_told_apart() {
        let judge = |body: &str| classify(body.as_bytes(), b"1000000007");
        assert_eq!(judge(r#"{"jsonrpc":"2.0","id":1000000007,"result":{"content":[]}}"#), Some(Outcome::Ok));
        assert_eq!(judge(r#"{"id":1000000007,"result":{"isError":true}}"#), Some(Outcome::ToolError));
        assert_eq!(judge(r#"{"id":1000000007,"error":{"code":-1,"message":""}}"#), Some(Outcome::RpcError));
        assert_eq!(
            judge(r#"{"id":1000000007,"result":{"resultType":"input_required"}}"#),
            Some(Outcome::Protocol)
        );
        assert_eq!(
            judge(r#"{"id":8,"result":{}}"#),
            Some(Outcome::Protocol),
            "the answer of another request"
        );
        assert_eq!(judge("no json"), Some(Outcome::Protocol));
        assert_eq!(judge(r#"{"method":"notifications/progress","params":{}}"#), None);
    }

    #[test]
    fn the_shortcut_agrees_with_the_parser() {
        let mut memory = AnswerMemory::default();
        let body =
            |id: u64, text: &str| format!(r#"{{"id":{id},"result":{{"text":"{text}"}}}}"#).into_bytes();
        assert_eq!(memory.judge(&body(1_000_000_000, "a"), b"1000000000"), Outcome::Ok);
        assert!(!memory.before.is_empty());
        assert_eq!(memory.judge(&body(1_000_000_001, "a"), b"1000000001"), Outcome::Ok);
        assert_eq!(
            memory.judge(&body(1_000_000_001, "a"), b"1000000002"),
            Outcome::Protocol,
            "a stale answer"
        );
        assert_eq!(memory.judge(&body(1_000_000_002, "b"), b"1000000002"), Outcome::Ok);
        let twice = body(1_000_000_003, "1000000003");
        assert_eq!(memory.judge(&twice, b"1000000003"), Outcome::Ok);
        assert_eq!(memory.judge(&body(1_000_000_004, "b"), b"1000000004"), Outcome::Ok);
    }

    #[test]
    fn events_are_cut_at_blank_lines() {
        let stream = b"id: 1\nretry: 5\ndata:\n\n: ping\r\n\r\ndata: {\ndata: }\r\n\r\ndata: half";
        let (first, length) = next_event(stream).expect("complete");
        assert_eq!(first, Event { id: Some("1".to_owned()), data: Vec::new() });
        let rest = &stream[length..];
        let (comment, length) = next_event(rest).expect("complete");
        assert_eq!(comment, Event::default());
        let rest = &rest[length..];
        let (third, length) = next_event(rest).expect("complete");
        assert_eq!(third.data, b"{\n}");
        assert_eq!(next_event(&rest[length..]), None);
    }
}
