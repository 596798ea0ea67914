//! A call that its client called off ends, and its handler with it, within a moment: from then on nobody waits for it. In trouble the
//! word may not come to its node, which then ends it when its time is up; one that stays broken need not do anything. A handler that
//! says nothing, and so waits for nobody, has no excuse but that its node was struck or out of reach.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Breach, Checker, Entry, Fact, Mark, RequestNumber, Spells, Violation};
use crate::client::{Errand, Outcome};
use crate::node::NodeId;

/// Nanoseconds that a node may take for it: the word may have come to another node.
const BOUND: u64 = 1_000_000_000;

/// What ends, in a violation.
const HANDLER: &str = "the handler";

/// See the [module](self) page.
#[derive(Debug)]
pub struct CalledOff {
    trouble: Range<u64>,
    /// Nanoseconds that a call may take.
    call_max: u64,
    /// Nodes that stay broken to the end.
    rest: Vec<NodeId>,
    /// When nodes may not hear, or do, what they should.
    excused: Vec<Spells>,
    open: BTreeMap<RequestNumber, (Mark, Errand)>,
    calls: BTreeMap<Mark, Call>,
    found: Vec<Violation>,
}

/// A call that is to be called off.
#[derive(Debug, Default)]
struct Call {
    /// Whether its handler says nothing.
    is_silent: bool,
    /// When it was: when a node took the word of it, or when its client hung up.
    called_off: Option<u64>,
    is_running: bool,
    /// Since when it runs, or ran, and where.
    ran: Option<(u64, NodeId)>,
}

impl CalledOff {
    /// With trouble between two points of virtual time, calls that may take so long, in nanoseconds, nodes that stay broken to the
    /// end, and when nodes have an excuse.
    #[must_use]
    pub const fn new(trouble: Range<u64>, call_max: u64, rest: Vec<NodeId>, excused: Vec<Spells>) -> Self {
        Self {
            trouble,
            call_max,
            rest,
            excused,
            open: BTreeMap::new(),
            calls: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    fn blame(&mut self, at: u64, mark: Mark, what: String) {
        let (check, breach, client) = ("called off", Breach::Liveness, Some(mark.client));
        self.found.push(Violation { check, breach, at, client, what });
    }

    /// Whatever of a call ends now must not have been called off long ago.
    fn judge(&mut self, at: u64, mark: Mark, what: &str) {
        let Some(Call { called_off: Some(called_off), ran, is_silent, .. }) = self.calls.get(&mark) else {
            return;
        };
        // In trouble the word may also come before the call.
        let since = ran.map_or(*called_off, |(since, _)| since.max(*called_off));
        let was_excused = |node| self.excused.iter().any(|spells| spells.was_so(node, *called_off, at));
        // In trouble its owner may be unable to take what it says, or its end.
        let owes = what == HANDLER && *is_silent;
        let has_an_excuse = !owes || ran.is_none_or(|(since, node)| since > *called_off || was_excused(node));
        let in_trouble = self.trouble.contains(called_off) && has_an_excuse;
        let due = if in_trouble { since + self.call_max } else { *called_off } + BOUND;
        if at > due && !ran.is_some_and(|(_, node)| self.rest.contains(&node)) {
            let ms = (at - called_off) / 1_000_000;
            self.blame(at, mark, format!("{what} of {mark} ended {ms} ms after it was called off"));
        }
    }
}

impl Checker for CalledOff {
    fn on_event(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Sent { request, mark, errand: errand @ (Errand::Linger(_) | Errand::Withdraw) } => {
                self.open.insert(*request, (*mark, *errand));
                self.calls.entry(*mark).or_default().is_silent |= *errand == Errand::Linger(0);
            }
            Fact::Ended { request, outcome, server, .. } => {
                let Some((mark, errand)) = self.open.remove(request) else { return };
                match (errand, outcome) {
                    (Errand::Withdraw, Outcome::Ok) | (Errand::Linger(_), Outcome::GivenUp) => {
                        self.calls.entry(mark).or_default().called_off.get_or_insert(entry.at);
                    }
                    // Whoever waits at one that stays broken is told nothing.
                    (Errand::Linger(_), _) if server.is_some_and(|server| self.rest.contains(&server)) => {}
                    (Errand::Linger(_), _) => self.judge(entry.at, mark, "the call"),
                    _ => {}
                }
            }
            Fact::Ran { mark, node } => {
                if let Some(call) = self.calls.get_mut(mark) {
                    (call.is_running, call.ran) = (true, Some((entry.at, *node)));
                }
            }
            Fact::Left { mark, .. } => {
                self.calls.entry(*mark).or_default().is_running = false;
                self.judge(entry.at, *mark, HANDLER);
            }
            _ => {}
        }
    }

    fn finish(&mut self, at: u64) -> Vec<Violation> {
        let running = self.calls.iter().filter(|(_, call)| call.is_running).map(|(mark, _)| *mark);
        for mark in running.collect::<Vec<Mark>>() {
            self.judge(at, mark, "the run, but not the handler");
        }
        std::mem::take(&mut self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::ClientId;

    fn blamed(left_at: Option<u64>, answered_at: u64, trouble: Range<u64>) -> usize {
        blamed_of(Errand::Linger(3), left_at, answered_at, trouble)
    }

    fn blamed_of(errand: Errand, left_at: Option<u64>, answered_at: u64, trouble: Range<u64>) -> usize {
        let (mark, node) = (Mark { client: ClientId(1), session: 1, call: 1 }, NodeId(0));
        let [call, word] = [1, 2].map(RequestNumber);
        let ended = |request, outcome| Fact::Ended { request, client: mark.client, outcome, server: None };
        let mut history = vec![
            (0, Fact::Sent { request: call, mark, errand }),
            (1, Fact::Ran { mark, node }),
            (2, Fact::Sent { request: word, mark, errand: Errand::Withdraw }),
            (3, ended(word, Outcome::Ok)),
            (answered_at, ended(call, Outcome::RpcError(499))),
        ];
        history.extend(left_at.map(|at| (at, Fact::Left { mark, node })));
        let mut struck = Spells::default();
        struck.add(node, 3 * BOUND..4 * BOUND);
        let mut checker = CalledOff::new(trouble, 3 * BOUND, vec![NodeId(1)], vec![struck]);
        history.into_iter().for_each(|(at, fact)| checker.on_event(&Entry { at, fact }));
        checker.finish(10 * BOUND).len()
    }

    #[test]
    fn a_call_that_was_called_off_must_end_soon_and_its_handler_too() {
        let calm = u64::MAX..u64::MAX;
        assert_eq!(blamed(Some(5), 4, calm.clone()), 0);
        assert_eq!(blamed(Some(2 * BOUND), 4, calm.clone()), 1, "the handler went on");
        assert_eq!(blamed(None, 4, calm.clone()), 1, "the handler never ended");
        assert_eq!(blamed(Some(5), 2 * BOUND, calm), 1, "the client waited on");
        assert_eq!(blamed(Some(4 * BOUND), 4, 0..10), 0, "its node may not have heard");
        assert_eq!(blamed(Some(5 * BOUND), 4, 0..10), 1, "no call may take so long");
        let silent = Errand::Linger(0);
        assert_eq!(blamed_of(silent, Some(2 * BOUND), 4, 0..10), 1, "it waited for nobody");
        assert_eq!(blamed_of(silent, Some(3 * BOUND), 4, 0..10), 0, "its node was struck");
    }
}
