//! Writing messages: each into one buffer, in one pass.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Id, Raw};

/// The `error` member of an error response.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ErrorObject {
    /// The code; which ones, the protocol says.
    pub code: i64,
    /// A sentence for a person.
    pub message: String,
    /// More, for a machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Raw>,
}

#[derive(Serialize)]
struct ResultMessage<'a, T: ?Sized> {
    jsonrpc: &'static str,
    id: &'a Id,
    result: &'a T,
}

#[derive(Serialize)]
struct ErrorMessage<'a> {
    jsonrpc: &'static str,
    // JSON-RPC 2.0 §5: null where the request's id could not be read.
    id: Option<&'a Id>,
    error: &'a ErrorObject,
}

#[derive(Serialize)]
struct Call<'a, T: ?Sized> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Id>,
    method: &'a str,
    params: &'a T,
}

fn encode<T: Serialize>(message: &T) -> Bytes {
    let mut buffer = Vec::with_capacity(256);
    serde_json::to_writer(&mut buffer, message).expect("a message of the protocol must encode");
    Bytes::from(buffer)
}

/// A response with a result.
#[must_use]
pub fn result_message<T: Serialize + ?Sized>(id: &Id, result: &T) -> Bytes {
    encode(&ResultMessage { jsonrpc: "2.0", id, result })
}

/// A response with an error; without an id where the request's could not be read.
#[must_use]
pub fn error_message(id: Option<&Id>, error: &ErrorObject) -> Bytes {
    encode(&ErrorMessage { jsonrpc: "2.0", id, error })
}

/// A notification.
#[must_use]
pub fn notification_message<T: Serialize + ?Sized>(method: &str, params: &T) -> Bytes {
    encode(&Call { jsonrpc: "2.0", id: None, method, params })
}

/// A request of ours.
#[must_use]
pub fn request_message<T: Serialize + ?Sized>(id: &Id, method: &str, params: &T) -> Bytes {
    encode(&Call { jsonrpc: "2.0", id: Some(id), method, params })
}

/// An answer of a client, as it wrote it.
#[must_use]
pub fn answer_message(answer: &super::Answer) -> Bytes {
    #[derive(Serialize)]
    struct AnswerMessage<'a> {
        jsonrpc: &'static str,
        id: &'a Id,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<&'a Raw>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a Raw>,
    }
    let (result, error) = (answer.outcome.as_ref().ok(), answer.outcome.as_ref().err());
    encode(&AnswerMessage { jsonrpc: "2.0", id: &answer.id, result, error })
}
