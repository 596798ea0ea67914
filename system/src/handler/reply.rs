//! What a handler gives back, and how it fails.

use std::any::Any;

use schemars::JsonSchema;
use serde::Serialize;

use super::ask::AskError;
use super::schema::schema_of;
use crate::jsonrpc::Raw;
use crate::protocol::{
    Cache, CallToolResult, CompleteResult, Content, Fault, GetPromptResult, Object, ReadResult, ResultShape,
    fault::code,
};

/// The answer of a handler, of whichever kind.
pub(crate) enum Reply {
    /// `tools/call`
    Tool(CallToolResult),
    /// `resources/read`
    Resource(ReadResult),
    /// `prompts/get`
    Prompt(GetPromptResult),
    /// `completion/complete`
    Completion(CompleteResult),
    /// What the node itself has to say, of a task for example.
    Node(Box<dyn ResultShape + Send>),
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tool(_) => "Tool(..)",
            Self::Resource(_) => "Resource(..)",
            Self::Prompt(_) => "Prompt(..)",
            Self::Completion(_) => "Completion(..)",
            Self::Node(_) => "Node(..)",
        })
    }
}

impl Reply {
    /// The reply with how it may be cached, where it may.
    pub(crate) const fn cached(self, cache: Option<Cache>) -> Cached {
        Cached { reply: self, cache }
    }
}

/// A reply on its way out.
pub(crate) struct Cached {
    reply: Reply,
    cache: Option<Cache>,
}

impl ResultShape for Cached {
    fn members(&self, object: &mut Object<'_>) {
        match &self.reply {
            Reply::Tool(result) => result.members(object),
            Reply::Resource(result) => result.members(object),
            Reply::Prompt(result) => result.members(object),
            Reply::Completion(result) => result.members(object),
            Reply::Node(result) => result.members(object),
        }
    }

    fn result_type(&self) -> &'static str {
        match &self.reply {
            Reply::Node(result) => result.result_type(),
            _ => "complete",
        }
    }

    fn cache(&self) -> Option<Cache> {
        self.cache
    }

    fn meta(&self) -> Option<&Raw> {
        match &self.reply {
            Reply::Tool(result) => result.meta.as_ref(),
            Reply::Resource(result) => result.meta.as_ref(),
            Reply::Prompt(result) => result.meta.as_ref(),
            Reply::Completion(_) => None,
            Reply::Node(result) => result.meta(),
        }
    }

    fn size_hint(&self) -> usize {
        match &self.reply {
            Reply::Tool(result) => result.size_hint(),
            Reply::Resource(result) => result.size_hint(),
            _ => 512,
        }
    }
}

/// Why a handler has no answer. Any error becomes one by `?`.
#[derive(Clone, PartialEq, Debug)]
pub enum Failure {
    /// The tool ran and failed: the model is told, and may try again (`isError`). For a prompt or a resource this is
    /// an internal error with the text as its message.
    Tool(String),
    /// The request itself was wrong or cannot be served: a JSON-RPC error.
    Fault(Fault),
}

impl Failure {
    /// The tool ran and failed, for this reason, which the model may read.
    #[must_use]
    pub fn tool(reason: impl Into<String>) -> Self {
        Self::Tool(reason.into())
    }

    /// The failure of a tool, as its result or as an error.
    pub(crate) fn into_tool_result(self) -> Result<CallToolResult, Fault> {
        match self {
            Self::Tool(reason) => Ok(CallToolResult::error(reason)),
            Self::Fault(fault) => Err(fault),
        }
    }

    /// The failure of anything else.
    pub(crate) fn into_fault(self) -> Fault {
        match self {
            Self::Tool(reason) => Fault::new(code::INTERNAL_ERROR, reason),
            Self::Fault(fault) => fault,
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let any: &dyn Any = &error;
        if let Some(fault) = any.downcast_ref::<Fault>() {
            return Self::Fault(fault.clone());
        }
        match any.downcast_ref::<AskError>() {
            Some(AskError::Unsupported(fault)) => Self::Fault(fault.clone()),
            // The client's mistake, and nothing that its model could do better (2026-07-28 `mrtr`, Error Handling).
            Some(AskError::Malformed(_)) => Self::Fault(Fault::invalid_params(error.to_string())),
            _ => Self::Tool(error.to_string()),
        }
    }
}

/// A structured result: any value with a schema. It is sent as `structuredContent` and, for clients before 2025-06-18
/// and models that read text, as JSON text.
#[derive(Clone, Debug)]
pub struct Json<T>(pub T);

/// What a tool may return.
pub trait IntoToolResult {
    /// The schema of structured results, where there are any.
    #[must_use]
    fn output_schema() -> Option<schemars::Schema> {
        None
    }

    /// The result.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    fn into_tool_result(self) -> Result<CallToolResult, Failure>;
}

impl IntoToolResult for CallToolResult {
    fn into_tool_result(self) -> Result<CallToolResult, Failure> {
        Ok(self)
    }
}

impl IntoToolResult for Content {
    fn into_tool_result(self) -> Result<CallToolResult, Failure> {
        Ok(CallToolResult::content(vec![self]))
    }
}

impl IntoToolResult for Vec<Content> {
    fn into_tool_result(self) -> Result<CallToolResult, Failure> {
        Ok(CallToolResult::content(self))
    }
}

impl IntoToolResult for String {
    fn into_tool_result(self) -> Result<CallToolResult, Failure> {
        Content::text(self).into_tool_result()
    }
}

impl IntoToolResult for &'static str {
    fn into_tool_result(self) -> Result<CallToolResult, Failure> {
        Content::text(self).into_tool_result()
    }
}

impl IntoToolResult for () {
    fn into_tool_result(self) -> Result<CallToolResult, Failure> {
        Ok(CallToolResult::content(Vec::new()))
    }
}

impl<T: Serialize + JsonSchema> IntoToolResult for Json<T> {
    fn output_schema() -> Option<schemars::Schema> {
        Some(schema_of::<T>())
    }

    fn into_tool_result(self) -> Result<CallToolResult, Failure> {
        Ok(CallToolResult::structured(Raw::encode(&self.0)?))
    }
}
