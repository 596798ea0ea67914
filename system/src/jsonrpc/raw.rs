//! A piece of JSON text that is carried, not understood.

use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Valid JSON text: one value. Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw(Bytes);

impl Raw {
    /// Encodes a value.
    ///
    /// # Errors
    /// When `value` refuses to be JSON (a map with keys that are not strings, or its own `Serialize` fails).
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_vec(value).map(|bytes| Self(Bytes::from(bytes)))
    }

    /// Takes text that is already known to be one JSON value, as it came out of a parser.
    pub(crate) fn trusted(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Checks text and takes it.
    ///
    /// # Errors
    /// When it is not one JSON value.
    pub fn parse(bytes: Bytes) -> Result<Self, serde_json::Error> {
        serde_json::from_slice::<&RawValue>(&bytes)?;
        Ok(Self(bytes))
    }

    /// The empty object, which absent parameters stand for.
    #[must_use]
    pub const fn empty_object() -> Self {
        Self(Bytes::from_static(b"{}"))
    }

    /// A JSON string.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::encode(text).expect("a string must encode")
    }

    /// Reads it as a type.
    ///
    /// # Errors
    /// When it has another shape; the message names the place.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.0)
    }

    /// The text as a slice of `whole`, sharing its memory. `part` must be a part of `whole`.
    pub(crate) fn slice_of(whole: &Bytes, part: &RawValue) -> Self {
        Self(whole.slice_ref(part.get().as_bytes()))
    }

    /// The text.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The text as a string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("JSON text must be UTF-8")
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Raw {
    /// Into JSON it goes as the text that it is; into a binary format as bytes, which [`Raw::deserialize`] checks.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&self.0);
        }
        // RawValue is serde_json's way to copy text through; the reference costs no parse and no allocation.
        let raw: &RawValue = serde_json::from_str(self.as_str()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            // Whoever wrote the bytes may be another version, or lie: what is not JSON must not get in as JSON.
            return Self::parse(Bytes::deserialize(deserializer)?).map_err(serde::de::Error::custom);
        }
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(Bytes::from(String::from(Box::<str>::from(raw)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_format_carries_the_same_text_and_lets_nothing_else_in() {
        let raw = Raw::parse(Bytes::from_static(br#" {"a":[1,"\u00e9"]} "#)).expect("JSON");
        let bytes = postcard::to_stdvec(&raw).expect("bytes must encode");
        assert_eq!(postcard::from_bytes(&bytes), Ok(raw));
        for lie in [&b"{"[..], b"", b"1 2", b"\"\xff\""] {
            let bytes = postcard::to_stdvec(&Bytes::from_static(lie)).expect("bytes must encode");
            assert!(postcard::from_bytes::<Raw>(&bytes).is_err(), "{lie:?} is no JSON");
        }
    }
}
