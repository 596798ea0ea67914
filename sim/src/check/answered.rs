//! Every request ends as it should where nothing goes wrong, and before trouble and after it nothing does: whatever is
//! accepted is answered. Within trouble, only ends that are nobody's fault are forgiven; and that a connection failed, or said
//! nothing, only at a node that was struck meanwhile. Nodes that stay broken to the end have trouble to the end: the others, who
//! are the core of their cluster, have not (DESIGN, the liveness phase).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{Breach, Checker, ClientId, Entry, Fact, RequestNumber, Spells, Violation};
use crate::client::{Errand, Outcome};
use crate::node::NodeId;

/// Whom a plan strikes.
#[derive(Debug)]
pub struct Struck {
    /// When connections to a host, or from it, may fail because of what is done to it. `None` is always: a node that is alone has
    /// nobody else to blame.
    pub hosts: Option<Spells>,
    /// Nodes that stay broken to the end.
    pub rest: Vec<NodeId>,
    /// The first host that clients live on, and on how many they do, by turns.
    pub client_hosts: (NodeId, u32),
}

impl Struck {
    /// Whether one of these two was struck in this time.
    fn strikes(&self, client: ClientId, server: NodeId, from: u64, to: u64) -> bool {
        let (first, count) = self.client_hosts;
        let host = NodeId(first.0 + client.0 % count.max(1));
        let was_so = |hosts: &Spells| [server, host].iter().any(|host| hosts.was_so(*host, from, to));
        self.hosts.as_ref().is_some_and(|hosts| self.rest.contains(&server) || was_so(hosts))
    }

    /// Whether a connection between these two may have failed in this time.
    fn may_fail(&self, client: ClientId, server: NodeId, from: u64, to: u64) -> bool {
        self.hosts.is_none() || self.strikes(client, server, from, to)
    }
}

/// See the [module](self) page.
#[derive(Debug)]
pub struct Answered {
    /// Nanoseconds during which things may go wrong.
    trouble: Range<u64>,
    /// Clients and what is forgiven them in trouble.
    forgiven: Vec<(Range<u32>, Vec<Outcome>)>,
    struck: Struck,
    open: BTreeMap<RequestNumber, Open>,
    /// Sessions that their clients ended.
    left: BTreeSet<(ClientId, u32)>,
    /// When clients waited for a node that was struck: what else they had under way then may have waited for them.
    held_up: BTreeMap<ClientId, Vec<Range<u64>>>,
    found: Vec<Found>,
}

/// A request that ended as it should not.
#[derive(Debug)]
struct Found {
    sent: u64,
    outcome: Outcome,
    violation: Violation,
}

/// A request that has not ended.
#[derive(Debug)]
struct Open {
    sent: u64,
    errand: Errand,
    session: u32,
}

