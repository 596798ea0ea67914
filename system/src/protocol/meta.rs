//! `_meta` of a request: what it says about the request itself.
//!
//! Read in one pass over the parameters, on every request and before anything else of them. What only some handlers
//! want (client info, capabilities) stays a slice. A key that is ours is never guessed at: a wrong type is an error that
//! names the key, except for trace context, which is for others and dropped when unreadable.
//!
//! Source: 2026-07-28 `basic/index`, `_meta`; 2025-11-25 `basic/utilities/{progress,tasks}`.

mod fields;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jsonrpc::{Id, Raw};

use super::era::Version;
use super::logging::LogLevel;
use super::params;
use super::write::{Object, Shape, to_raw};
use super::{ClientCapabilities, Fault, Method, Revision};
use fields::Fields;

/// Keys within `_meta`.
pub mod key {
    /// The revision of a request (modern).
    pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
    /// Who asks (modern).
    pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
    /// What the client can do, for this request (modern).
    pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
    /// The lowest level of log messages that the client wants for this request (modern).
    pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
    /// Who answers (modern).
    pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
    /// The subscription that a notification belongs to (modern).
    pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
    /// The task that a message belongs to (2025-11-25).
    pub const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";
}

/// What a client wants to see on the progress of its request.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ProgressToken {
    /// An integer.
    Number(i64),
    /// A string.
    Text(String),
}

impl<'de> Deserialize<'de> for ProgressToken {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // An id has the same two forms and refuses the same others.
        Id::deserialize(from).map(|id| match id {
            Id::Number(number) => Self::Number(number),
            Id::Text(text) => Self::Text(text.into()),
        })
    }
}

impl Shape for ProgressToken {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::Text(text) => text.write(revision, out),
        }
    }
}

impl Shape for Id {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::Text(text) => text.write(revision, out),
        }
    }
}

/// `_meta` of a request.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RequestMeta {
    /// Present if the client wants to see progress.
    pub progress_token: Option<ProgressToken>,
    /// The revision that the request names.
    pub version: Version,
    /// Who asks, as sent; for display only.
    pub client_info: Option<Raw>,
    /// The client's capabilities, as sent: an object.
    pub client_capabilities: Option<Raw>,
    /// The lowest level of log messages that the client wants for this request.
    pub log_level: Option<LogLevel>,
    /// W3C trace context.
    pub traceparent: Option<Box<str>>,
    /// W3C trace context, vendors' part.
    pub tracestate: Option<Box<str>>,
    /// The task that the message belongs to.
    pub related_task: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow, default, rename = "_meta")]
    meta: Option<Fields<'a>>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    uri: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "taskId")]
    task_id: Option<&'a RawValue>,
}

impl RequestMeta {
    /// Reads `_meta` out of parameters.
    ///
    /// # Errors
    /// [`Fault::malformed_meta`], naming the key.
    pub fn read(params: &Raw) -> Result<Self, Fault> {
        Self::read_named(None, params).map(|(meta, _)| meta)
    }

    /// Reads `_meta`, and in the same pass the parameter that `Mcp-Name` repeats for this method
    /// ([`Method::name_parameter`]). One that is no string counts as absent here.
    ///
    /// # Errors
    /// [`Fault::malformed_meta`], naming the key.
    pub fn read_named(method: Option<Method>, params: &Raw) -> Result<(Self, Option<Cow<'_, str>>), Fault> {
        let malformed = |fault: Fault| fault.with_status(400);
        let fields: Params<'_> = params::fields(params).map_err(malformed)?;
        let name = match method.and_then(Method::name_parameter) {
            Some("name") => fields.name,
            Some("uri") => fields.uri,
            Some("taskId") => fields.task_id,
            _ => None,
        };
        let name = params::text("name", name).ok().flatten();
        let meta = fields.meta.map_or_else(|| Ok(Self::default()), |meta| meta.into_meta(params));
        Ok((meta.map_err(malformed)?, name))
    }

    /// The capabilities that a modern request must declare.
    ///
    /// # Errors
    /// [`Fault::malformed_meta`] where they are missing or wrong.
    pub fn capabilities(&self) -> Result<ClientCapabilities, Fault> {
        let Some(raw) = &self.client_capabilities else {
            let message = "`_meta.io.modelcontextprotocol/clientCapabilities` is missing";
            return Err(Fault::malformed_meta(message));
        };
        ClientCapabilities::read(raw).map_err(|fault| fault.with_status(400))
    }
}

/// A `_meta` object that ties a message to a task (2025-11-25 `basic/utilities/tasks`, Associating Task-Related
/// Messages).
#[must_use]
pub fn related_task(task_id: &str) -> Raw {
    to_raw(&RelatedTask(task_id), Revision::LATEST_LEGACY)
}

struct RelatedTask<'a>(&'a str);

impl Shape for RelatedTask<'_> {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |meta| {
            meta.object(key::RELATED_TASK, |task| task.text("taskId", self.0));
        });
    }
}

