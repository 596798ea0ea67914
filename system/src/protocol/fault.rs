//! Faults: the errors that a client may be told.
//!
//! Whatever goes wrong inside becomes one of these before it leaves, and nothing else leaves: an internal error says so
//! and no more. A fault also knows the HTTP status that it is sent with, because status and code must tell one story.
//!
//! Statuses. A fault that answers a request which was understood goes out with 200, in both eras: the specification
//! names a status only for those below, and an answer on an event stream could not have another. Wrong tool arguments
//! and unknown names are therefore 200 (2026-07-28 `server/tools`, Error Handling: a code, no status).
//!
//! | fault | legacy | modern | source |
//! |---|---|---|---|
//! | no JSON, no message | 400 | 400 | `basic/transports`, Sending Messages |
//! | -32601 | 200 | 404 | 2026-07-28 streamable HTTP, Protocol Version Header |
//! | -32602 for required `_meta` | – | 400 | 2026-07-28 `basic/index`, Per-request protocol fields |
//! | -32020, -32021, -32022 | 400 | 400 | 2026-07-28 schema |
//! | no session named, session gone | 400, 404 | – | 2025-11-25 `basic/transports`, Session Management |
//! | overloaded, shutting down | 503 | 503 | RFC 9110 §15.6.4 |
//!
//! Codes of our own lie outside the range that JSON-RPC reserves, as 2026-07-28 `basic/index`, Error Codes, asks of new
//! implementations.

use serde::Serialize;

use crate::jsonrpc::{ErrorObject, Malformed, Raw};

use super::Revision;

/// Error codes.
pub mod code {
    /// Not JSON.
    pub const PARSE_ERROR: i64 = -32700;
    /// JSON, but no message.
    pub const INVALID_REQUEST: i64 = -32600;
    /// No such method here.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The parameters are wrong; since 2026-07-28 also: no such resource.
    pub const INVALID_PARAMS: i64 = -32602;
    /// Something of ours broke.
    pub const INTERNAL_ERROR: i64 = -32603;
    /// No such resource (legacy).
    pub const RESOURCE_NOT_FOUND: i64 = -32002;
    /// Headers and body tell two stories (2026-07-28).
    pub const HEADER_MISMATCH: i64 = -32020;
    /// The request needs a capability that the client did not declare (2026-07-28).
    pub const MISSING_CAPABILITY: i64 = -32021;
    /// We do not speak that revision (2026-07-28).
    pub const UNSUPPORTED_VERSION: i64 = -32022;
    /// The user must first go to a URL (2025-11-25 only).
    pub const URL_ELICITATION_REQUIRED: i64 = -32042;
    /// More than we take at once.
    pub const OVERLOADED: i64 = 429;
    /// This node goes down.
    pub const SHUTTING_DOWN: i64 = 503;
    /// The client cancelled the request.
    pub const CANCELLED: i64 = 499;
    /// The request ran out of time.
    pub const TIMED_OUT: i64 = 504;
}

/// A JSON-RPC error that may be told to a client.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Fault {
    /// The code, one of [`code`] or a handler's own.
    pub code: i64,
    /// A sentence for a person.
    pub message: String,
    /// More, for a machine.
    pub data: Option<Raw>,
    /// The HTTP status, where code and revision alone do not tell it.
    status: Option<u16>,
}

