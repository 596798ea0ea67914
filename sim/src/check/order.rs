//! The events of a stream come in order, none twice and none missing, over as many connections as they take; and so does
//! the progress of a call, by the numbers that its handler gave it, and whatever else it says, by how much that is. An id names one event for ever: whoever reads it again
//! reads the same, and a client that was given an event can go on from it (S5).

use std::collections::{BTreeMap, BTreeSet};

use super::{Breach, Checker, ClientId, Entry, Fact, Mark, RequestNumber, TWIN, Violation};
use crate::client::{Errand, Outcome};

/// A stream as one reader follows it: client, session, number, and whether that is the second reader.
type Stream = (ClientId, u32, u64, bool);

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct InOrder {
    /// The last event of each stream.
    streams: BTreeMap<Stream, u64>,
    /// What each event said, by client, session, stream and number.
    said: BTreeMap<(ClientId, u32, u64, u64), u64>,
    /// Streams that were opened anew: where they begin is the server's to say.
    fresh: BTreeSet<Stream>,
    /// The last progress of each call.
    calls: BTreeMap<Mark, u32>,
    /// How many things each call was told.
    told: BTreeMap<Mark, u32>,
    open: BTreeMap<RequestNumber, (Mark, Errand)>,
    found: Vec<Violation>,
}

impl InOrder {
    fn blame(&mut self, at: u64, client: ClientId, what: String) {
        let (check, breach, client) = ("in order", Breach::Safety, Some(client));
        self.found.push(Violation { check, breach, at, client, what });
    }

    fn on_sequence(&mut self, at: u64, stream: Stream, sequence: u64, primes: bool) {
        let before = self.streams.insert(stream, sequence);
        let is_next = match before {
            // A stream without an event that primes it could not be resumed from its beginning.
            None => primes && (sequence == 0 || self.fresh.remove(&stream)),
            // On a session's own stream newer notifications replace older ones of the same topic that nobody has read.
            Some(before) if stream.2 == 0 => sequence > before,
            Some(before) => sequence == before + 1,
        };
        if !is_next {
            let (client, session, number, _) = stream;
            let what =
                format!("event {sequence} of stream {number} in session {session} came after {before:?}");
            self.blame(at, client, what);
        }
    }

    fn on_end(&mut self, at: u64, mark: Mark, errand: Errand, outcome: Outcome) {
        match (errand, outcome) {
            (Errand::Slow(steps), Outcome::Ok) => {
                let last = self.calls.remove(&mark).unwrap_or_default();
                if last != steps {
                    self.blame(
                        at,
                        mark.client,
                        format!("call {mark} was answered after step {last} of {steps}"),
                    );
                }
            }
            (Errand::Pour(things), Outcome::Ok) => {
                // The answer is one more.
                let told = self.told.remove(&mark).unwrap_or_default();
                if told <= things {
                    let what = format!("call {mark} was told {told} of {things} things and the answer");
                    self.blame(at, mark.client, what);
                }
            }
            (Errand::Listen, Outcome::Ok) => {
                let standing = (mark.client, mark.session, 0, mark.call == TWIN);
                self.streams.remove(&standing);
                self.fresh.insert(standing);
            }
            // An event of a call outlives the call: what the client was given is no event of the stream.
            (Errand::Resume, Outcome::Http(400)) if !matches!(mark.call, 0 | TWIN) => {
                self.blame(
                    at,
                    mark.client,
                    format!("call {mark} cannot go on from what its client was told"),
                );
            }
            // What followed the last event is no longer kept, and the client was told so.
            (Errand::Resume, Outcome::Http(400)) => {
                self.streams.retain(|(client, ..), _| *client != mark.client);
            }
            _ => {}
        }
    }
}

impl Checker for InOrder {
    fn on_event(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Event { client, session, stream, sequence, primes, digest, twin, .. } => {
                self.on_sequence(entry.at, (*client, *session, *stream, *twin), *sequence, *primes);
                let event = (*client, *session, *stream, *sequence);
                if !primes && self.said.insert(event, *digest).is_some_and(|before| before != *digest) {
                    let what = format!(
                        "event {sequence} of stream {stream} in session {session} was another one before"
                    );
                    self.blame(entry.at, *client, what);
                }
            }
            Fact::Reread { client, session, stream, after } => {
                self.streams.insert((*client, *session, *stream, false), *after);
            }
            Fact::Progress { mark, number } => {
                let last = self.calls.insert(*mark, *number).unwrap_or_default();
                if *number != last + 1 {
                    self.blame(
                        entry.at,
                        mark.client,
                        format!("step {number} of call {mark} came after {last}"),
                    );
                }
            }
            Fact::Told { reader, owner } if reader == owner => {
                *self.told.entry(*owner).or_default() += 1;
            }
            Fact::Sent { request, mark, errand } => {
                self.open.insert(*request, (*mark, *errand));
            }
            Fact::Ended { request, outcome, .. } => {
                if let Some((mark, errand)) = self.open.remove(request) {
                    self.on_end(entry.at, mark, errand, *outcome);
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}
