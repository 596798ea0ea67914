//! Sampling: asking the client's model.
//!
//! A message holds a list of blocks. Before 2025-11-25 it could hold one, so a longer one goes out as several messages of
//! the same speaker, and the use of a tool and its result go out as text; tools themselves are left out (a handler that
//! needs them must see that the client declared them: [`CreateMessageParams::needs`]).
//!
//! Source: `client/sampling` of each revision and its schema.

mod answer;

use crate::jsonrpc::Raw;

use super::write::{Object, Shape, write_array};
use super::{Content, Need, ResourceContents, Revision, Role, ToolInfo};

pub use answer::CreateMessageResult;

/// A question to the client's model.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreateMessageParams {
    /// The conversation so far.
    pub messages: Vec<SamplingMessage>,
    /// The most tokens to produce.
    pub max_tokens: u64,
    /// What the model is told first.
    pub system_prompt: Option<String>,
    /// Which model would be best.
    pub model_preferences: Option<ModelPreferences>,
    /// Whose context to add. More than none needs [`Need::SamplingContext`].
    pub include_context: Option<IncludeContext>,
    /// How much chance.
    pub temperature: Option<f64>,
    /// Texts that end it.
    pub stop_sequences: Vec<String>,
    /// For the provider: an object.
    pub metadata: Option<Raw>,
    /// Tools that the model may use (since 2025-11-25).
    pub tools: Vec<ToolInfo>,
    /// Whether it must (since 2025-11-25).
    pub tool_choice: Option<ToolChoice>,
}

/// Whose context a client adds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IncludeContext {
    /// Nobody's.
    None,
    /// Ours.
    ThisServer,
    /// That of all its servers.
    AllServers,
}

/// Whether the model uses tools.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// It must.
    Required,
    /// It must not.
    None,
}

/// Which model would be best. Priorities are from 0 to 1.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ModelPreferences {
    /// Names or parts of names, best first.
    pub hints: Vec<String>,
    /// How much cost counts.
    pub cost_priority: Option<f64>,
    /// How much speed counts.
    pub speed_priority: Option<f64>,
    /// How much intelligence counts.
    pub intelligence_priority: Option<f64>,
}

/// One message of a conversation.
#[derive(Clone, PartialEq, Debug)]
pub struct SamplingMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Vec<SamplingContent>,
    /// Metadata: an object (since 2025-06-18).
    pub meta: Option<Raw>,
}

/// A piece of a message to or from a model.
#[derive(Clone, PartialEq, Debug)]
pub enum SamplingContent {
    /// Text, an image or sound. Resources are not known here and go out as text.
    Block(Content),
    /// The model wants a tool to be called (since 2025-11-25).
    ToolUse {
        /// Names this use.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments: an object.
        input: Raw,
        /// Metadata: an object.
        meta: Option<Raw>,
    },
    /// What the call gave (since 2025-11-25).
    ToolResult {
        /// The use that it answers.
        tool_use_id: String,
        /// What it gave.
        content: Vec<Content>,
        /// What it gave, for programs.
        structured: Option<Raw>,
        /// It failed.
        is_error: bool,
        /// Metadata: an object.
        meta: Option<Raw>,
    },
}

impl SamplingMessage {
    /// The user says a text.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: Role::User, content: vec![SamplingContent::Block(Content::text(text))], meta: None }
    }

    /// The model says a text.
    #[must_use]
    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: Role::Assistant, ..Self::user(text) }
    }
}

impl CreateMessageParams {
    /// One text of the user.
    #[must_use]
    pub fn text(text: impl Into<String>, max_tokens: u64) -> Self {
        Self { messages: vec![SamplingMessage::user(text)], max_tokens, ..Self::default() }
    }

    /// What the client must have declared. Context had no capability of its own before 2025-11-25; tools did not exist
    /// then, so a client of those revisions can never have declared them.
    #[must_use]
    pub fn needs(&self, revision: Revision) -> Vec<Need> {
        let mut needs = vec![Need::Sampling];
        if !self.tools.is_empty() || self.tool_choice.is_some() {
            needs.push(Need::SamplingTools);
        }
        let context = self.include_context.is_some_and(|context| context != IncludeContext::None);
        if context && revision.has_sampling_tools() {
            needs.push(Need::SamplingContext);
        }
        needs
    }

