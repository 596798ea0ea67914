//! How long clients went without service: from the first of their plain requests that was not answered well to the next
//! that was. Retries and changes of node count; what takes its time by design (a slow tool, a task) does not.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::{ClientId, Entry, Fact};
use crate::client::{Errand, Outcome};

/// The longest wait of each client that had one answer at least, in nanoseconds, shortest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Waits(Vec<u64>);

impl Waits {
    /// Reads them out of a history.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let mut plain = BTreeSet::new();
        let mut since: BTreeMap<ClientId, u64> = BTreeMap::new();
        let mut longest: BTreeMap<ClientId, u64> = BTreeMap::new();
        for Entry { at, fact } in entries {
            match fact {
                Fact::Sent { request, mark, errand: Errand::Echo | Errand::Ping | Errand::List } => {
                    plain.insert(*request);
                    since.entry(mark.client).or_insert(*at);
                }
                Fact::Ended { request, client, outcome, .. } => {
                    let is_plain = plain.remove(request);
                    if is_plain && *outcome == Outcome::Ok {
                        let began = since.remove(client).unwrap_or(*at);
                        let wait = longest.entry(*client).or_default();
                        *wait = (*wait).max(at - began);
                    }
                }
                _ => {}
            }
        }
        let mut waits: Vec<u64> = longest.into_values().collect();
        waits.sort_unstable();
        Self(waits)
    }

    /// The wait that so many in a hundred clients did not exceed, in milliseconds; 0 where nobody waited.
    #[must_use]
    pub fn percentile_ms(&self, percent: usize) -> u64 {
        let at = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(at).map_or(0, |nanos| nanos / 1_000_000)
    }
}
