//! Tools: their description, a call, and its result.
//!
//! The call is the hot path: its parameters are split once, arguments stay a slice of the message, and a structured
//! result is copied into the response as it is.
//!
//! Source: `server/tools` of each revision and its schema; 2025-11-25 `basic/utilities/tasks`, Tool-Level Negotiation.

mod support;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jsonrpc::Raw;

use super::implementation::icons_and_meta;
use super::shape::ResultShape;
use super::write::{Object, Shape};
use super::{Content, Fault, Icon, Revision, params};

pub use support::{CallMode, TaskSupport};

/// A tool that can be called.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolInfo {
    /// The name for programs.
    pub name: String,
    /// The name for people (since 2025-06-18).
    #[serde(default)]
    pub title: Option<String>,
    /// What it does.
    #[serde(default)]
    pub description: Option<String>,
    /// JSON Schema of its arguments: an object with `"type": "object"`.
    pub input_schema: Raw,
    /// JSON Schema of its structured result (since 2025-06-18).
    #[serde(default)]
    pub output_schema: Option<Raw>,
    /// Hints on what it does to the world (since 2025-03-26).
    #[serde(default)]
    pub annotations: Option<ToolAnnotations>,
    /// Pictures (since 2025-11-25).
    #[serde(default)]
    pub icons: Vec<Icon>,
    /// Whether a call may run as a task (on the wire in 2025-11-25 only).
    #[serde(default, rename = "execution")]
    pub task_support: TaskSupport,
    /// Metadata: an object (since 2025-06-18).
    #[serde(default, rename = "_meta")]
    pub meta: Option<Raw>,
}

impl ToolInfo {
    /// A tool by name, description and the schema of its arguments.
    #[must_use]
    pub fn new(name: impl Into<String>, description: impl Into<String>, input_schema: Raw) -> Self {
        Self {
            name: name.into(),
            title: None,
            description: Some(description.into()),
            input_schema,
            output_schema: None,
            annotations: None,
            icons: Vec::new(),
            task_support: TaskSupport::Forbidden,
            meta: None,
        }
    }
}

/// Hints on what a tool does to the world. Not to be trusted by whoever does not trust the server.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolAnnotations {
    /// The name for people, before there was `title`.
    pub title: Option<String>,
    /// It changes nothing. Default: false.
    pub read_only_hint: Option<bool>,
    /// It may destroy. Default: true.
    pub destructive_hint: Option<bool>,
    /// Again does no more. Default: false.
    pub idempotent_hint: Option<bool>,
    /// It reaches beyond a closed world. Default: true.
    pub open_world_hint: Option<bool>,
}

impl Shape for ToolInfo {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.text("name", &*self.name);
            if revision.has_titles() {
                object.text("title", self.title.as_deref());
            }
            object.text("description", self.description.as_deref());
            object.shape("inputSchema", &self.input_schema);
            if revision.has_structured_output() {
                let any = revision.has_any_structured_output();
                object.maybe(
                    "outputSchema",
                    self.output_schema.as_ref().filter(|schema| any || is_of_objects(schema)),
                );
            }
            if revision.has_core_tasks() && self.task_support != TaskSupport::Forbidden {
                let required = self.task_support == TaskSupport::Required;
                object.object("execution", |execution| {
                    execution.text("taskSupport", if required { "required" } else { "optional" });
                });
            }
            if revision.has_tool_annotations() {
                self.annotations(object);
            }
            icons_and_meta(object, &self.icons, self.meta.as_ref());
        });
    }
}

impl ToolInfo {
    /// Before there was `title`, the annotations had the place for it.
    fn annotations(&self, object: &mut Object<'_>) {
        let own = self.annotations.as_ref();
        let title = own.and_then(|hints| hints.title.as_deref());
        let title = if object.revision().has_titles() { title } else { title.or(self.title.as_deref()) };
        if own.is_none() && title.is_none() {
            return;
        }
        object.object("annotations", |hints| {
            hints.text("title", title);
            hints.flag("readOnlyHint", own.and_then(|own| own.read_only_hint));
            hints.flag("destructiveHint", own.and_then(|own| own.destructive_hint));
            hints.flag("idempotentHint", own.and_then(|own| own.idempotent_hint));
            hints.flag("openWorldHint", own.and_then(|own| own.open_world_hint));
        });
    }
}

