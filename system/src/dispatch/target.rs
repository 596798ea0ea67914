//! Which handler serves a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::handler::{
    Complete, Completer, Ctx, HandlerFuture, Prompt, Reply, Resource, Snapshot, Template, Tool, Variables,
};
use crate::jsonrpc::Raw;
use crate::protocol::{
    Cache, CallToolParams, CompleteParams, CompleteResult, CompletionRef, Fault, GetPromptParams, Method,
    Revision, TaskWish, read_uri,
};

/// What serves a request: a handler and what it is given.
#[derive(Debug)]
pub(crate) enum Target {
    /// `tools/call`, with the wish for a task that came with it (2025-11-25).
    Tool(Arc<Tool>, Raw, Option<TaskWish>),
    /// `resources/read` of a resource with its own URI.
    Resource(Arc<Resource>),
    /// `resources/read` of a resource that a template stands for.
    Template(Arc<Template>, Variables),
    /// `prompts/get`
    Prompt(Arc<Prompt>, BTreeMap<String, String>),
    /// `completion/complete`; without a completer there is nothing to suggest.
    Completion(Option<Completer>, Complete),
}

impl Target {
    /// Finds what serves a request.
    ///
    /// # Errors
    /// The fault to answer with: parameters that are wrong, or a name that nobody has.
    pub(crate) fn find(
        snapshot: &Snapshot,
        method: Method,
        params: &Raw,
        revision: Revision,
    ) -> Result<Self, Fault> {
        match method {
            Method::CallTool => {
                let call = CallToolParams::read(params)?;
                let tool = snapshot.tools.get(&*call.name);
                let tool =
                    tool.ok_or_else(|| Fault::invalid_params(format!("Unknown tool: {}", call.name)))?;
                Ok(Self::Tool(tool.clone(), call.arguments, call.task))
            }
            Method::ReadResource => {
                let uri = read_uri(params)?;
                if let Some(resource) = snapshot.resources.get(&uri) {
                    return Ok(Self::Resource(resource.clone()));
                }
                match snapshot.template_for(&uri) {
                    Some((template, variables)) => Ok(Self::Template(template.clone(), variables)),
                    None => Err(Fault::resource_not_found(revision, &uri)),
                }
            }
            Method::GetPrompt => {
                let get = GetPromptParams::read(params)?;
                let prompt = snapshot.prompts.get(&*get.name);
                let prompt =
                    prompt.ok_or_else(|| Fault::invalid_params(format!("Unknown prompt: {}", get.name)))?;
                prompt.info.check(&get.arguments)?;
                Ok(Self::Prompt(prompt.clone(), get.arguments))
            }
            Method::Complete => find_completer(snapshot, params),
            other => Err(Fault::method_not_found(other.as_str())),
        }
    }

    /// Starts the handler.
    pub(crate) fn start(self, ctx: Ctx) -> HandlerFuture {
        match self {
            Self::Tool(tool, arguments, _) => tool.start(ctx, arguments),
            Self::Resource(resource) => resource.start(ctx),
            Self::Template(template, variables) => template.start(ctx, variables),
            Self::Prompt(prompt, arguments) => prompt.start(ctx, arguments),
            Self::Completion(Some(completer), typed) => completer.start(ctx, typed),
            Self::Completion(None, _) => {
                Box::pin(std::future::ready(Ok(Reply::Completion(CompleteResult::all(Vec::new())))))
            }
        }
    }

    /// How long the handler may take, where it has its own word on that.
    pub(crate) fn deadline_ms(&self) -> Option<u64> {
        match self {
            Self::Tool(tool, ..) => tool.deadline_ms,
            _ => None,
        }
    }

    /// How the answer may be cached, where it may.
    pub(crate) fn cache(&self) -> Option<Cache> {
        match self {
            Self::Resource(resource) => Some(resource.caching),
            Self::Template(template, _) => Some(template.caching),
            _ => None,
        }
    }
}

fn find_completer(snapshot: &Snapshot, params: &Raw) -> Result<Target, Fault> {
    let complete = CompleteParams::read(params)?;
    let completers = match &complete.reference {
        CompletionRef::Prompt(name) => {
            let prompt = snapshot.prompts.get(&**name);
            &prompt.ok_or_else(|| Fault::invalid_params(format!("Unknown prompt: {name}")))?.completers
        }
        CompletionRef::Resource(uri) => match snapshot.templates.get(&**uri) {
            Some(template) => &template.completers,
            None if snapshot.resources.contains_key(&**uri) => {
                return Ok(Target::Completion(
                    None,
                    Complete { value: complete.value, context: complete.context },
                ));
            }
            None => return Err(Fault::invalid_params(format!("Unknown resource template: {uri}"))),
        },
    };
    let completer = completers.get(&complete.argument).cloned();
    Ok(Target::Completion(completer, Complete { value: complete.value, context: complete.context }))
}
