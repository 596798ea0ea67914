//! JSON-RPC 2.0 messages: what the stages of a node pass to each other.
//!
//! A message is read without copying what we only carry: parameters, results and error data stay slices ([`Raw`]) of the
//! bytes that came in. Before any of it is read, [`scan`] bounds the nesting; the envelope refuses a key that stands
//! twice, so that nobody in front of us (who may read the first) and we (who might read the last) are told two stories.
//!
//! Source: JSON-RPC 2.0, and `basic/index` of every MCP revision (ids are strings or integers, never null).

mod id;
mod message;
mod raw;
mod scan;
mod write;

pub use id::Id;
pub use message::{Answer, Incoming, Malformed, Message, Notification, Request, parse, parse_one};
pub use raw::Raw;
pub use scan::{TooDeep, scan};
pub use write::{
    ErrorObject, answer_message, error_message, notification_message, request_message, result_message,
};

#[cfg(test)]
mod tests;
