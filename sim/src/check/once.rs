//! A handler runs at most once for each request of its call; it ran where the call was answered, and did not run where
//! the client was told that its request was not taken.

use std::collections::BTreeMap;

use super::{Breach, Checker, Entry, Fact, Mark, RequestNumber, Violation};
use crate::client::Outcome;

#[derive(Debug, Default)]
struct Tally {
    /// Requests that may have reached the node.
    sent: u32,
    /// Requests of which the node said that it did not take them.
    refused: u32,
    ran: u32,
}

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct RunsOnce {
    cut_means_not_taken: bool,
    open: BTreeMap<RequestNumber, Mark>,
    calls: BTreeMap<Mark, Tally>,
    found: Vec<Violation>,
}

impl RunsOnce {
    /// Where `cut_means_not_taken`, a connection that is cut before an answer means that the request was not taken: so it
    /// must be in a drain.
    #[must_use]
    pub fn new(cut_means_not_taken: bool) -> Self {
        Self { cut_means_not_taken, ..Self::default() }
    }

    fn blame(&mut self, at: u64, mark: Mark, what: String) {
        let (check, breach, client) = ("runs once", Breach::Safety, Some(mark.client));
        self.found.push(Violation { check, breach, at, client, what });
    }

    fn is_refusal(&self, outcome: Outcome) -> bool {
        outcome.is_not_sent()
            || (self.cut_means_not_taken && matches!(outcome, Outcome::Closed | Outcome::Reset))
    }
}

impl Checker for RunsOnce {
    fn on_event(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Sent { request, mark, errand } if errand.tool().is_some() => {
                self.open.insert(*request, *mark);
                self.calls.entry(*mark).or_default().sent += 1;
            }
            Fact::Ran { mark, .. } => {
                let tally = self.calls.entry(*mark).or_default();
                tally.ran += 1;
                if tally.ran > tally.sent {
                    let what = format!("call {mark} ran {} times for {} requests", tally.ran, tally.sent);
                    self.blame(entry.at, *mark, what);
                }
            }
            Fact::Ended { request, outcome, .. } => {
                let Some(mark) = self.open.remove(request) else { return };
                let is_refusal = self.is_refusal(*outcome);
                let tally = self.calls.entry(mark).or_default();
                tally.refused += u32::from(is_refusal);
                let (ran, took) = (tally.ran, tally.sent - tally.refused);
                if ran > took {
                    let what = format!("call {mark} was not taken ({outcome}), and ran all the same");
                    self.blame(entry.at, mark, what);
                }
                if *outcome == Outcome::Ok && ran == 0 {
                    self.blame(entry.at, mark, format!("call {mark} was answered without having run"));
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}