/// Writes a `_meta` object that holds what `own` holds (an object) and one key of ours, unless `own` has that key.
pub(super) fn write_with<T: Shape>(
    own: Option<&Raw>,
    (name, value): (&'static str, T),
    revision: Revision,
    out: &mut Vec<u8>,
) {
    let own = own.map_or(&b"{}"[..], |raw| raw.bytes().trim_ascii());
    if memchr::memmem::find(own, name.as_bytes()).is_some() {
        out.extend_from_slice(own);
        return;
    }
    // What follows the opening brace: the members of `own` and its closing brace.
    let members = own.get(1..).unwrap_or_default().trim_ascii_start();
    out.push(b'{');
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    value.write(revision, out);
    if members.first() != Some(&b'}') {
        out.push(b',');
    }
    out.extend_from_slice(members);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Raw {
        Raw::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect("JSON")
    }

    #[test]
    fn each_key_is_read_and_the_rest_is_left_alone() {
        let params = raw(
            r#"{"name":"x","_meta":{"progressToken":"p","io.modelcontextprotocol/protocolVersion":"2026-07-28",
            "io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},
            "io.modelcontextprotocol/clientCapabilities":{"sampling":{}},"io.modelcontextprotocol/logLevel":"warning",
            "traceparent":"00-1","tracestate":"a=b","other":[1,{"deep":2}],
            "io.modelcontextprotocol/related-task":{"taskId":"t1"}},"arguments":{}}"#,
        );
        let meta = RequestMeta::read(&params).expect("meta");
        assert_eq!(meta.progress_token, Some(ProgressToken::Text("p".into())));
        assert_eq!(meta.version, Version::Modern(Revision::V2026_07_28));
        assert_eq!(meta.client_info, Some(raw(r#"{"name":"c","version":"1"}"#)));
        assert_eq!(meta.client_capabilities, Some(raw(r#"{"sampling":{}}"#)));
        assert_eq!(meta.log_level, Some(LogLevel::Warning));
        assert_eq!((meta.traceparent.as_deref(), meta.tracestate.as_deref()), (Some("00-1"), Some("a=b")));
        assert_eq!(meta.related_task.as_deref(), Some("t1"));
        assert!(meta.capabilities().expect("capabilities").sampling.is_some());
    }

    #[test]
    fn the_name_that_a_header_repeats_is_read_on_the_way() {
        let params = raw(r#"{"name":"n","uri":"u:\u0031","taskId":7,"_meta":{}}"#);
        let check = |method: Option<Method>, expect: Option<&str>| {
            let (_, name) = RequestMeta::read_named(method, &params).expect("params");
            assert_eq!(name.as_deref(), expect, "{method:?}");
        };
        check(Some(Method::CallTool), Some("n"));
        check(Some(Method::GetPrompt), Some("n"));
        check(Some(Method::ReadResource), Some("u:1"));
        check(Some(Method::GetTask), None);
        check(Some(Method::ListTools), None);
        check(None, None);
    }

    #[test]
    fn parameters_without_meta_say_nothing() {
        for text in ["{}", r#"{"_meta":{}}"#, r#"{"_meta":null}"#, r#"{"name":"x"}"#] {
            assert_eq!(RequestMeta::read(&raw(text)), Ok(RequestMeta::default()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_is_400() {
        let check = |text: &str, message: &str| {
            let fault = RequestMeta::read(&raw(text)).and_then(|meta| meta.capabilities()).expect_err(text);
            assert_eq!((fault.code, fault.http_status(Revision::V2026_07_28)), (-32602, 400));
            assert_eq!(fault.message, message);
        };
        check(r#"{"_meta":[1,2,3,4,5,6,7,8]}"#, "invalid type: sequence, expected `_meta` to be an object");
        check(r#"{"_meta":3}"#, "invalid type: integer `3`, expected `_meta` to be an object");
        check(r#"{"_meta":{},"_meta":{}}"#, "duplicate field `_meta`");
        check(r#"{"_meta":{"traceparent":"a","traceparent":"b"}}"#, "`_meta.traceparent` stands twice");
        check(
            r#"{"_meta":{"progressToken":1.5}}"#,
            "`_meta.progressToken`: invalid type: floating point `1.5`, expected a string or an integer",
        );
        check(
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":7}}"#,
            "`_meta.io.modelcontextprotocol/protocolVersion`: invalid type: integer `7`, expected a string",
        );
        check(
            r#"{"_meta":{"io.modelcontextprotocol/clientCapabilities":[]}}"#,
            "`_meta.io.modelcontextprotocol/clientCapabilities` must be an object",
        );
        check(r#"{"_meta":{}}"#, "`_meta.io.modelcontextprotocol/clientCapabilities` is missing");
    }

    #[test]
    fn a_key_of_ours_is_added_once() {
        let check = |own: Option<&str>, expect: &str| {
            let mut out = Vec::new();
            write_with(own.map(raw).as_ref(), ("k", raw("1")), Revision::V2026_07_28, &mut out);
            assert_eq!(std::str::from_utf8(&out), Ok(expect));
        };
        check(None, r#"{"k":1}"#);
        check(Some("{}"), r#"{"k":1}"#);
        check(Some(" { } "), r#"{"k":1}"#);
        check(Some(r#"{ "a":2}"#), r#"{"k":1,"a":2}"#);
        check(Some(r#"{"k":9}"#), r#"{"k":9}"#);
    }
}