impl Fault {
    /// An error with a code of one's own.
    #[must_use]
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None, status: None }
    }

    /// The same with data.
    #[must_use]
    pub fn with_data(mut self, data: Raw) -> Self {
        self.data = Some(data);
        self
    }

    /// The same with an HTTP status that the code alone does not imply.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The text is no JSON.
    #[must_use]
    pub fn parse_error(message: impl Into<String>) -> Self {
        Self::new(code::PARSE_ERROR, message)
    }

    /// The message is no request, or not one that may be sent here and now.
    #[must_use]
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_REQUEST, message)
    }

    /// There is no such method, or none that this server's capabilities offer.
    #[must_use]
    pub fn method_not_found(name: &str) -> Self {
        Self::new(code::METHOD_NOT_FOUND, format!("Method not found: {name}"))
    }

    /// The parameters are wrong. `message` names the field.
    #[must_use]
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_PARAMS, message)
    }

    /// The `_meta` that each modern request must carry is missing or wrong: -32602 like other parameters, but 400.
    #[must_use]
    pub fn malformed_meta(message: impl Into<String>) -> Self {
        Self::invalid_params(message).with_status(400)
    }

    /// Something of ours broke. What, is for our log and not for the client.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(code::INTERNAL_ERROR, "Internal error")
    }

    /// There is no such resource: -32002 for legacy clients, -32602 since 2026-07-28 (`server/resources`, Error
    /// Handling).
    #[must_use]
    pub fn resource_not_found(revision: Revision, uri: &str) -> Self {
        #[derive(Serialize)]
        struct Data<'a> {
            uri: &'a str,
        }
        let code = if revision.is_modern() { code::INVALID_PARAMS } else { code::RESOURCE_NOT_FOUND };
        Self::new(code, "Resource not found").with_data(encode(&Data { uri }))
    }

    /// There is no such tool (`server/tools`, Error Handling).
    #[must_use]
    pub fn unknown_tool(name: &str) -> Self {
        Self::invalid_params(format!("Unknown tool: {name}"))
    }

    /// There is no such prompt (`server/prompts`, Error Handling).
    #[must_use]
    pub fn unknown_prompt(name: &str) -> Self {
        Self::invalid_params(format!("Unknown prompt: {name}"))
    }

    /// There is no such task, or none that this client may see (2025-11-25 `basic/utilities/tasks`, Protocol Errors).
    #[must_use]
    pub fn unknown_task() -> Self {
        Self::invalid_params("Task not found")
    }

    /// A header is missing, unreadable, or says another thing than the body.
    #[must_use]
    pub fn header_mismatch(message: impl Into<String>) -> Self {
        Self::new(code::HEADER_MISMATCH, message)
    }

    /// The request needs capabilities that the client did not declare; `required` is a `ClientCapabilities` object with
    /// just the missing ones.
    #[must_use]
    pub fn missing_capability(required: Raw) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            required_capabilities: Raw,
        }
        Self::new(code::MISSING_CAPABILITY, "Missing required client capability")
            .with_data(encode(&Data { required_capabilities: required }))
    }

    /// We do not speak the revision that was asked for; the data lists those that we do.
    #[must_use]
    pub fn unsupported_version(requested: &str) -> Self {
        #[derive(Serialize)]
        struct Data<'a> {
            supported: [&'static str; 5],
            requested: &'a str,
        }
        Self::new(code::UNSUPPORTED_VERSION, "Unsupported protocol version")
            .with_data(encode(&Data { supported: Revision::SUPPORTED, requested }))
    }

    /// The user must go to URLs before the request can be served (2025-11-25 `client/elicitation`, URL Elicitation
    /// Required Error). `elicitations` is an array of URL-mode parameters of that revision, each with its id.
    #[must_use]
    pub fn url_elicitation_required(elicitations: Raw) -> Self {
        #[derive(Serialize)]
        struct Data {
            elicitations: Raw,
        }
        Self::new(code::URL_ELICITATION_REQUIRED, "This request needs the user to visit a URL first")
            .with_data(encode(&Data { elicitations }))
    }

    /// A legacy HTTP request without a session, where one is needed.
    #[must_use]
    pub fn session_required() -> Self {
        let message = "Mcp-Session-Id is missing: initialize first, or send MCP-Protocol-Version and _meta of 2026-07-28";
        Self::invalid_request(message).with_status(400)
    }

    /// The session is unknown here, over or expired: the client must initialize anew.
    #[must_use]
    pub fn session_not_found() -> Self {
        Self::invalid_request("Session not found").with_status(404)
    }

    /// The request ran out of time.
    #[must_use]
    pub fn timed_out() -> Self {
        Self::new(code::TIMED_OUT, "The request took too long")
    }

    /// The client no longer wanted the answer, and gets this one where the transport must carry some.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(code::CANCELLED, "The request was cancelled")
    }

    /// More than we take at once; nothing was done, and a retry later may succeed.
    #[must_use]
    pub fn overloaded(message: impl Into<String>) -> Self {
        Self::new(code::OVERLOADED, message).with_status(503)
    }

    /// This node goes down; another will answer.
    #[must_use]
    pub fn shutting_down() -> Self {
        Self::new(code::SHUTTING_DOWN, "This node is shutting down").with_status(503)
    }

    /// The HTTP status to send it with, as the only answer to a POST of this revision.
    #[must_use]
    pub const fn http_status(&self, revision: Revision) -> u16 {
        if let Some(status) = self.status {
            return status;
        }
        match self.code {
            code::PARSE_ERROR
            | code::INVALID_REQUEST
            | code::HEADER_MISMATCH
            | code::MISSING_CAPABILITY
            | code::UNSUPPORTED_VERSION => 400,
            code::METHOD_NOT_FOUND if revision.is_modern() => 404,
            _ => 200,
        }
    }

    /// The `error` member of a response.
    #[must_use]
    pub fn to_object(&self) -> ErrorObject {
        ErrorObject { code: self.code, message: self.message.clone(), data: self.data.clone() }
    }
}

impl From<&Malformed> for Fault {
    fn from(malformed: &Malformed) -> Self {
        Self::new(malformed.code(), malformed.to_string())
    }
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Self::from(&malformed)
    }
}

fn encode<T: Serialize>(data: &T) -> Raw {
    Raw::encode(data).expect("fields with fixed names must encode")
}

#[cfg(test)]
mod tests;
