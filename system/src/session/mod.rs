//! Sessions of the stateful revisions (2024-11-05 to 2025-11-25): what the server remembers of a client between requests.
//!
//! A session knows streams, calls in flight, questions that wait for an answer, and subscriptions. It knows no HTTP, no
//! tools and no clock of its own.

mod calls;
mod questions;
mod state;
mod stream;

pub(crate) use calls::Calls;
pub(crate) use state::{Refusal, Session, SessionBounds};
pub(crate) use stream::{Item, Reader, StreamBounds, StreamLog};
