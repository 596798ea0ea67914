//! What the members of a group say to each other. The first byte is the version; the rest is postcard.

use bytes::Bytes;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::types::{Ballot, Cover, Position};
use crate::ids::NodeId;

const VERSION: u8 = 1;

/// A message that waits for an answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request<'a> {
    /// Entries that follow `previous`, as they stand in the log; none of them is a heartbeat.
    Append {
        vote: Ballot,
        previous: Option<Position>,
        committed: Option<Position>,
        #[serde(borrow)]
        entries: Vec<Span<'a>>,
    },
    /// Asks for a vote.
    Vote { vote: Ballot, last: Option<Position>, is_transfer: bool },
    /// Asks whether a vote would be given.
    PreVote { vote: Ballot, last: Option<Position>, is_transfer: bool },
    /// A piece of a snapshot, in order. The one that reaches `total` is the last.
    Snapshot {
        vote: Ballot,
        cover: Cover,
        total: u64,
        offset: u64,
        #[serde(borrow)]
        bytes: Span<'a>,
    },
    /// The leader wants another to follow it.
    Transfer { vote: Ballot, to: NodeId, last: Option<Position> },
    /// The leader has nothing to say for a while: who has all of its log need not listen for it.
    Sleep { term: u64, last: Option<Position> },
    /// Somebody reads: which is the newest term that the member promised anything to?
    Promised,
}

/// What answers it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Response {
    /// To an append.
    Append(Appended),
    /// To both kinds of votes.
    Vote { vote: Ballot, last: Option<Position>, is_granted: bool },
    /// To the last piece of a snapshot.
    Snapshot { vote: Ballot },
    /// To the other pieces: this many bytes are here.
    Piece { received: u64 },
    /// To a transfer: whether it was taken up.
    Transfer { is_taken: bool },
    /// To a sleep: whether the member sleeps.
    Sleep { is_asleep: bool },
    /// The member has stopped, or did not understand.
    Refused,
    /// The newest term that it promised anything to.
    Promised { term: u64 },
}

/// What became of appended entries.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Appended {
    All,
    UpTo(Option<Position>),
    Conflict,
    HigherVote(Ballot),
}

/// Bytes that are borrowed from the message that holds them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a>(pub(super) &'a [u8]);

impl Serialize for Span<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Span<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = &'de [u8];

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<&'de [u8], E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_bytes(Borrow).map(Span)
    }
}

/// A message of another version, or none of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a message that is not understood")]
pub(super) struct Garbled;

pub(super) fn encode<T: Serialize>(message: &T) -> Bytes {
    let out = postcard::to_extend(message, vec![VERSION]);
    Bytes::from(out.expect("a message of ours must encode"))
}

pub(super) fn decode<'a, T: Deserialize<'a>>(message: &'a [u8]) -> Result<T, Garbled> {
    match message.split_first() {
        Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(|_| Garbled),
        _ => Err(Garbled),
    }
}
