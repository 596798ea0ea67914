//! HTTP/1.1 at the edge: hyper over any stream of any world.
//!
//! [`serve_connection`] drives one connection; a [`Service`] answers its requests. What a request must pass before it is
//! looked at stands beside it, for the service to call in this order: `Guard` (host and origin), `Bearer`,
//! `negotiate`, [`RequestBody::read`].
//!
//! Answers that hyper gives by itself, without asking the service, empty and followed by a close: 400 (a head that does
//! not parse, a bad or doubled `Content-Length`, a `Transfer-Encoding` that does not end in `chunked`), 414 (a target
//! over 65,534 bytes), 431 (over `header_bytes_max` or `headers_len_max`). An HTTP/2 preface is closed without an answer.

mod body;
mod date;
mod farewell;
mod io;
pub mod names;
mod plain;
mod pulse;
mod server;

pub use body::{AnswerStream, BodyError, RequestBody, ResponseBody};
pub use plain::{method_not_allowed, plain};
pub use server::{End, Service, serve_connection};
