//! Nothing crosses: what a handler said for one client, session or call is read by that one alone, and an answered call
//! was answered with its own words.

use std::collections::{BTreeMap, BTreeSet};

use super::{Breach, Checker, Entry, Fact, Mark, RequestNumber, Violation};
use crate::client::{Errand, Outcome};

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct NothingCrosses {
    open: BTreeMap<RequestNumber, (Mark, Errand)>,
    told: BTreeSet<Mark>,
    found: Vec<Violation>,
}

impl NothingCrosses {
    fn blame(&mut self, at: u64, mark: Mark, what: String) {
        let (check, breach, client) = ("nothing crosses", Breach::Safety, Some(mark.client));
        self.found.push(Violation { check, breach, at, client, what });
    }
}

impl Checker for NothingCrosses {
    fn on_event(&mut self, entry: &Entry) {
        match &entry.fact {
            // A task is answered before its words are there.
            Fact::Sent { request, mark, errand } if errand.tool().is_some() && !errand.is_task() => {
                self.open.insert(*request, (*mark, *errand));
            }
            Fact::Told { reader, owner } => {
                self.told.insert(*owner);
                let of_stream = Mark { call: 0, ..*owner };
                if *reader != *owner && *reader != of_stream {
                    self.blame(entry.at, *reader, format!("{reader} was told what belongs to {owner}"));
                }
            }
            Fact::Ended { request, outcome, .. } => {
                let Some((mark, _)) = self.open.remove(request) else { return };
                let was_told = self.told.remove(&mark);
                if *outcome == Outcome::Ok && !was_told {
                    self.blame(
                        entry.at,
                        mark,
                        format!("call {mark} was answered, but not with its own words"),
                    );
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}
