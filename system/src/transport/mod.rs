//! Bytes in, frames out: HTTP/1.1 requests, server-sent events, lines of text.
//!
//! This stage knows sizes, clocks and who may talk to us. It knows no JSON, no sessions and no methods of the protocol:
//! a body is bytes of a bounded length, and what they mean is for the stages behind it.

pub mod http;
pub mod line;
pub mod sse;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;
