//! Prompts: their description, a request for one, and what it gives.
//!
//! Source: `server/prompts` of each revision and its schema.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jsonrpc::Raw;

use super::implementation::icons_and_meta;
use super::shape::ResultShape;
use super::write::{Object, Shape};
use super::{Content, Fault, Icon, Revision, Role, params};

/// A prompt that can be asked for.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct PromptInfo {
    /// The name for programs.
    pub name: String,
    /// The name for people (since 2025-06-18).
    #[serde(default)]
    pub title: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// What it takes.
    #[serde(default)]
    pub arguments: Vec<PromptArgument>,
    /// Pictures (since 2025-11-25).
    #[serde(default)]
    pub icons: Vec<Icon>,
    /// Metadata: an object (since 2025-06-18).
    #[serde(default, rename = "_meta")]
    pub meta: Option<Raw>,
}

/// An argument of a prompt. Its value is always a string.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct PromptArgument {
    /// The name for programs.
    pub name: String,
    /// The name for people (since 2025-06-18).
    #[serde(default)]
    pub title: Option<String>,
    /// What it is.
    #[serde(default)]
    pub description: Option<String>,
    /// It must be given.
    #[serde(default)]
    pub required: bool,
}

impl PromptInfo {
    /// A prompt by name and description.
    #[must_use]
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self { name: name.into(), description: Some(description.into()), ..Self::default() }
    }

    /// The same with one more argument.
    #[must_use]
    pub fn argument(
        mut self,
        name: impl Into<String>,
        description: impl Into<String>,
        required: bool,
    ) -> Self {
        let description = Some(description.into());
        self.arguments.push(PromptArgument { name: name.into(), title: None, description, required });
        self
    }

    /// The required arguments that `given` lacks, as the error that names the first.
    ///
    /// # Errors
    /// -32602 (`server/prompts`, Error Handling).
    pub fn check(&self, given: &BTreeMap<String, String>) -> Result<(), Fault> {
        match self.arguments.iter().find(|argument| argument.required && !given.contains_key(&argument.name))
        {
            None => Ok(()),
            Some(missing) => Err(Fault::invalid_params(format!("`arguments.{}` is missing", missing.name))),
        }
    }
}

impl Shape for PromptInfo {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.text("name", &*self.name);
            if revision.has_titles() {
                object.text("title", self.title.as_deref());
            }
            object.text("description", self.description.as_deref());
            object.list("arguments", &self.arguments);
            icons_and_meta(object, &self.icons, self.meta.as_ref());
        });
    }
}

impl Shape for PromptArgument {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.text("name", &*self.name);
            if revision.has_titles() {
                object.text("title", self.title.as_deref());
            }
            object.text("description", self.description.as_deref());
            object.flag("required", self.required.then_some(true));
        });
    }
}

/// A request for a prompt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetPromptParams {
    /// The prompt's name.
    pub name: String,
    /// Values for its arguments.
    pub arguments: BTreeMap<String, String>,
}

impl GetPromptParams {
    /// Reads parameters of `prompts/get`.
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
        }
        let fields: Fields<'_> = params::fields(raw)?;
        Ok(Self {
            name: params::required("name", fields.name)?,
            arguments: params::optional("arguments", fields.arguments)?.unwrap_or_default(),
        })
    }
}

/// One message of a prompt.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct PromptMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Content,
}

impl PromptMessage {
    /// The user says something.
    #[must_use]
    pub const fn user(content: Content) -> Self {
        Self { role: Role::User, content }
    }

    /// The model says something.
    #[must_use]
    pub const fn assistant(content: Content) -> Self {
        Self { role: Role::Assistant, content }
    }
}

impl Shape for PromptMessage {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.shape("role", self.role);
            object.shape("content", &self.content);
        });
    }
}

/// A prompt with its arguments filled in.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct GetPromptResult {
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The messages.
    pub messages: Vec<PromptMessage>,
    /// Metadata: an object.
    #[serde(default, rename = "_meta")]
    pub meta: Option<Raw>,
}

impl ResultShape for GetPromptResult {
    fn members(&self, object: &mut Object<'_>) {
        object.text("description", self.description.as_deref());
        object.shape("messages", &self.messages);
    }

    fn meta(&self) -> Option<&Raw> {
        self.meta.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::result_raw;
    use super::super::write::to_raw;
    use super::*;

    fn raw(text: &'static str) -> Raw {
        Raw::parse(text.into()).expect("JSON")
    }

    #[test]
    fn each_revision_is_told_what_it_knows() {
        let mut prompt = PromptInfo::new("p", "d").argument("a", "the a", true).argument("b", "the b", false);
        prompt.title = Some("P".into());
        prompt.arguments[0].title = Some("A".into());
        prompt.icons = vec![Icon { src: "i".into(), ..Icon::default() }];
        let check = |revision: Revision, expect: &str| assert_eq!(to_raw(&prompt, revision).as_str(), expect);
        check(
            Revision::V2025_03_26,
            r#"{"name":"p","description":"d","arguments":[{"name":"a","description":"the a","required":true},{"name":"b","description":"the b"}]}"#,
        );
        let titled = r#"{"name":"p","title":"P","description":"d","arguments":[{"name":"a","title":"A","description":"the a","required":true},{"name":"b","description":"the b"}]"#;
        check(Revision::V2025_06_18, &format!("{titled}}}"));
        check(Revision::V2025_11_25, &format!(r#"{titled},"icons":[{{"src":"i"}}]}}"#));
        check(Revision::V2026_07_28, &format!(r#"{titled},"icons":[{{"src":"i"}}]}}"#));
    }

    #[test]
    fn a_request_is_read_and_its_arguments_are_strings() {
        let read = |text: &'static str| GetPromptParams::read(&raw(text)).map_err(|fault| fault.message);
        let params = read(r#"{"name":"p","arguments":{"a":"1"}}"#).expect("params");
        assert_eq!((params.name.as_str(), params.arguments["a"].as_str()), ("p", "1"));
        assert_eq!(read("{}"), Err("`name` is missing".into()));
        let wrong = read(r#"{"name":"p","arguments":{"a":1}}"#);
        assert_eq!(wrong, Err("`arguments`: invalid type: integer `1`, expected a string".into()));
        let prompt = PromptInfo::new("p", "d").argument("a", "", true);
        assert_eq!(prompt.check(&params.arguments), Ok(()));
        let fault = prompt.check(&BTreeMap::new()).expect_err("a is required");
        assert_eq!((fault.code, fault.message.as_str()), (-32602, "`arguments.a` is missing"));
    }

    #[test]
    fn a_result_is_its_messages() {
        let result = GetPromptResult {
            description: Some("d".into()),
            messages: vec![
                PromptMessage::user(Content::text("u")),
                PromptMessage::assistant(Content::text("a")),
            ],
            meta: None,
        };
        let body = r#""description":"d","messages":[{"role":"user","content":{"type":"text","text":"u"}},{"role":"assistant","content":{"type":"text","text":"a"}}]}"#;
        assert_eq!(result_raw(Revision::V2024_11_05, &result, None).as_str(), format!("{{{body}"));
        let new = result_raw(Revision::V2026_07_28, &result, None);
        assert_eq!(new.as_str(), format!(r#"{{"resultType":"complete",{body}"#));
    }
}