/// Whether a schema says `"type": "object"` at its root, as output schemas had to before 2026-07-28.
fn is_of_objects(schema: &Raw) -> bool {
    #[derive(Deserialize)]
    struct Root<'a> {
        #[serde(borrow, default)]
        r#type: Option<&'a RawValue>,
    }
    serde_json::from_slice::<Root<'_>>(schema.bytes())
        .is_ok_and(|root| root.r#type.is_some_and(|text| text.get() == "\"object\""))
}

/// A call of a tool.
#[derive(Clone, PartialEq, Debug)]
pub struct CallToolParams {
    /// The tool's name.
    pub name: String,
    /// Its arguments: an object, empty where absent.
    pub arguments: Raw,
    /// The client wants it to run as a task (2025-11-25).
    pub task: Option<super::task::TaskWish>,
}

impl CallToolParams {
    /// Reads parameters of `tools/call`.
    ///
    /// # Errors
    /// -32602 that names the field.
    pub fn read(raw: &Raw) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow, default)]
            name: Option<&'a RawValue>,
            #[serde(borrow, default)]
            arguments: Option<&'a RawValue>,
            #[serde(borrow, default)]
            task: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = params::fields(raw)?;
        Ok(Self {
            name: params::required("name", fields.name)?,
            arguments: params::object("arguments", raw, fields.arguments)?.unwrap_or_else(Raw::empty_object),
            task: params::optional("task", fields.task)?,
        })
    }
}

/// The result of a call. A tool that failed says so here, with `is_error`, so that the model can see it.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallToolResult {
    /// For people and models.
    #[serde(default)]
    pub content: Vec<Content>,
    /// For programs: any JSON value in the modern era, an object since 2025-06-18, and text before.
    #[serde(default, rename = "structuredContent", deserialize_with = "params::present")]
    pub structured: Option<Raw>,
    /// The tool failed.
    #[serde(default)]
    pub is_error: bool,
    /// Metadata: an object.
    #[serde(default, rename = "_meta")]
    pub meta: Option<Raw>,
}

impl CallToolResult {
    /// Content.
    #[must_use]
    pub fn content(content: Vec<Content>) -> Self {
        Self { content, ..Self::default() }
    }

    /// One text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::content(vec![Content::text(text)])
    }

    /// The tool failed, and why.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::text(text) }
    }

    /// A value for programs. Where there is no content beside it, it is repeated as text, as `server/tools`, Structured
    /// Content, asks of servers.
    #[must_use]
    pub fn structured(value: Raw) -> Self {
        Self { structured: Some(value), ..Self::default() }
    }
}

impl ResultShape for CallToolResult {
    fn members(&self, object: &mut Object<'_>) {
        let revision = object.revision();
        match &self.structured {
            Some(value) if self.content.is_empty() => {
                object.shape("content", &[Content::text(value.as_str())][..]);
            }
            _ => object.shape("content", &self.content),
        }
        if let Some(value) = &self.structured {
            let object_only =
                revision.has_structured_output() && value.bytes().trim_ascii_start().starts_with(b"{");
            if object_only || revision.has_any_structured_output() {
                object.shape("structuredContent", value);
            }
        }
        if self.is_error {
            object.flag("isError", true);
        }
    }

    fn meta(&self) -> Option<&Raw> {
        self.meta.as_ref()
    }

    fn size_hint(&self) -> usize {
        let content: usize = self.content.iter().map(Content::size_hint).sum();
        64 + content + self.structured.as_ref().map_or(0, |value| 2 * value.bytes().len())
    }
}

#[cfg(test)]
mod tests;
