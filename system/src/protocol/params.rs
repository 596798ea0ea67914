//! Reading parameters, field by field, so that an error names the field.
//!
//! serde alone says "invalid type: integer, expected a string" and a column. Here the fields of `params` are split off
//! first, as slices, in one pass that also refuses a key that stands twice; each is then read under its name. What is
//! only carried stays a slice of the message.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jsonrpc::Raw;

use super::Fault;

/// Splits an object into the fields of `T`, a struct of `Option<&RawValue>`.
pub(super) fn fields<'a, T: Deserialize<'a>>(object: &'a Raw) -> Result<T, Fault> {
    serde_json::from_slice(object.bytes()).map_err(|error| Fault::invalid_params(reason(&error)))
}

/// Reads a field where it is present; `null` counts as absent.
pub(super) fn optional<'a, T: Deserialize<'a>>(
    name: &str,
    field: Option<&'a RawValue>,
) -> Result<Option<T>, Fault> {
    let Some(field) = field.filter(|field| field.get() != "null") else { return Ok(None) };
    match serde_json::from_str(field.get()) {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(Fault::invalid_params(format!("`{name}`: {}", reason(&error)))),
    }
}

/// Reads a field that must be there.
pub(super) fn required<'a, T: Deserialize<'a>>(name: &str, field: Option<&'a RawValue>) -> Result<T, Fault> {
    optional(name, field)?.ok_or_else(|| Fault::invalid_params(format!("`{name}` is missing")))
}

/// Reads a string, without a copy where it has no escapes.
pub(super) fn text<'a>(name: &str, field: Option<&'a RawValue>) -> Result<Option<Cow<'a, str>>, Fault> {
    let Some(field) = field.filter(|field| field.get() != "null") else { return Ok(None) };
    if let Ok(text) = serde_json::from_str::<&'a str>(field.get()) {
        return Ok(Some(text.into()));
    }
    optional::<String>(name, Some(field)).map(|text| text.map(Cow::Owned))
}

/// Takes a field that is an object, as a slice of `whole`.
pub(super) fn object(name: &str, whole: &Raw, field: Option<&RawValue>) -> Result<Option<Raw>, Fault> {
    match field.filter(|field| field.get() != "null") {
        None => Ok(None),
        Some(raw) if raw.get().starts_with('{') => Ok(Some(Raw::slice_of(whole.bytes(), raw))),
        Some(_) => Err(Fault::invalid_params(format!("`{name}` must be an object"))),
    }
}

/// Any JSON value that stands there, `null` too: for serde fields where `null` is a value and not an absence.
pub(super) fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Raw>, D::Error> {
    Raw::deserialize(from).map(Some)
}

/// serde's reason without the place: lines and columns within a slice mean nothing to the sender.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
