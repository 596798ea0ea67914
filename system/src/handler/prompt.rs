//! Prompts: messages that a person chooses, filled in with arguments.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::completion::{Complete, Completer};
use super::ctx::Ctx;
use super::reply::{Failure, Reply};
use super::running::HandlerFuture;
use super::schema::schema_of;
use super::tool::NoArguments;
use crate::protocol::{Fault, GetPromptResult, Icon, PromptArgument, PromptInfo, PromptMessage};

type Run = Arc<dyn Fn(Ctx, BTreeMap<String, String>) -> HandlerFuture + Send + Sync>;

/// What a prompt gives: messages, with or without a description.
pub trait IntoPrompt {
    /// The result.
    fn into_prompt(self) -> GetPromptResult;
}

impl IntoPrompt for GetPromptResult {
    fn into_prompt(self) -> GetPromptResult {
        self
    }
}

impl IntoPrompt for Vec<PromptMessage> {
    fn into_prompt(self) -> GetPromptResult {
        GetPromptResult { messages: self, ..GetPromptResult::default() }
    }
}

impl IntoPrompt for PromptMessage {
    fn into_prompt(self) -> GetPromptResult {
        vec![self].into_prompt()
    }
}

/// A prompt, as it is registered.
#[derive(Clone)]
pub struct Prompt {
    pub(crate) info: PromptInfo,
    pub(crate) completers: BTreeMap<String, Completer>,
    run: Run,
}

impl Prompt {
    /// A prompt that an async function fills in. Its arguments are the fields of `A`, all of them texts; a field that may
    /// be missing is an optional argument, and a field's doc comment describes it.
    pub fn new<A, R, F, H>(name: impl Into<String>, handler: H) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        R: IntoPrompt + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
        H: Fn(Ctx, A) -> F + Send + Sync + 'static,
    {
        let run = move |ctx: Ctx, arguments: BTreeMap<String, String>| -> HandlerFuture {
            let values = arguments.into_iter().map(|(name, value)| (name, serde_json::Value::String(value)));
            match serde_json::from_value::<A>(values.collect()) {
                Ok(arguments) => {
                    let work = handler(ctx, arguments);
                    Box::pin(async move {
                        match work.await {
                            Ok(prompt) => Ok(Reply::Prompt(prompt.into_prompt())),
                            Err(failure) => Err(failure.into_fault()),
                        }
                    })
                }
                Err(error) => {
                    let fault = Fault::invalid_params(format!("invalid arguments: {error}"));
                    Box::pin(std::future::ready(Err(fault)))
                }
            }
        };
        let arguments = arguments_of(schema_of::<A>().as_value());
        let info = PromptInfo { name: name.into(), arguments, ..PromptInfo::default() };
        Self { info, completers: BTreeMap::new(), run: Arc::new(run) }
    }

    /// A prompt that takes no arguments.
    pub fn without_arguments<R, F, H>(name: impl Into<String>, handler: H) -> Self
    where
        R: IntoPrompt + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
        H: Fn(Ctx) -> F + Send + Sync + 'static,
    {
        Self::new(name, move |ctx, _: NoArguments| handler(ctx))
    }

    /// A prompt that is always the same.
    pub fn fixed(name: impl Into<String>, prompt: impl IntoPrompt) -> Self {
        let prompt = prompt.into_prompt();
        Self::without_arguments(name, move |_| std::future::ready(Ok(prompt.clone())))
    }

    /// A name for people.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.info.title = Some(title.into());
        self
    }

    /// What the prompt is for.
    #[must_use]
    pub fn describe(mut self, description: impl Into<String>) -> Self {
        self.info.description = Some(description.into());
        self
    }

    /// A picture of the prompt.
    #[must_use]
    pub fn icon(mut self, icon: Icon) -> Self {
        self.info.icons.push(icon);
        self
    }

    /// Suggests values for an argument.
    #[must_use]
    pub fn complete<F, H>(mut self, argument: impl Into<String>, handler: H) -> Self
    where
        F: Future<Output = Result<Vec<String>, Failure>> + Send + 'static,
        H: Fn(Ctx, Complete) -> F + Send + Sync + 'static,
    {
        self.completers.insert(argument.into(), Completer::new(handler));
        self
    }

    /// Starts a call.
    pub(crate) fn start(&self, ctx: Ctx, arguments: BTreeMap<String, String>) -> HandlerFuture {
        (self.run)(ctx, arguments)
    }
}

impl std::fmt::Debug for Prompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prompt").field("name", &self.info.name).finish_non_exhaustive()
    }
}

/// Reads the arguments of a prompt out of the schema of their type, in the order of the schema's properties.
fn arguments_of(schema: &serde_json::Value) -> Vec<PromptArgument> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(|v| v.as_str()).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| PromptArgument {
            name: name.clone(),
            description: property["description"].as_str().map(str::to_owned),
            required: required.contains(&name.as_str()),
            ..PromptArgument::default()
        })
        .collect()
}