impl Answered {
    /// With trouble between two points of virtual time in nanoseconds, what is forgiven to whom meanwhile, and whom it strikes.
    #[must_use]
    pub const fn new(trouble: Range<u64>, forgiven: Vec<(Range<u32>, Vec<Outcome>)>, struck: Struck) -> Self {
        Self {
            trouble,
            forgiven,
            struck,
            open: BTreeMap::new(),
            left: BTreeSet::new(),
            held_up: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    fn is_forgiven(
        &self,
        (client, server): (ClientId, Option<NodeId>),
        (sent, ended): (u64, u64),
        errand: Errand,
        outcome: Outcome,
    ) -> bool {
        let is_over =
            sent >= self.trouble.end && !server.is_some_and(|server| self.struck.rest.contains(&server));
        let in_trouble = ended >= self.trouble.start && !is_over;
        let theirs = self.forgiven.iter().find(|(clients, _)| clients.contains(&client.0));
        let may_fail = || server.is_none_or(|server| self.struck.may_fail(client, server, sent, ended));
        // The word that calls it off may be lost on its way to another node.
        let waits_in_vain = matches!((errand, outcome), (Errand::Linger(_), Outcome::Timeout));
        in_trouble
            && theirs.is_some_and(|(_, forgiven)| forgiven.contains(&outcome))
            && (!outcome.is_of_a_connection() || waits_in_vain || may_fail())
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
            Fact::Ended { request, client, outcome, server } => {
                let Some(Open { sent, errand, session }) = self.open.remove(request) else { return };
                // Its client has ended the session since the question came, or the call began: nobody asks any more.
                let is_late = matches!(errand, Errand::Answer | Errand::Withdraw)
                    && self.left.contains(&(*client, session));
                // A client may leave its streams at any time.
                let is_leaving =
                    matches!(errand, Errand::Listen | Errand::Resume) && *outcome == Outcome::GivenUp;
                // Whether an ended session may be served a while longer is another check's to say.
                let haunts = errand == Errand::Haunt && *outcome == Outcome::Ok;
                if errand.expects(*outcome)
                    || is_leaving
                    || haunts
                    || is_late && *outcome == Outcome::Http(404)
                {
                    return;
                }
                if self.is_forgiven((*client, *server), (sent, entry.at), errand, *outcome) {
                    if server.is_some_and(|server| self.struck.strikes(*client, server, sent, entry.at)) {
                        self.held_up.entry(*client).or_default().push(sent..entry.at);
                    }
                    return;
                }
                let breach = match outcome {
                    Outcome::Ok | Outcome::ToolError | Outcome::RpcError(_) | Outcome::Garbled => {
                        Breach::Safety
                    }
                    _ => Breach::Liveness,
                };
                let ms = (entry.at - sent) / 1_000_000;
                let at = server.map(|server| format!(" at {server}")).unwrap_or_default();
                let what = format!("{errand:?} ({request:?}{at}) ended with {outcome} after {ms} ms");
                let (check, client) = ("answered", Some(*client));
                let violation = Violation { check, breach, at: entry.at, client, what };
                self.found.push(Found { sent, outcome: *outcome, violation });
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        let found = std::mem::take(&mut self.found);
        let waited_for_its_client = |found: &Found| {
            let Violation { client, at, .. } = &found.violation;
            let spells = client.and_then(|client| self.held_up.get(&client));
            let is_held_up = |spell: &Range<u64>| spell.start < *at && found.sent < spell.end;
            found.outcome == Outcome::Timeout && spells.is_some_and(|spells| spells.iter().any(is_held_up))
        };
        found.into_iter().filter(|found| !waited_for_its_client(found)).map(|found| found.violation).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Mark;

    /// What is found of one request after the other: which client's, when it was sent and ended, where, and how.
    fn found(requests: &[(u32, u64, u64, u32, Outcome)]) -> Vec<u64> {
        let mut hosts = Spells::default();
        hosts.add(NodeId(1), 20..30);
        let struck = Struck { hosts: Some(hosts), rest: vec![NodeId(2)], client_hosts: (NodeId(4), 1) };
        let forgiven = vec![Outcome::Timeout, Outcome::Http(503)];
        let mut answered = Answered::new(10..50, vec![(0..9, forgiven)], struck);
        for (number, (client, sent, ended, server, outcome)) in (0..).zip(requests) {
            let (request, client) = (RequestNumber(number), ClientId(*client));
            let mark = Mark { client, session: 0, call: 1 };
            let fact = Fact::Sent { request, mark, errand: Errand::Ask };
            answered.on_event(&Entry { at: *sent, fact });
            let fact = Fact::Ended { request, client, outcome: *outcome, server: Some(NodeId(*server)) };
            answered.on_event(&Entry { at: *ended, fact });
        }
        answered.finish(100).iter().map(|violation| violation.at).collect()
    }

    #[test]
    fn silence_is_forgiven_where_the_plan_struck_and_nowhere_else() {
        use Outcome::{Http, Timeout};
        for (requests, expected) in [
            (vec![(0, 15, 25, 1, Timeout)], vec![]),
            (vec![(0, 15, 25, 3, Timeout)], vec![25]),
            (vec![(0, 15, 25, 3, Http(503))], vec![]),
            (vec![(0, 31, 40, 1, Timeout)], vec![40]),
            // Behind the trouble: at the core, and at a node that stays broken.
            (vec![(0, 60, 70, 1, Http(503))], vec![70]),
            (vec![(0, 60, 70, 2, Http(503)), (0, 71, 80, 2, Timeout)], vec![]),
            // It waited for its client, who waited for a node that was struck; nobody else did.
            (vec![(0, 15, 25, 1, Timeout), (0, 14, 26, 3, Timeout)], vec![]),
            (vec![(0, 15, 25, 1, Timeout), (7, 14, 26, 3, Timeout)], vec![26]),
        ] {
            assert_eq!(found(&requests), expected, "{requests:?}");
        }
    }
}
