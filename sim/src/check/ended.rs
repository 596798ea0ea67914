//! A session that ended stays ended, at every node (S7): once its `DELETE` was answered, nothing that is sent in it is
//! served. A node that is out of reach of others may go on for its grace. One that only stood still may not, nor may one that
//! everybody reaches while others are in trouble: what it was allowed before is over (S11).

use std::collections::BTreeMap;

use super::{Breach, Checker, ClientId, Entry, Fact, RequestNumber, Spells, Violation};
use crate::client::{Errand, Outcome};

/// See the [module](self) page.
#[derive(Debug)]
pub struct EndedStaysEnded {
    absences: Spells,
    grace: u64,
    /// Requests that end a session, and those that were sent in one that has ended.
    open: BTreeMap<RequestNumber, (u64, Errand, u32)>,
    ended: BTreeMap<(ClientId, u32), u64>,
    found: Vec<Violation>,
}

impl EndedStaysEnded {
    /// With when nodes may be out of reach of others, and the grace of one that is, in nanoseconds of virtual time.
    #[must_use]
    pub const fn new(absences: Spells, grace: u64) -> Self {
        Self { absences, grace, open: BTreeMap::new(), ended: BTreeMap::new(), found: Vec::new() }
    }
}

impl Checker for EndedStaysEnded {
    fn on_event(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Sent { request, mark, errand } => {
                let has_ended = self.ended.contains_key(&(mark.client, mark.session));
                if *errand == Errand::Delete || has_ended {
                    self.open.insert(*request, (entry.at, *errand, mark.session));
                }
            }
            Fact::Ended { request, client, outcome, server } => {
                let Some((sent, errand, session)) = self.open.remove(request) else { return };
                let session = (*client, session);
                match self.ended.get(&session) {
                    None if *outcome == Outcome::Ok => {
                        self.ended.insert(session, entry.at);
                    }
                    None => {}
                    Some(ended) => {
                        let is_served =
                            matches!(outcome, Outcome::Ok | Outcome::ToolError | Outcome::RpcError(_));
                        let is_away = server.is_some_and(|server| self.absences.is_so(server, sent));
                        let in_grace = is_away && sent < ended + self.grace;
                        if is_served && !in_grace && *ended <= sent {
                            let ms = (sent - ended) / 1_000_000;
                            self.found.push(Violation {
                                check: "ended stays ended",
                                breach: Breach::Safety,
                                at: entry.at,
                                client: Some(*client),
                                what: format!(
                                    "{errand:?} in session {} was served, {ms} ms after its end",
                                    session.1
                                ),
                            });
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}
