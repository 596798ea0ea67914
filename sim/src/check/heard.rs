//! Every change behind the acknowledgement of a subscription is heard in time: by a notification, or by the end of the stream,
//! after which a client knows that it must look for itself. And nothing is heard before the acknowledgement (S8).
//!
//! A notification covers every change before it, for whoever hears it reads what is there now. So one that was sent for an
//! earlier change and read after a later one hides the loss of the later one's own: changes are made rarely enough that
//! this is no way to pass.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{Breach, Checker, ClientId, Entry, Fact, Heard, Mark, Matter, RequestNumber, TWIN, Violation};
use crate::client::{Errand, Outcome};
use crate::node::NodeId;

/// How long after a change it must have been heard of, where nothing is wrong; and after trouble is over, what was changed in
/// the middle of it.
const BOUND: u64 = 6_000_000_000;

/// How long a node that is cut off looks for somebody who would tell it of changes, before it lets its listeners go, and how long
/// it takes them to come in elsewhere.
const CUT_OFF_BOUND: u64 = 36_000_000_000;

/// A client and its session, 0 in the stateless era: who listens.
type Ear = (ClientId, u32);

/// What a listener is owed.
#[derive(Clone, Debug, Default)]
struct Owed {
    /// Since when, for each matter of which there is news.
    news: BTreeMap<Matter, u64>,
    /// Whether it is between two connections to its stream. What waits for it there is owed from the next one on.
    is_away: bool,
}

/// See the [module](self) page.
#[derive(Debug)]
pub struct ChangesAreHeard {
    trouble: Range<u64>,
    /// When processes end: what a handler changed just before may not have been told to anybody.
    deaths: Vec<(NodeId, u64)>,
    /// Nodes that stay broken from the trouble to the end: nobody hears of what is changed there.
    rest: Vec<NodeId>,
    subscribing: BTreeMap<RequestNumber, Ear>,
    /// Listeners on their way to their stream, and whether something may wait for them there.
    coming: BTreeMap<RequestNumber, (Ear, bool)>,
    /// The node at which each was last let in.
    nodes: BTreeMap<Ear, NodeId>,
    /// Sessions whose subscription was acknowledged.
    subscribed: BTreeSet<Ear>,
    /// Whoever listens under an acknowledged subscription.
    owed: BTreeMap<Ear, Owed>,
    found: Vec<Violation>,
}

