//! Seeded fault scenarios for a Switchboard node: one idea of what may happen a file.

#![forbid(unsafe_code)]

mod calm;
pub mod catalogue;
mod drain;
mod flood;
mod hostile_bytes;
mod kill_mid_call;
mod partition_heal;
mod reconnect_storm;
mod slow_reader;

use switchboard_sim::scenario::Scenario;

pub use calm::CALM;
pub use drain::DRAIN;
pub use flood::FLOOD;
pub use hostile_bytes::HOSTILE_BYTES;
pub use kill_mid_call::KILL_MID_CALL;
pub use partition_heal::PARTITION_HEAL;
pub use reconnect_storm::RECONNECT_STORM;
pub use slow_reader::SLOW_READER;

/// Every scenario, from the calmest on.
pub const ALL: &[Scenario] =
    &[CALM, FLOOD, RECONNECT_STORM, KILL_MID_CALL, PARTITION_HEAL, SLOW_READER, HOSTILE_BYTES, DRAIN];

/// The scenario of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}
