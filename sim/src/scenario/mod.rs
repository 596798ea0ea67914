//! Scenarios: what they are made of, how they are run, and what comes out. The scenarios themselves are in the package
//! `switchboard-scenarios`.

mod case;
mod cast;
mod cluster;
mod dice;
mod neighbour;
mod parting;
mod piece;
mod reach;
mod report;
mod run;
mod setup;
mod shrink;
mod struck;
mod waits;
mod wishes;

pub use case::{Case, Finding, NoCase};
pub use cast::Cast;
pub(crate) use cast::observed;
pub use cluster::{Life, Site, Start};
pub use dice::Dice;
pub use neighbour::{Change, nearest_passing};
pub use parting::{Parting, WINDOW_LINES, same_marks};
pub use piece::Place;
pub(crate) use piece::{Piece, Script};
pub(crate) use report::shortened;
pub use report::{End, Report};
pub(crate) use run::{checkers, perform};
pub use run::{run, run_setup, run_watched};
pub use setup::{FORMED_MS, Group, Role, SERVER, START_MS, Scenario, Setup};
pub use shrink::shrink;
pub use waits::Waits;
pub use wishes::Wishes;
