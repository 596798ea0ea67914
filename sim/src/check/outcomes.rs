//! Every request ends in exactly one outcome.

use std::collections::BTreeMap;

use super::{Breach, Checker, ClientId, Entry, Fact, RequestNumber, Violation};

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct OneOutcome {
    open: BTreeMap<RequestNumber, (u64, ClientId)>,
    last: Option<RequestNumber>,
    found: Vec<Violation>,
}

impl OneOutcome {
    const NAME: &'static str = "one outcome";
}

impl Checker for OneOutcome {
    fn on_event(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Sent { request, mark, .. } => {
                self.open.insert(*request, (entry.at, mark.client));
                self.last = self.last.max(Some(*request));
            }
            Fact::Ended { request, client, outcome, .. } if self.open.remove(request).is_none() => {
                self.found.push(Violation {
                    check: Self::NAME,
                    breach: Breach::Safety,
                    at: entry.at,
                    client: Some(*client),
                    what: format!("{request:?} ended once more, with {outcome}"),
                });
            }
            _ => {}
        }
    }

    fn finish(&mut self, at: u64) -> Vec<Violation> {
        let mut found = std::mem::take(&mut self.found);
        found.extend(self.open.iter().map(|(request, (sent, client))| Violation {
            check: Self::NAME,
            breach: Breach::Liveness,
            at,
            client: Some(*client),
            what: format!("{request:?}, sent {} ms before the end, never ended", (at - sent) / 1_000_000),
        }));
        found
    }
}
