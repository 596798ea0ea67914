//! What a check reads: the calls of a run and what came of them, and what was noted.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;
use switchboard::jsonrpc::Raw;

use crate::check::{ClientId, Entry, Fact, Who};
use crate::client::Answer;

/// A run as far as it went: in order of time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Trail {
    /// What was called, by when it was.
    pub calls: Vec<Call>,
    /// What tools and clients noted.
    pub notes: Vec<Note>,
}

/// A call of a client.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// Whose.
    pub client: ClientId,
    /// Which tool.
    pub tool: String,
    /// With which arguments.
    pub arguments: Value,
    /// When it was made, in milliseconds of virtual time.
    pub at_ms: u64,
    /// What came of it, and when; `None` while it is under way, and where its client was cut off before that.
    pub answer: Option<(u64, Answer)>,
}

impl Call {
    /// Whether the tool did what it was asked, and said so.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.answer.as_ref().is_some_and(|(_, answer)| answer.is_ok())
    }

    /// Whether the tool may have done it or not, or may still do it.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.answer.as_ref().is_none_or(|(_, answer)| answer.is_unknown())
    }

    /// The structured result, where there is one of this type.
    #[must_use]
    pub fn value<T: DeserializeOwned>(&self) -> Option<T> {
        self.answer.as_ref()?.1.value()
    }
}

/// Something that a tool or a client noted.
#[derive(Clone, PartialEq, Debug)]
pub struct Note {
    /// Who did.
    pub by: Who,
    /// When, in milliseconds of virtual time.
    pub at_ms: u64,
    /// What.
    pub what: Value,
}

impl Trail {
    /// Calls that were answered well.
    pub fn answered(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| call.is_ok())
    }

    /// Whether it takes notice of something.
    pub(super) const fn tells(fact: &Fact) -> bool {
        matches!(fact, Fact::Called { .. } | Fact::Returned { .. } | Fact::Noted { .. })
    }

    /// Reads it out of a history.
    pub(super) fn of(entries: &[Entry]) -> Self {
        let (mut trail, mut under_way) = (Self::default(), BTreeMap::new());
        for Entry { at, fact } in entries {
            let at_ms = at / 1_000_000;
            match fact {
                Fact::Called { client, tool, arguments } => {
                    under_way.insert(*client, trail.calls.len());
                    let (tool, arguments) = (tool.clone(), to_value(arguments));
                    trail.calls.push(Call { client: *client, tool, arguments, at_ms, answer: None });
                }
                Fact::Returned { client, answer } => {
                    if let Some(call) = under_way.remove(client) {
                        trail.calls[call].answer = Some((at_ms, answer.clone()));
                    }
                }
                Fact::Noted { by, what } => {
                    trail.notes.push(Note { by: *by, at_ms, what: to_value(what) });
                }
                _ => {}
            }
        }
        trail
    }
}

fn to_value(raw: &Raw) -> Value {
    raw.decode().expect("what was written as JSON must read back")
}
