//! What either side says it can do.
//!
//! A client's capabilities are read into types, since the rules ("ask only what was declared") hang on them; a server's
//! are written per revision. The presence of an object is what counts, so a member is `Option<…>` or a flag, and unknown
//! members are ignored: they are not a closed set.
//!
//! Source: `ClientCapabilities` and `ServerCapabilities` in each schema; 2025-11-25 `client/elicitation`, Capabilities
//! (an empty object means forms); SEP-2663 for the tasks extension.

mod client;
mod server;

pub use client::{ClientCapabilities, ClientTasks, Elicitation, Need, Roots, Sampling};
pub use server::{Changing, ServerCapabilities, ServerResources};

/// The extension that tasks are in 2026-07-28.
pub const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

#[cfg(test)]
mod tests;
