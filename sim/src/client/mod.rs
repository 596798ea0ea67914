//! Simulated MCP clients, in both eras: [`live`] is the life of a thin one.

mod answering;
mod hostile;
mod link;
mod listener;
mod outcome;
mod persona;
mod reading;
mod response;
mod sse;
mod thin;
mod writer;

pub use hostile::attack;
pub use outcome::{Errand, Outcome};
pub use persona::{Persona, Work, live};
pub use writer::Era;

/// What every client answers to every question.
const ANSWER: &str = r#"{"action":"accept","content":{"word":"yes"}}"#;
