//! What the client's model said.

use serde::Deserialize;
use serde::de::Error;
use serde_json::value::RawValue;

use crate::jsonrpc::Raw;

use super::super::{Content, Fault, Role, params};
use super::SamplingContent;

/// What the model said.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateMessageResult {
    /// Who speaks.
    pub role: Role,
    /// What is said: one block, or since 2025-11-25 several.
    pub content: Vec<SamplingContent>,
    /// Which model.
    pub model: String,
    /// Why it stopped: `endTurn`, `stopSequence`, `maxTokens`, `toolUse` or the provider's own.
    pub stop_reason: Option<String>,
    /// Metadata: an object.
    pub meta: Option<Raw>,
}

impl CreateMessageResult {
    /// Reads a client's answer.
    ///
    /// # Errors
    /// -32602 that names the field.
    pub fn read(raw: &Raw) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            #[serde(borrow, default)]
            role: Option<&'a RawValue>,
            #[serde(borrow, default)]
            content: Option<&'a RawValue>,
            #[serde(borrow, default)]
            model: Option<&'a RawValue>,
            #[serde(borrow, default)]
            stop_reason: Option<&'a RawValue>,
            #[serde(borrow, default, rename = "_meta")]
            meta: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = params::fields(raw)?;
        let many = fields.content.is_some_and(|content| content.get().starts_with('['));
        Ok(Self {
            role: params::required("role", fields.role)?,
            content: if many {
                params::required("content", fields.content)?
            } else {
                vec![params::required("content", fields.content)?]
            },
            model: params::required("model", fields.model)?,
            stop_reason: params::optional("stopReason", fields.stop_reason)?,
            meta: params::object("_meta", raw, fields.meta)?,
        })
    }

    /// The texts among the content, one after the other.
    #[must_use]
    pub fn text(&self) -> String {
        let texts = self.content.iter().filter_map(|content| match content {
            SamplingContent::Block(Content::Text { text, .. }) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }
}

impl<'de> Deserialize<'de> for SamplingContent {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(borrow, default)]
            r#type: Option<&'a RawValue>,
        }
        #[derive(Deserialize)]
        struct Use {
            id: String,
            name: String,
            input: Raw,
            #[serde(default, rename = "_meta")]
            meta: Option<Raw>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Outcome {
            tool_use_id: String,
            content: Vec<Content>,
            #[serde(default, rename = "structuredContent", deserialize_with = "params::present")]
            structured: Option<Raw>,
            #[serde(default)]
            is_error: bool,
            #[serde(default, rename = "_meta")]
            meta: Option<Raw>,
        }
        let raw = Raw::deserialize(from)?;
        let wrong = |error: serde_json::Error| D::Error::custom(params::reason(&error));
        let kind: Kind<'_> = serde_json::from_slice(raw.bytes()).map_err(wrong)?;
        match kind.r#type.map(RawValue::get) {
            Some("\"tool_use\"") => {
                let Use { id, name, input, meta } = raw.decode().map_err(wrong)?;
                Ok(Self::ToolUse { id, name, input, meta })
            }
            Some("\"tool_result\"") => {
                let Outcome { tool_use_id, content, structured, is_error, meta } =
                    raw.decode().map_err(wrong)?;
                Ok(Self::ToolResult { tool_use_id, content, structured, is_error, meta })
            }
            _ => raw.decode().map(Self::Block).map_err(wrong),
        }
    }
}
