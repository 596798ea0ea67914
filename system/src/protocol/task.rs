//! Tasks on the wire, placeholder to be replaced.
use serde::Deserialize;
/// What a client wishes of a task (2025-11-25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct TaskWish {
    /// How long it should live.
    #[serde(default, rename = "ttl")]
    pub ttl_ms: Option<u64>,
}
