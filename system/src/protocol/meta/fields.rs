//! `_meta` split into the keys that we read.
//!
//! By hand and not derived, since a derived struct would also take an array, by position.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::jsonrpc::Raw;

use super::super::era::Version;
use super::super::{Fault, params};
use super::{RequestMeta, key};

/// The keys that we read, as they stand in the message.
#[derive(Default)]
pub(super) struct Fields<'a> {
    progress_token: Option<&'a RawValue>,
    version: Option<&'a RawValue>,
    client_info: Option<&'a RawValue>,
    client_capabilities: Option<&'a RawValue>,
    log_level: Option<&'a RawValue>,
    traceparent: Option<&'a RawValue>,
    tracestate: Option<&'a RawValue>,
    related_task: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    fn slot(&mut self, name: &str) -> Option<&mut Option<&'a RawValue>> {
        Some(match name {
            "progressToken" => &mut self.progress_token,
            key::PROTOCOL_VERSION => &mut self.version,
            key::CLIENT_INFO => &mut self.client_info,
            key::CLIENT_CAPABILITIES => &mut self.client_capabilities,
            key::LOG_LEVEL => &mut self.log_level,
            "traceparent" => &mut self.traceparent,
            "tracestate" => &mut self.tracestate,
            key::RELATED_TASK => &mut self.related_task,
            _ => return None,
        })
    }

    /// Reads each key; what is only carried becomes a slice of `whole`.
    pub(super) fn into_meta(self, whole: &Raw) -> Result<RequestMeta, Fault> {
        let version = params::text("_meta.io.modelcontextprotocol/protocolVersion", self.version)?;
        let capabilities = "_meta.io.modelcontextprotocol/clientCapabilities";
        Ok(RequestMeta {
            progress_token: params::optional("_meta.progressToken", self.progress_token)?,
            version: Version::read(version.as_deref()),
            client_info: self
                .client_info
                .filter(|raw| raw.get() != "null")
                .map(|raw| Raw::slice_of(whole.bytes(), raw)),
            client_capabilities: params::object(capabilities, whole, self.client_capabilities)?,
            log_level: params::optional("_meta.io.modelcontextprotocol/logLevel", self.log_level)?,
            traceparent: lenient(self.traceparent),
            tracestate: lenient(self.tracestate),
            related_task: related(self.related_task),
        })
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`_meta` to be an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(Name(name)) = map.next_key()? {
            let Some(slot) = fields.slot(&name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if slot.is_some() {
                return Err(A::Error::custom(format!("`_meta.{name}` stands twice")));
            }
            let value: &RawValue = map.next_value()?;
            *slot = Some(value);
        }
        Ok(fields)
    }
}

fn lenient(field: Option<&RawValue>) -> Option<Box<str>> {
    field.and_then(|raw| serde_json::from_str(raw.get()).ok())
}

fn related(field: Option<&RawValue>) -> Option<Box<str>> {
    #[derive(Deserialize)]
    struct Task {
        #[serde(rename = "taskId")]
        task_id: Box<str>,
    }
    field.and_then(|raw| serde_json::from_str::<Task>(raw.get()).ok()).map(|task| task.task_id)
}
