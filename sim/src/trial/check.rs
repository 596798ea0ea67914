//! A check of a trial as a checker: it is asked about the whole run, and where it was broken, by halves about shorter and shorter
//! beginnings of it, until the first moment is found at which it was.

use std::sync::Arc;

use switchboard::env::Panicked;

use super::trail::Trail;
use crate::check::{Breach, Checker, Entry, Violation};

/// When something must hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum When {
    Always,
    InTheEnd,
}

/// Says what is wrong with a run, or with a beginning of it.
type Holds = dyn Fn(&Trail) -> Result<(), String> + Send + Sync;

/// See the [module](self) page.
#[derive(Clone)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) when: When,
    pub(super) holds: Arc<Holds>,
}

impl Check {
    /// It, for one run.
    pub(super) fn begin(&self) -> Box<dyn Checker> {
        Box::new(Checking { check: self.clone(), entries: Vec::new() })
    }

    /// What is wrong with a beginning of a run.
    fn breach(&self, entries: &[Entry]) -> Option<String> {
        let trail = Trail::of(entries);
        let told = Panicked::catch(|| (self.holds)(&trail));
        told.unwrap_or_else(|panicked| Err(panicked.0)).err()
    }
}

struct Checking {
    check: Check,
    entries: Vec<Entry>,
}

impl Checker for Checking {
    fn on_event(&mut self, entry: &Entry) {
        if Trail::tells(&entry.fact) {
            self.entries.push(entry.clone());
        }
    }

    fn finish(&mut self, at: u64) -> Vec<Violation> {
        let Self { check, entries } = self;
        let Some(what) = check.breach(entries) else { return Vec::new() };
        let violation = Violation { check: check.name, breach: Breach::Liveness, at, client: None, what };
        if check.when == When::InTheEnd {
            return vec![violation];
        }
        // It holds of the first `whole` entries, and not of the first `broken`.
        let (mut whole, mut broken, mut what) = (0, entries.len(), violation.what);
        while whole + 1 < broken {
            let middle = whole.midpoint(broken);
            match check.breach(&entries[..middle]) {
                Some(sooner) => (broken, what) = (middle, sooner),
                None => whole = middle,
            }
        }
        let last = broken.checked_sub(1).map(|last| &entries[last]);
        let (at, client) = last.map_or((0, None), |entry| (entry.at, entry.fact.client()));
        vec![Violation { check: check.name, breach: Breach::Safety, at, client, what }]
    }
}
