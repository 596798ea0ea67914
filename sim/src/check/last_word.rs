//! The answer to a call is the last event of its stream: whoever comes back to it later finds nothing more. Above all no second
//! answer, of a node that was given up, and answered for, and lives (S11).

use std::collections::BTreeMap;

use super::{Breach, Checker, ClientId, Entry, Fact, Violation};

/// See the [module](self) page.
#[derive(Debug, Default)]
pub struct LastWord {
    /// The number of the answer, by client, session and stream.
    answered: BTreeMap<(ClientId, u32, u64), u64>,
    found: Vec<Violation>,
}

impl Checker for LastWord {
    fn on_event(&mut self, entry: &Entry) {
        let Fact::Event { client, session, stream, sequence, answers, .. } = &entry.fact else { return };
        let key = (*client, *session, *stream);
        if let Some(last) = self.answered.get(&key)
            && sequence > last
        {
            self.found.push(Violation {
                check: "last word",
                breach: Breach::Safety,
                at: entry.at,
                client: Some(*client),
                what: format!(
                    "event {sequence} of stream {stream} in session {session} came after the answer, {last}"
                ),
            });
        }
        if *answers {
            self.answered.entry(key).or_insert(*sequence);
        }
    }

    fn finish(&mut self, _: u64) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}
