//! HTTP/1.1 at the edge: hyper over any stream of any world.
//!
//! [`serve_connection`] drives one connection; a [`Service`] answers its requests. What a request must pass before it is
//! looked at stands beside it, for the service to call in this order: [`Guard`] (host and origin), [`Bearer`],
//! [`Accepts`] and [`is_json`], [`RequestBody::read`].
//!
//! Answers that hyper gives by itself, without asking the service, empty and followed by a close: 400 (a head that does
//! not parse, a bad or doubled `Content-Length`, a `Transfer-Encoding` that does not end in `chunked`), 414 (a target
//! over 65,534 bytes), 431 (over `header_bytes_max` or `headers_len_max`). An HTTP/2 preface is closed without an answer.

mod authority;
mod bearer;
mod body;
mod cors;
mod date;
mod farewell;
mod guard;
mod io;
pub mod names;
mod negotiate;
mod plain;
mod pulse;
mod server;
mod shed;

pub use bearer::{BadBearer, Bearer, Unauthorized};
pub use body::{AnswerStream, BodyError, RequestBody, ResponseBody};
pub use guard::{Allowed, BadEntry, Guard, Refusal};
pub use negotiate::{Accepts, is_json};
pub use plain::{method_not_allowed, plain};
pub use server::{End, Service, serve_connection};
pub use shed::refuse;

#[cfg(test)]
mod tests;
