//! Simulated MCP clients, in both eras. [`live`] is the life of a thin one, of which a world may hold very many;
//! [`live_in_full`] that of one over hyper, and [`attack`] that of one which means harm.

mod answering;
mod caller;
mod calling_off;
mod doubting;
mod full;
mod hostile;
mod link;
mod listener;
mod outcome;
mod pending;
mod persona;
mod reading;
mod response;
mod route;
mod sse;
mod tasking;
mod thin;
mod writer;

pub use caller::{Answer, Caller};
pub use full::live_in_full;
pub use hostile::attack;
pub use outcome::{Errand, Outcome};
pub use persona::{Persona, Work, live};
pub use writer::Era;

/// What every client answers to every question.
const ANSWER: &str = r#"{"action":"accept","content":{"word":"yes"}}"#;
