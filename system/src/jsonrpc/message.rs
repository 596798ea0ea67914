//! Reading messages.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Id, Raw, TooDeep, scan};

/// One message of a peer.
#[derive(Clone, PartialEq, Debug)]
pub enum Message {
    /// Wants an answer.
    Request(Request),
    /// Wants none.
    Notification(Notification),
    /// Answers a request of ours.
    Answer(Answer),
}

/// A request.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// Its id, unique among the sender's unanswered requests.
    pub id: Id,
    /// The method's name.
    pub method: Box<str>,
    /// Its parameters; absent ones are an empty object.
    pub params: Raw,
}

/// A notification.
#[derive(Clone, PartialEq, Debug)]
pub struct Notification {
    /// The method's name.
    pub method: Box<str>,
    /// Its parameters; absent ones are an empty object.
    pub params: Raw,
}

/// An answer to a request of ours: a result, or an error object, as it came.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// The id of our request.
    pub id: Id,
    /// The result, or the error object.
    pub outcome: Result<Raw, Raw>,
}

/// What one transport message holds.
#[derive(Clone, PartialEq, Debug)]
pub enum Incoming {
    /// A single message.
    One(Message),
    /// A batch (2025-03-26 and 2024-11-05 only), each entry judged by itself.
    Batch(Vec<Result<Message, Malformed>>),
}

/// Why a text is not a message. Nothing of it was acted on.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Malformed {
    /// Not JSON at all, or not UTF-8: code -32700.
    #[error("Parse error: {0}")]
    NotJson(String),
    /// Nested beyond the limit: code -32600.
    #[error("Invalid Request: {0}")]
    TooDeep(#[from] TooDeep),
    /// JSON, but not a JSON-RPC message: code -32600. Holds the id where one could be read.
    #[error("Invalid Request: {reason}")]
    NotMessage {
        /// What is wrong.
        reason: String,
        /// The id that the error answers, where it could be read.
        id: Option<Id>,
    },
}

impl Malformed {
    /// The JSON-RPC error code.
    #[must_use]
    pub const fn code(&self) -> i64 {
        match self {
            Self::NotJson(_) => -32700,
            Self::TooDeep(_) | Self::NotMessage { .. } => -32600,
        }
    }

    /// The id that the error answers, where it could be read.
    #[must_use]
    pub const fn id(&self) -> Option<&Id> {
        match self {
            Self::NotMessage { id, .. } => id.as_ref(),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

/// A member that stands there, be it `null`: `"id":null` is not an absent id.
fn present<'de: 'a, 'a, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Reads one transport message: a single message or a batch of at most `batch_max` entries.
///
/// # Errors
/// [`Malformed`]; for a batch only when the batch as a whole cannot be read.
pub fn parse(text: &Bytes, depth_max: usize, batch_max: usize) -> Result<Incoming, Malformed> {
    if !text.trim_ascii_start().starts_with(b"[") {
        return parse_one(text, depth_max).map(Incoming::One);
    }
    scan(text, depth_max)?;
    let entries: Vec<&RawValue> =
        serde_json::from_slice(text).map_err(|error| Malformed::NotJson(error.to_string()))?;
    if entries.is_empty() || entries.len() > batch_max {
        let reason = format!("a batch holds 1 to {batch_max} messages, not {}", entries.len());
        return Err(Malformed::NotMessage { reason, id: None });
    }
    Ok(Incoming::Batch(entries.into_iter().map(|entry| read(text, entry.get().as_bytes())).collect()))
}

/// Reads a single message. An array is refused.
///
/// # Errors
/// [`Malformed`].
pub fn parse_one(text: &Bytes, depth_max: usize) -> Result<Message, Malformed> {
    scan(text, depth_max)?;
    read(text, text)
}

fn read(whole: &Bytes, part: &[u8]) -> Result<Message, Malformed> {
    let envelope: Envelope<'_> = serde_json::from_slice(part).map_err(|error| refuse(part, &error))?;
    let id = match envelope.id {
        None => None,
        Some(raw) => Some(serde_json::from_str::<Id>(raw.get()).map_err(|_| Malformed::NotMessage {
            reason: "id must be a string or an integer".into(),
            id: None,
        })?),
    };
    let fail = |reason: &str| Malformed::NotMessage { reason: reason.into(), id: id.clone() };
    if envelope.jsonrpc.map(RawValue::get) != Some("\"2.0\"") {
        return Err(fail("jsonrpc must be \"2.0\""));
    }
    match (envelope.method, envelope.result, envelope.error) {
        (Some(method), None, None) => {
            let params = match envelope.params {
                None => Raw::empty_object(),
                Some(raw) if raw.get().starts_with('{') => Raw::slice_of(whole, raw),
                Some(_) => return Err(fail("params must be an object")),
            };
            let method = method.into();
            Ok(match id {
                Some(id) => Message::Request(Request { id, method, params }),
                None => Message::Notification(Notification { method, params }),
            })
        }
        (None, Some(result), None) => match id {
            Some(id) => Ok(Message::Answer(Answer { id, outcome: Ok(Raw::slice_of(whole, result)) })),
            None => Err(fail("a result must have an id")),
        },
        (None, None, Some(error)) => match id {
            Some(id) => Ok(Message::Answer(Answer { id, outcome: Err(Raw::slice_of(whole, error)) })),
            None => Err(fail("an error must have an id")),
        },
        _ => Err(fail("a message has exactly one of method, result and error")),
    }
}

/// Tells text that is no JSON from JSON that is no message, and finds the id to answer where there is one.
fn refuse(part: &[u8], error: &serde_json::Error) -> Malformed {
    #[derive(Deserialize)]
    struct OnlyId {
        #[serde(default)]
        id: Option<Id>,
    }
    if serde_json::from_slice::<serde::de::IgnoredAny>(part).is_err() || std::str::from_utf8(part).is_err() {
        return Malformed::NotJson(error.to_string());
    }
    let id = serde_json::from_slice::<OnlyId>(part).ok().and_then(|only| only.id);
    Malformed::NotMessage { reason: error.to_string(), id }
}
