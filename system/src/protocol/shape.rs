//! From a result to the bytes of a response, in one pass.
//!
//! A [`ResultShape`] writes its own members; what every result has is added here, as far as the revision knows it:
//! `resultType`, the caching hints and `_meta` with who answers. Nothing is built in between: the envelope, the members
//! and whatever is only carried go straight into the buffer that is sent.
//!
//! Source: 2026-07-28 `basic/index`, Result Responses and Per-response protocol fields; `server/utilities/caching`.

use bytes::Bytes;

use crate::jsonrpc::{Id, Raw};

use super::Revision;
use super::listing::Cache;
use super::meta::{key, write_with};
use super::write::{Object, Shape};

/// A result as it is written for a revision.
pub trait ResultShape {
    /// Writes the members that are its own.
    fn members(&self, object: &mut Object<'_>);

    /// `resultType` (modern).
    fn result_type(&self) -> &'static str {
        "complete"
    }

    /// How long it may be kept (modern); none for results that may not be.
    fn cache(&self) -> Option<Cache> {
        None
    }

    /// Its own `_meta`: an object.
    fn meta(&self) -> Option<&Raw> {
        None
    }

    /// How many bytes it will take, roughly: the first size of the buffer.
    fn size_hint(&self) -> usize {
        256
    }
}

impl<T: ResultShape + ?Sized> ResultShape for &T {
    fn members(&self, object: &mut Object<'_>) {
        (**self).members(object);
    }

    fn result_type(&self) -> &'static str {
        (**self).result_type()
    }

    fn cache(&self) -> Option<Cache> {
        (**self).cache()
    }

    fn meta(&self) -> Option<&Raw> {
        (**self).meta()
    }

    fn size_hint(&self) -> usize {
        (**self).size_hint()
    }
}

/// A result with nothing in it: the answer to `ping`, `logging/setLevel`, `tasks/update` and others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EmptyResult;

impl ResultShape for EmptyResult {
    fn members(&self, _: &mut Object<'_>) {}
}

/// The response to request `id`. `server_info` is an `Implementation` object as written for a modern client, and goes
/// only there.
#[must_use]
pub fn result_message<R: ResultShape + ?Sized>(
    id: &Id,
    revision: Revision,
    result: &R,
    server_info: Option<&Raw>,
) -> Bytes {
    let mut out = Vec::with_capacity(128 + result.size_hint());
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    id.write(revision, &mut out);
    out.extend_from_slice(b",\"result\":");
    write_result(revision, result, server_info, &mut out);
    out.push(b'}');
    Bytes::from(out)
}

/// The result alone, as a task keeps it.
#[must_use]
pub fn result_raw<R: ResultShape + ?Sized>(revision: Revision, result: &R, server_info: Option<&Raw>) -> Raw {
    let mut out = Vec::with_capacity(result.size_hint());
    write_result(revision, result, server_info, &mut out);
    Raw::trusted(out.into())
}

/// The response to request `id` with a result that was written before, by [`result_raw`] for the same revision.
#[must_use]
pub fn carried_message(id: &Id, result: &Raw) -> Bytes {
    let mut out = Vec::with_capacity(64 + result.bytes().len());
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    id.write(Revision::LATEST_MODERN, &mut out);
    out.extend_from_slice(b",\"result\":");
    out.extend_from_slice(result.bytes());
    out.push(b'}');
    Bytes::from(out)
}

/// A notification, or with an `id` a request, of ours.
#[must_use]
pub fn call_message<P: Shape + ?Sized>(
    id: Option<&Id>,
    method: &str,
    revision: Revision,
    params: &P,
) -> Bytes {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",");
    if let Some(id) = id {
        out.extend_from_slice(b"\"id\":");
        id.write(revision, &mut out);
        out.push(b',');
    }
    out.extend_from_slice(b"\"method\":");
    method.write(revision, &mut out);
    out.extend_from_slice(b",\"params\":");
    params.write(revision, &mut out);
    out.push(b'}');
    Bytes::from(out)
}

fn write_result<R: ResultShape + ?Sized>(
    revision: Revision,
    result: &R,
    server_info: Option<&Raw>,
    out: &mut Vec<u8>,
) {
    let modern = revision.has_result_types();
    Object::write(out, revision, |object| {
        if modern {
            object.text("resultType", result.result_type());
        }
        result.members(object);
        if let Some(cache) = result.cache().filter(|_| modern) {
            cache.members(object);
        }
        match (server_info.filter(|_| modern), result.meta()) {
            (None, own) => object.maybe("_meta", own),
            (Some(info), own) => write_with(own, (key::SERVER_INFO, info), revision, object.key("_meta")),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Kept;

    impl ResultShape for Kept {
        fn members(&self, object: &mut Object<'_>) {
            object.integer("n", 1);
        }

        fn cache(&self) -> Option<Cache> {
            Some(Cache::public(5))
        }
    }

    #[test]
    fn a_result_gets_what_its_revision_asks_of_every_result() {
        let info = Raw::parse(r#"{"name":"s","version":"1"}"#.into()).expect("JSON");
        let check = |revision: Revision, info: Option<&Raw>, expect: &str| {
            let message = result_message(&Id::Text("a\"".into()), revision, &Kept, info);
            let expect = format!(r#"{{"jsonrpc":"2.0","id":"a\"","result":{expect}}}"#);
            assert_eq!(std::str::from_utf8(&message), Ok(expect.as_str()));
        };
        check(Revision::V2025_11_25, Some(&info), r#"{"n":1}"#);
        let kept = r#"{"resultType":"complete","n":1,"ttlMs":5,"cacheScope":"public""#;
        check(Revision::V2026_07_28, None, &format!("{kept}}}"));
        let meta = r#","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}}}"#;
        check(Revision::V2026_07_28, Some(&info), &format!("{kept}{meta}"));
    }

    #[test]
    fn an_empty_result_is_an_empty_object_or_just_complete() {
        let check = |revision: Revision, expect: &str| {
            assert_eq!(result_raw(revision, &EmptyResult, None).as_str(), expect);
        };
        check(Revision::V2024_11_05, "{}");
        check(Revision::V2026_07_28, r#"{"resultType":"complete"}"#);
    }

    #[test]
    fn calls_and_carried_results_are_messages_that_our_own_reader_takes() {
        let params = Raw::parse(r#"{"a":1}"#.into()).expect("JSON");
        for message in [
            call_message(None, "x/y", Revision::V2025_11_25, &params),
            call_message(Some(&Id::Number(7)), "x/y", Revision::V2025_11_25, &params),
            carried_message(&Id::Number(7), &params),
        ] {
            assert!(crate::jsonrpc::parse_one(&message, 8).is_ok(), "{message:?}");
        }
    }
}
