//! Completion: how an argument may go on.
//!
//! Source: `server/utilities/completion` of each revision and its schema.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jsonrpc::Raw;

use super::shape::ResultShape;
use super::write::Object;
use super::{Fault, params};

/// The most values that an answer may have.
pub const VALUES_MAX: usize = 100;

/// What is being filled in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CompletionRef {
    /// A prompt, by name.
    Prompt(String),
    /// A resource or a template, by URI.
    Resource(String),
}

/// A question for values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompleteParams {
    /// What is being filled in.
    pub reference: CompletionRef,
    /// The argument's name.
    pub argument: String,
    /// What it begins with.
    pub value: String,
    /// Arguments that are filled in already (since 2025-06-18).
    pub context: BTreeMap<String, String>,
}

impl CompleteParams {
    /// Reads parameters of `completion/complete`.
    ///
    /// # Errors
    /// -32602 that names the field.
    pub fn read(raw: &Raw) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow, default, rename = "ref")]
            reference: Option<&'a RawValue>,
            #[serde(borrow, default)]
            argument: Option<&'a RawValue>,
            #[serde(borrow, default)]
            context: Option<&'a RawValue>,
        }
        #[derive(Deserialize)]
        struct Argument {
            name: String,
            value: String,
        }
        #[derive(Deserialize, Default)]
        struct Context {
            #[serde(default)]
            arguments: BTreeMap<String, String>,
        }
        let fields: Fields<'_> = params::fields(raw)?;
        let Argument { name, value } = params::required("argument", fields.argument)?;
        let context: Option<Context> = params::optional("context", fields.context)?;
        Ok(Self {
            reference: read_reference(params::required("ref", fields.reference)?)?,
            argument: name,
            value,
            context: context.unwrap_or_default().arguments,
        })
    }
}

#[derive(Deserialize)]
struct Reference {
    r#type: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    uri: Option<String>,
}

fn read_reference(reference: Reference) -> Result<CompletionRef, Fault> {
    let missing = |field: &str| Fault::invalid_params(format!("`ref.{field}` is missing"));
    match reference.r#type.as_str() {
        "ref/prompt" => reference.name.map(CompletionRef::Prompt).ok_or_else(|| missing("name")),
        "ref/resource" => reference.uri.map(CompletionRef::Resource).ok_or_else(|| missing("uri")),
        other => Err(Fault::invalid_params(format!(
            "`ref.type`: `{other}` is neither ref/prompt nor ref/resource"
        ))),
    }
}

/// Values that an argument may have.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CompleteResult {
    values: Vec<String>,
    total: Option<u64>,
    has_more: bool,
}

impl CompleteResult {
    /// All values there are, best first. What is beyond [`VALUES_MAX`] is counted and cut.
    #[must_use]
    pub fn all(mut values: Vec<String>) -> Self {
        let total = values.len();
        values.truncate(VALUES_MAX);
        Self { values, total: Some(total as u64), has_more: total > VALUES_MAX }
    }

    /// The best of more values than we know the number of.
    #[must_use]
    pub fn some(mut values: Vec<String>, total: Option<u64>) -> Self {
        values.truncate(VALUES_MAX);
        Self { values, total, has_more: true }
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }
}

impl ResultShape for CompleteResult {
    fn members(&self, object: &mut Object<'_>) {
        object.object("completion", |completion| {
            completion.shape("values", &self.values);
            completion.count("total", self.total);
            completion.flag("hasMore", self.has_more);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::Revision;
    use super::super::shape::result_raw;
    use super::*;

    #[test]
    fn a_question_is_about_a_prompt_or_a_resource() {
        let read = |text: &'static str| {
            CompleteParams::read(&Raw::parse(text.into()).expect("JSON")).map_err(|fault| fault.message)
        };
        let params = read(
            r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"x"},"context":{"arguments":{"b":"1"}}}"#,
        )
        .expect("params");
        assert_eq!(params.reference, CompletionRef::Prompt("p".into()));
        assert_eq!(
            (params.argument.as_str(), params.value.as_str(), params.context["b"].as_str()),
            ("a", "x", "1")
        );
        let params =
            read(r#"{"ref":{"type":"ref/resource","uri":"a:{b}"},"argument":{"name":"b","value":""}}"#);
        assert_eq!(params.map(|params| params.reference), Ok(CompletionRef::Resource("a:{b}".into())));
        let check = |text: &'static str, expect: &str| assert_eq!(read(text), Err(expect.into()));
        check("{}", "`argument` is missing");
        check(r#"{"argument":{"name":"a"}}"#, "`argument`: missing field `value`");
        check(r#"{"argument":{"name":"a","value":""}}"#, "`ref` is missing");
        check(r#"{"argument":{"name":"a","value":""},"ref":{"type":"ref/prompt"}}"#, "`ref.name` is missing");
        check(
            r#"{"argument":{"name":"a","value":""},"ref":{"type":"x"}}"#,
            "`ref.type`: `x` is neither ref/prompt nor ref/resource",
        );
    }

    #[test]
    fn an_answer_has_at_most_a_hundred_values_and_says_how_many_there_are() {
        let check = |result: &CompleteResult, expect: &str| {
            assert_eq!(result_raw(Revision::V2024_11_05, result, None).as_str(), expect);
        };
        check(&CompleteResult::default(), r#"{"completion":{"values":[],"hasMore":false}}"#);
        let one = CompleteResult::all(vec!["x".into()]);
        check(&one, r#"{"completion":{"values":["x"],"total":1,"hasMore":false}}"#);
        let many = CompleteResult::all((0..150).map(|n| n.to_string()).collect());
        assert_eq!((many.values().len(), many.total, many.has_more), (100, Some(150), true));
        let some = CompleteResult::some(vec!["x".into()], None);
        check(&some, r#"{"completion":{"values":["x"],"hasMore":true}}"#);
    }
}
