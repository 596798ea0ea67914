//! From a method and its parameters to what serves it: a list that is ready, or a handler to start.
//!
//! Dispatch knows the catalogue and the vocabulary. It knows no sessions, no connections and no time.

mod lists;
mod target;

pub(crate) use lists::{ListCache, capabilities, discovery, greeting, list, server_info};
pub(crate) use target::Target;
