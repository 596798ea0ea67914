//! A call that its client called off ends, and its handler with it, within a moment: of that on nobody waits for it.

use std::collections::BTreeMap;

use super::{Breach, Checker, Entry, Fact, Mark, RequestNumber, Violation};
use crate::client::{Errand, Outcome};

/// Nanoseconds that a node may take for it: the word may have come to another node.
const BOUND: u64 = 1_000_000_000;

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct CalledOff {
    open: BTreeMap<RequestNumber, (Mark, Errand)>,
    calls: BTreeMap<Mark, Call>,
    found: Vec<Violation>,
}

/// A call that is to be called off.
#[derive(Debug, Default)]
struct Call {
    /// When it was: when a node took the word of it, or when its client hung up.
    called_off: Option<u64>,
    is_running: bool,
}

impl CalledOff {
    fn blame(&mut self, at: u64, mark: Mark, what: String) {
        let (check, breach, client) = ("called off", Breach::Liveness, Some(mark.client));
        self.found.push(Violation { check, breach, at, client, what });
    }

    /// Whatever of a call ends now must not have been called off long ago.
    fn judge(&mut self, at: u64, mark: Mark, what: &str) {
        let called_off = self.calls.get(&mark).and_then(|call| call.called_off);
        let since = called_off.map_or(0, |called_off| at.saturating_sub(called_off));
        if since > BOUND {
            let ms = since / 1_000_000;
            self.blame(at, mark, format!("{what} of {mark} ended {ms} ms after it was called off"));
        }
    }
}

impl Checker for CalledOff {
    fn on_event(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Sent { request, mark, errand: errand @ (Errand::Linger(_) | Errand::Withdraw) } => {
                self.open.insert(*request, (*mark, *errand));
                self.calls.entry(*mark).or_default();
            }
            Fact::Ended { request, outcome, .. } => {
                let Some((mark, errand)) = self.open.remove(request) else { return };
                match (errand, outcome) {
                    (Errand::Withdraw, Outcome::Ok) | (Errand::Linger(_), Outcome::GivenUp) => {
                        self.calls.entry(mark).or_default().called_off.get_or_insert(entry.at);
                    }
                    (Errand::Linger(_), _) => self.judge(entry.at, mark, "the call"),
                    _ => {}
                }
            }
            Fact::Ran { mark, .. } => {
                if let Some(call) = self.calls.get_mut(mark) {
                    call.is_running = true;
                }
            }
            Fact::Left { mark, .. } => {
                self.calls.entry(*mark).or_default().is_running = false;
                self.judge(entry.at, *mark, "the handler");
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
    use crate::node::NodeId;

    fn blamed(left_at: Option<u64>, answered_at: u64) -> usize {
        let (mark, node) = (Mark { client: ClientId(1), session: 1, call: 1 }, NodeId(0));
        let [call, word] = [1, 2].map(RequestNumber);
        let ended = |request, outcome| Fact::Ended { request, client: mark.client, outcome, server: None };
        let mut history = vec![
            (0, Fact::Sent { request: call, mark, errand: Errand::Linger(3) }),
            (1, Fact::Ran { mark, node }),
            (2, Fact::Sent { request: word, mark, errand: Errand::Withdraw }),
            (3, ended(word, Outcome::Ok)),
            (answered_at, ended(call, Outcome::RpcError(499))),
        ];
        history.extend(left_at.map(|at| (at, Fact::Left { mark, node })));
        let mut checker = CalledOff::default();
        history.into_iter().for_each(|(at, fact)| checker.on_event(&Entry { at, fact }));
        checker.finish(10 * BOUND).len()
    }

    #[test]
    fn a_call_that_was_called_off_must_end_soon_and_its_handler_too() {
        assert_eq!(blamed(Some(5), 4), 0);
        assert_eq!(blamed(Some(2 * BOUND), 4), 1, "the handler went on");
        assert_eq!(blamed(None, 4), 1, "the handler never ended");
        assert_eq!(blamed(Some(5), 2 * BOUND), 1, "the client waited on");
    }
}
