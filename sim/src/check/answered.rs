//! Every request ends as it should where nothing goes wrong, and before trouble and after it nothing does: whatever is
//! accepted is answered. Within trouble, only ends that are nobody's fault are forgiven.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{Breach, Checker, ClientId, Entry, Fact, RequestNumber, Violation};
use crate::client::{Errand, Outcome};

/// See the [module](self) page.
#[derive(Debug)]
pub struct Answered {
    /// Nanoseconds during which things may go wrong.
    trouble: Range<u64>,
    /// Clients and what is forgiven them in trouble.
    forgiven: Vec<(Range<u32>, Vec<Outcome>)>,
    open: BTreeMap<RequestNumber, Open>,
    /// Sessions that their clients ended.
    left: BTreeSet<(ClientId, u32)>,
    found: Vec<Violation>,
}

/// A request that has not ended.
#[derive(Debug)]
struct Open {
    sent: u64,
    errand: Errand,
    session: u32,
}

impl Answered {
    /// With trouble between two points of virtual time in nanoseconds, and what is forgiven to whom meanwhile.
    #[must_use]
    pub const fn new(trouble: Range<u64>, forgiven: Vec<(Range<u32>, Vec<Outcome>)>) -> Self {
        Self { trouble, forgiven, open: BTreeMap::new(), left: BTreeSet::new(), found: Vec::new() }
    }

    fn is_forgiven(&self, client: ClientId, sent: u64, ended: u64, outcome: Outcome) -> bool {
        let in_trouble = sent < self.trouble.end && ended >= self.trouble.start;
        let theirs = self.forgiven.iter().find(|(clients, _)| clients.contains(&client.0));
        in_trouble && theirs.is_some_and(|(_, forgiven)| forgiven.contains(&outcome))
    }
}

impl Checker for Answered {
    fn on_event(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Sent { request, mark, errand } => {
                self.open.insert(*request, Open { sent: entry.at, errand: *errand, session: mark.session });
                if *errand == Errand::Delete {
                    self.left.insert((mark.client, mark.session));
                }
            }
            Fact::Ended { request, client, outcome, .. } => {
                let Some(Open { sent, errand, session }) = self.open.remove(request) else { return };
                // Its client has ended the session since the question came: nobody asks any more.
                let is_late = errand == Errand::Answer && self.left.contains(&(*client, session));
                // A client may leave its streams at any time.
                let is_leaving =
                    matches!(errand, Errand::Listen | Errand::Resume) && *outcome == Outcome::GivenUp;
                // Whether an ended session may be served a while longer is another check's to say.
                let haunts = errand == Errand::Haunt && *outcome == Outcome::Ok;
                if errand.expects(*outcome)
                    || is_leaving
                    || haunts
                    || is_late && *outcome == Outcome::Http(404)
                    || self.is_forgiven(*client, sent, entry.at, *outcome)
                {
                    return;
                }
                let breach = match outcome {
                    Outcome::Ok | Outcome::ToolError | Outcome::RpcError(_) | Outcome::Garbled => {
                        Breach::Safety
                    }
                    _ => Breach::Liveness,
                };
                let ms = (entry.at - sent) / 1_000_000;
                self.found.push(Violation {
                    check: "answered",
                    breach,
                    at: entry.at,
                    client: Some(*client),
                    what: format!("{errand:?} ({request:?}) ended with {outcome} after {ms} ms"),
                });
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}