    pub(super) fn members(&self, object: &mut Object<'_>) {
        let revision = object.revision();
        let out = object.key("messages");
        if revision.has_sampling_tools() {
            write_array(&self.messages, revision, out);
        } else {
            let single = |message| SingleBlock::all(message);
            write_array(self.messages.iter().flat_map(single), revision, out);
        }
        object.maybe("modelPreferences", self.model_preferences.as_ref());
        object.text("systemPrompt", self.system_prompt.as_deref());
        object.text("includeContext", self.include_context.map(IncludeContext::as_str));
        object.number("temperature", self.temperature);
        object.count("maxTokens", self.max_tokens);
        object.list("stopSequences", &self.stop_sequences);
        object.maybe("metadata", self.metadata.as_ref());
        if revision.has_sampling_tools() {
            object.list("tools", &self.tools);
            if let Some(choice) = self.tool_choice {
                object.object("toolChoice", |object| object.text("mode", choice.as_str()));
            }
        }
    }
}

impl IncludeContext {
    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ThisServer => "thisServer",
            Self::AllServers => "allServers",
        }
    }
}

impl ToolChoice {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Required => "required",
            Self::None => "none",
        }
    }
}

impl Shape for ModelPreferences {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        struct Hint<'a>(&'a str);
        impl Shape for Hint<'_> {
            fn write(&self, revision: Revision, out: &mut Vec<u8>) {
                Object::write(out, revision, |object| object.text("name", self.0));
            }
        }
        Object::write(out, revision, |object| {
            if !self.hints.is_empty() {
                write_array(self.hints.iter().map(|hint| Hint(hint)), revision, object.key("hints"));
            }
            object.number("costPriority", self.cost_priority);
            object.number("speedPriority", self.speed_priority);
            object.number("intelligencePriority", self.intelligence_priority);
        });
    }
}

impl Shape for SamplingMessage {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.shape("role", self.role);
            match &self.content[..] {
                [one] => object.shape("content", one),
                more => object.shape("content", more),
            }
            object.maybe("_meta", self.meta.as_ref());
        });
    }
}

/// A message of one block, as they were before 2025-11-25.
struct SingleBlock<'a> {
    role: Role,
    block: &'a SamplingContent,
}

impl<'a> SingleBlock<'a> {
    fn all(message: &'a SamplingMessage) -> impl Iterator<Item = Self> {
        message.content.iter().map(|block| Self { role: message.role, block })
    }
}

impl Shape for SingleBlock<'_> {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.shape("role", self.role);
            object.shape("content", self.block);
        });
    }
}

impl Shape for SamplingContent {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        match self {
            Self::Block(content) => match as_text(content, revision) {
                Some(text) => Content::text(text).write(revision, out),
                None => content.write(revision, out),
            },
            Self::ToolUse { id, name, input, meta } if revision.has_sampling_tools() => {
                Object::write(out, revision, |object| {
                    object.text("type", "tool_use");
                    object.text("id", &**id);
                    object.text("name", &**name);
                    object.shape("input", input);
                    object.maybe("_meta", meta.as_ref());
                });
            }
            Self::ToolUse { id, name, input, .. } => {
                Content::text(format!("[{id}: call of {name} with {}]", input.as_str())).write(revision, out);
            }
            Self::ToolResult { tool_use_id, content, structured, is_error, meta }
                if revision.has_sampling_tools() =>
            {
                Object::write(out, revision, |object| {
                    object.text("type", "tool_result");
                    object.text("toolUseId", &**tool_use_id);
                    object.shape("content", content);
                    object.maybe("structuredContent", structured.as_ref());
                    object.flag("isError", is_error.then_some(true));
                    object.maybe("_meta", meta.as_ref());
                });
            }
            Self::ToolResult { tool_use_id, content, .. } => {
                let texts: Vec<String> = content.iter().filter_map(text_of).collect();
                Content::text(format!("[{tool_use_id}: gave {}]", texts.join("\n"))).write(revision, out);
            }
        }
    }
}

/// What stands for a block that messages of this revision cannot hold; none if they can.
fn as_text(content: &Content, revision: Revision) -> Option<String> {
    match content {
        Content::Text { .. } | Content::Image { .. } => None,
        Content::Audio { .. } if revision.has_audio() => None,
        _ => text_of(content),
    }
}

fn text_of(content: &Content) -> Option<String> {
    Some(match content {
        Content::Text { text, .. } => text.clone(),
        Content::Image { mime_type, .. } | Content::Audio { mime_type, .. } => format!("[{mime_type}]"),
        Content::ResourceLink(link) => link.as_line(),
        Content::Resource { resource: ResourceContents::Text { text, .. }, .. } => text.clone(),
        Content::Resource { resource: ResourceContents::Blob { uri, .. }, .. } => format!("[{uri}]"),
    })
}

#[cfg(test)]
mod tests;
