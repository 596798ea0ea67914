//! Sessions of the stateful revisions (2024-11-05 to 2025-11-25), as the node that serves one sees it: calls in flight,
//! questions that wait for an answer, and what waits to be told on a channel.
//!
//! It knows no HTTP, no tools, no cluster and no clock of its own.

mod calls;
mod questions;
mod queue;
mod state;

pub(crate) use calls::{Begun, Calls};
pub(crate) use queue::{Item, Queue, Reader};
pub(crate) use state::{Refusal, Session, SessionBounds};
