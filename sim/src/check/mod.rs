//! Checkers: what must hold of every run, whatever goes wrong in it. They read a [`History`] and say what breaks it.

mod always;
mod answered;
mod balance;
mod bounds;
mod called_off;
mod census;
mod converges;
mod crossing;
mod ended;
mod heard;
mod history;
mod last_word;
mod left;
mod linear;
mod lives;
mod log;
mod maps;
mod once;
mod order;
mod outcomes;
mod plant;
mod spells;
mod standing;
mod task_model;
mod tasks;
mod told;

pub use always::AlwaysHolds;
pub use answered::{Answered, Struck};
pub use balance::Balance;
pub use bounds::InBounds;
pub use called_off::CalledOff;
pub use census::Census;
pub use converges::Converges;
pub use crossing::NothingCrosses;
pub use ended::EndedStaysEnded;
pub use heard::ChangesAreHeard;
pub use history::{ClientId, Entry, Fact, Heard, History, Mark, Matter, RequestNumber, TWIN, Who};
pub use last_word::LastWord;
pub use left::{Holding, NothingIsLeft};
pub use lives::OneLife;
pub use log::OneLog;
pub use maps::MapsRise;
pub use once::RunsOnce;
pub use order::InOrder;
pub use outcomes::OneOutcome;
pub use plant::Plant;
pub use spells::Spells;
pub use standing::Standing;
pub use tasks::TasksLinearize;
pub use told::{Disagreement, Exchange, Told};

/// What kind of promise was broken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Breach {
    /// Something happened that must never happen.
    Safety,
    /// Something did not happen that must happen in time.
    Liveness,
}

impl Breach {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safety => "safety",
            Self::Liveness => "liveness",
        }
    }
}

/// A broken promise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which checker says so.
    pub check: &'static str,
    /// What kind of promise.
    pub breach: Breach,
    /// When it was broken, in nanoseconds of virtual time.
    pub at: u64,
    /// Whose history led to it, where it is one client's.
    pub client: Option<ClientId>,
    /// What happened.
    pub what: String,
}

/// Reads a history, entry by entry, and says at its end what was wrong with it.
pub trait Checker {
    /// Takes the next entry.
    fn on_event(&mut self, entry: &Entry);

    /// Says what was wrong. `at` is the end of the run in nanoseconds.
    fn finish(&mut self, at: u64) -> Vec<Violation>;
}

/// Runs checkers over a history. The earliest violation comes first.
pub fn check(entries: &[Entry], end: u64, checkers: &mut [Box<dyn Checker>]) -> Vec<Violation> {
    for entry in entries {
        for checker in &mut *checkers {
            checker.on_event(entry);
        }
    }
    let mut found: Vec<Violation> = checkers.iter_mut().flat_map(|checker| checker.finish(end)).collect();
    found.sort_by_key(|violation| violation.at);
    found
}
