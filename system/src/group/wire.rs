//! Entries and replies as bytes: a version, then postcard. What comes from outside is checked, to the last byte.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::command::{Entry, Reply};

/// Rises when a command, a reply or anything in them changes shape.
const VERSION: u8 = 1;

/// Bytes that are no value of the kind that was expected.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WireError {
    /// There are none, or they are of a version that this program does not know.
    #[error("unknown version {0:?}")]
    Version(Option<u8>),
    /// They are damaged, or of another kind.
    #[error("damaged: {0}")]
    Damaged(#[from] postcard::Error),
    /// Something stands behind the value.
    #[error("{0} bytes too many")]
    Trailing(usize),
}

/// A value behind a version.
pub(super) fn write<T: Serialize>(version: u8, value: &T) -> Vec<u8> {
    postcard::to_stdvec(&(version, value)).expect("a plain value must encode")
}

/// A value behind a version, and nothing else.
pub(super) fn read<T: DeserializeOwned>(version: u8, bytes: &[u8]) -> Result<T, WireError> {
    match bytes.split_first() {
        Some((first, rest)) if *first == version => {
            let (value, trailing) = postcard::take_from_bytes(rest)?;
            if trailing.is_empty() { Ok(value) } else { Err(WireError::Trailing(trailing.len())) }
        }
        other => Err(WireError::Version(other.map(|(first, _)| *first))),
    }
}

impl Entry {
    /// As bytes for the log.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        write(VERSION, self).into()
    }

    /// From the bytes of the log. Texts in it are checked to be what they should: JSON, UTF-8.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        read(VERSION, bytes)
    }
}

impl Reply {
    /// As bytes for the wire.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        write(VERSION, self).into()
    }

    /// From the bytes of the wire.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        read(VERSION, bytes)
    }
}
