//! Scenarios: what they are made of, how they are run, and what comes out. The scenarios themselves are in the package
//! `switchboard-scenarios`.

mod cluster;
mod report;
mod run;
mod setup;
mod waits;
mod wishes;

pub use report::{End, Report};
pub use run::run;
pub use setup::{Dice, FORMED_MS, Group, Role, SERVER, START_MS, Scenario, Setup};
pub use waits::Waits;
pub use wishes::Wishes;