impl ChangesAreHeard {
    /// With trouble between two points of virtual time in nanoseconds, when processes of nodes end, and which nodes stay broken.
    #[must_use]
    pub const fn new(trouble: Range<u64>, deaths: Vec<(NodeId, u64)>, rest: Vec<NodeId>) -> Self {
        Self {
            trouble,
            deaths,
            rest,
            subscribing: BTreeMap::new(),
            coming: BTreeMap::new(),
            nodes: BTreeMap::new(),
            subscribed: BTreeSet::new(),
            owed: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    fn due(&self, changed: u64, ear: Ear) -> u64 {
        let is_cut_off = self.nodes.get(&ear).is_some_and(|node| self.rest.contains(node));
        let bound = if is_cut_off { CUT_OFF_BOUND } else { BOUND };
        let soon = changed.saturating_add(bound);
        let in_trouble = changed < self.trouble.end && soon > self.trouble.start;
        if in_trouble { soon.max(self.trouble.end.saturating_add(bound)) } else { soon }
    }

    /// Whether the process that made a change ends, or is cut off for good, before it can be expected to have told of it.
    fn dies(&self, node: NodeId, changed: u64) -> bool {
        let soon = changed..=changed.saturating_add(BOUND);
        self.rest.contains(&node) && soon.end() >= &self.trouble.start
            || self.deaths.iter().any(|(other, at)| *other == node && soon.contains(at))
    }

    fn blame(&mut self, breach: Breach, at: u64, ear: Ear, what: String) {
        self.found.push(Violation { check: "changes are heard", breach, at, client: Some(ear.0), what });
    }

    /// What was owed is there, or will never be.
    fn settle(&mut self, at: u64, ear: Ear, news: impl IntoIterator<Item = (Matter, u64)>) {
        for (matter, since) in news {
            if at > self.due(since, ear) {
                let ms = (at - since) / 1_000_000;
                let what = format!(
                    "{matter:?} changed, and in session {} nothing was heard of it for {ms} ms",
                    ear.1
                );
                self.blame(Breach::Liveness, since, ear, what);
            }
        }
    }

    fn on_heard(&mut self, at: u64, ear: Ear, what: Heard) {
        let is_stateless = ear.1 == 0;
        match what {
            Heard::Acknowledged => {
                self.owed.entry(ear).or_default();
            }
            Heard::News(matter) => match self.owed.get_mut(&ear) {
                Some(owed) => {
                    let news = owed.news.remove(&matter).map(|since| (matter, since));
                    self.settle(at, ear, news);
                }
                None if is_stateless => {
                    let what = format!("news of {matter:?} came before the acknowledgement");
                    self.blame(Breach::Safety, at, ear, what);
                }
                None => {}
            },
            Heard::Break if !is_stateless => {
                if let Some(owed) = self.owed.get_mut(&ear) {
                    owed.news.clear();
                }
            }
            Heard::Break | Heard::End => self.close(at, ear),
        }
    }

    /// A listener of a session looks for its stream, for the first time or because the connection to it broke.
    fn leave(&mut self, at: u64, ear: Ear) {
        let owed = self.owed.entry(ear).or_default();
        if !std::mem::replace(&mut owed.is_away, true) {
            let news = owed.news.clone();
            self.settle(at, ear, news);
        }
    }

    /// A listener of a session is at its stream.
    fn arrive(&mut self, at: u64, ear: Ear) {
        if let Some(owed) = self.owed.get_mut(&ear) {
            owed.is_away = false;
            owed.news.values_mut().for_each(|since| *since = at);
        }
    }

    fn close(&mut self, at: u64, ear: Ear) {
        let owed = self.owed.remove(&ear).unwrap_or_default();
        if !owed.is_away {
            self.settle(at, ear, owed.news);
        }
    }
}

impl Checker for ChangesAreHeard {
    fn on_event(&mut self, entry: &Entry) {
        let ear = |mark: &Mark| (mark.client, mark.session);
        match &entry.fact {
            Fact::Sent { request, mark, errand: Errand::Subscribe } => {
                self.subscribing.insert(*request, ear(mark));
            }
            Fact::Sent { request, mark, errand: Errand::Listen | Errand::Resume }
                if matches!(mark.call, 0 | TWIN) =>
            {
                // Whatever comes before a session that has subscribed is listened to, waits for its reader.
                let has_subscribed = self.subscribed.contains(&ear(mark));
                self.coming.insert(*request, (ear(mark), has_subscribed));
                if has_subscribed {
                    self.leave(entry.at, ear(mark));
                }
            }
            Fact::Ended { request, outcome: Outcome::Ok, server, .. } => {
                if let Some(ear) = self.subscribing.remove(request) {
                    self.subscribed.insert(ear);
                }
                if let Some((ear, has_subscribed)) = self.coming.remove(request) {
                    self.nodes.extend(server.map(|server| (ear, server)));
                    if has_subscribed {
                        self.arrive(entry.at, ear);
                    }
                }
            }
            Fact::Sent { mark, errand: Errand::Delete, .. } => self.close(entry.at, ear(mark)),
            Fact::Heard { reader, what } => self.on_heard(entry.at, ear(reader), *what),
            Fact::Changed(node, matter) if !self.dies(*node, entry.at) => {
                for owed in self.owed.values_mut() {
                    owed.news.entry(*matter).or_insert(entry.at);
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, at: u64) -> Vec<Violation> {
        let ears: Vec<Ear> = self.owed.keys().copied().collect();
        for ear in ears {
            self.close(at, ear);
        }
        std::mem::take(&mut self.found)
    }
}
