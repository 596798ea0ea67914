//! Tools: a name, a description, a schema and an async function.

mod prepared;

use std::future::Future;
use std::sync::{Arc, Mutex};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ctx::Ctx;
use super::reply::{Failure, IntoToolResult, Reply};
use super::running::HandlerFuture;
use super::schema::{Schema, SchemaError, schema_of};
use crate::jsonrpc::Raw;
use crate::protocol::{Fault, Icon, Revision, TaskSupport, ToolAnnotations, ToolInfo, headers::ParamHeaders};

use prepared::Prepare;
pub(crate) use prepared::Prepared;

/// For a tool without arguments; see [`Tool::without_arguments`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoArguments {}

impl JsonSchema for NoArguments {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NoArguments".into()
    }

    // The form that 2025-11-25 `server/tools` recommends for a tool without parameters.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "object", "additionalProperties": false })
    }
}

/// For a tool that reads its arguments itself, with a schema given by [`Tool::input_schema`].
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(transparent)]
pub struct RawArguments(pub Raw);

impl JsonSchema for RawArguments {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Arguments".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "object" })
    }
}

type Run = Arc<dyn Fn(Ctx, Raw) -> HandlerFuture + Send + Sync>;

/// A tool, as it is registered.
#[derive(Clone)]
pub struct Tool {
    pub(crate) info: ToolInfo,
    pub(crate) headers: ParamHeaders,
    pub(crate) deadline_ms: Option<u64>,
    input: Schema,
    output: Option<Schema>,
    broken: Option<SchemaError>,
    run: Run,
    /// Where the tool works in two steps, the first of them.
    prepare: Option<Prepare>,
}

impl Tool {
    /// A tool whose work is an async function of its context and its arguments. The arguments' schema is derived.
    pub fn new<A, R, F, H>(name: impl Into<String>, handler: H) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        R: IntoToolResult + Send + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
        H: Fn(Ctx, A) -> F + Send + Sync + 'static,
    {
        let run = move |ctx: Ctx, arguments: Raw| -> HandlerFuture {
            match arguments.decode::<A>() {
                Ok(arguments) => {
                    let work = handler(ctx, arguments);
                    Box::pin(async move { finish(work.await) })
                }
                Err(error) => Box::pin(std::future::ready(refuse(&ctx, &error.to_string()))),
            }
        };
        Self::assemble::<A, R>(name.into(), Arc::new(run))
    }

    /// A tool that takes no arguments.
    pub fn without_arguments<R, F, H>(name: impl Into<String>, handler: H) -> Self
    where
        R: IntoToolResult + Send + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
        H: Fn(Ctx) -> F + Send + Sync + 'static,
    {
        Self::new(name, move |ctx, _: NoArguments| handler(ctx))
    }

    /// A tool whose work blocks: it runs off the event loop, on a thread of its own.
    pub fn blocking<A, R, H>(name: impl Into<String>, handler: H) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        R: IntoToolResult + Send + 'static,
        H: Fn(A) -> Result<R, Failure> + Send + Sync + 'static,
    {
        let handler = Arc::new(handler);
        let run = move |ctx: Ctx, arguments: Raw| -> HandlerFuture {
            match arguments.decode::<A>() {
                Ok(arguments) => Box::pin(run_blocking(ctx, handler.clone(), arguments)),
                Err(error) => Box::pin(std::future::ready(refuse(&ctx, &error.to_string()))),
            }
        };
        Self::assemble::<A, R>(name.into(), Arc::new(run))
    }

    fn assemble<A: JsonSchema, R: IntoToolResult>(name: String, run: Run) -> Self {
        let input = schema_of::<A>();
        let output = R::output_schema();
        let mut info = ToolInfo::new(name, "", encode(input.as_value()));
        info.output_schema = output.as_ref().map(|schema| encode(schema.as_value()));
        let (input, broken) = match Schema::derived(input.as_value()) {
            Ok(schema) => (schema, None),
            Err(error) => (Schema::anything(), Some(error)),
        };
        let mut tool = Self {
            info,
            headers: ParamHeaders::default(),
            deadline_ms: None,
            input,
            output: None,
            broken,
            run,
            prepare: None,
        };
        tool.compile_headers();
        tool
    }

    /// What the tool does, for the model.
    #[must_use]
    pub fn describe(mut self, description: impl Into<String>) -> Self {
        self.info.description = Some(description.into());
        self
    }

    /// A name for people.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.info.title = Some(title.into());
        self
    }

    /// Hints about what the tool does to the world.
    #[must_use]
    pub fn annotate(mut self, annotations: ToolAnnotations) -> Self {
        self.info.annotations = Some(annotations);
        self
    }

    /// A picture of the tool.
    #[must_use]
    pub fn icon(mut self, icon: Icon) -> Self {
        self.info.icons.push(icon);
        self
    }

    /// Metadata that is listed with the tool.
    #[must_use]
    pub fn meta(mut self, meta: Raw) -> Self {
        self.info.meta = Some(meta);
        self
    }

    /// Whether the tool may, or must, run as a task.
    #[must_use]
    pub fn tasks(mut self, support: TaskSupport) -> Self {
        self.info.task_support = support;
        self
    }

    /// How long a call may take, instead of the node's default.
    #[must_use]
    pub const fn deadline_ms(mut self, deadline_ms: u64) -> Self {
        self.deadline_ms = Some(deadline_ms);
        self
    }

    /// A schema for the arguments, written by hand: anything that becomes JSON. Every call is checked against it.
    #[must_use]
    pub fn input_schema(mut self, schema: &impl Serialize) -> Self {
        match Schema::written(schema) {
            Ok((text, compiled)) => {
                (self.info.input_schema, self.input, self.broken) = (text, compiled, None);
                self.compile_headers();
            }
            Err(error) => self.broken = Some(error),
        }
        self
    }

    /// A schema for the structured result, written by hand: anything that becomes JSON. Every result is checked against
    /// it.
    #[must_use]
    pub fn output_schema(mut self, schema: &impl Serialize) -> Self {
        match Schema::written(schema) {
            Ok((text, compiled)) => (self.info.output_schema, self.output) = (Some(text), Some(compiled)),
            Err(error) => self.broken = Some(error),
        }
        self
    }

    fn compile_headers(&mut self) {
        match ParamHeaders::compile(&self.info.input_schema) {
            Ok(headers) => self.headers = headers,
            Err(error) => self.broken = Some(SchemaError::Header(error.to_string())),
        }
    }

    /// Why the tool cannot be registered, if it cannot.
    pub(crate) fn fault(&self) -> Option<&SchemaError> {
        self.broken.as_ref()
    }

    /// Starts a call. Arguments that break the schema fail it before the handler runs.
    pub(crate) fn start(&self, ctx: Ctx, arguments: Raw) -> HandlerFuture {
        if let Err(fault) = self.input.check(&arguments) {
            return Box::pin(std::future::ready(refuse(&ctx, &fault)));
        }
        let work = (self.run)(ctx, arguments);
        let Some(output) = self.output.clone() else { return work };
        Box::pin(async move { work.await.and_then(|reply| check_output(&output, reply)) })
    }
}

impl std::fmt::Debug for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tool").field("name", &self.info.name).finish_non_exhaustive()
    }
}

fn encode(schema: &serde_json::Value) -> Raw {
    Raw::encode(schema).expect("a JSON value must encode")
}

fn finish<R: IntoToolResult>(result: Result<R, Failure>) -> Result<Reply, Fault> {
    match result.and_then(IntoToolResult::into_tool_result) {
        Ok(result) => Ok(Reply::Tool(result)),
        Err(failure) => failure.into_tool_result().map(Reply::Tool),
    }
}

/// Wrong arguments: since 2025-11-25 the model is told, so that it can do better (SEP-1303); before, a protocol error.
fn refuse(ctx: &Ctx, reason: &str) -> Result<Reply, Fault> {
    let message = format!("invalid arguments: {reason}");
    if ctx.client().revision >= Revision::V2025_11_25 {
        Failure::Tool(message).into_tool_result().map(Reply::Tool)
    } else {
        Err(Fault::invalid_params(message))
    }
}

/// A result that breaks the tool's own promise is the server's fault, not the client's.
fn check_output(schema: &Schema, reply: Reply) -> Result<Reply, Fault> {
    if let Reply::Tool(result) = &reply
        && !result.is_error
    {
        let checked = result
            .structured
            .as_ref()
            .map_or(Err("no structured content".to_owned()), |raw| schema.check(raw));
        if let Err(reason) = checked {
            tracing::error!("a tool's result breaks its output schema: {reason}");
            return Err(Fault::internal());
        }
    }
    Ok(reply)
}

async fn run_blocking<A, R, H>(ctx: Ctx, handler: Arc<H>, arguments: A) -> Result<Reply, Fault>
where
    A: Send + 'static,
    R: IntoToolResult + Send + 'static,
    H: Fn(A) -> Result<R, Failure> + Send + Sync + 'static,
{
    let slot = Arc::new(Mutex::new(None));
    let fill = slot.clone();
    let work = Box::new(move || {
        let result = finish(handler(arguments));
        *fill.lock().expect("a result's slot must not be poisoned") = Some(result);
    });
    let done = ctx.inner().facts.around.world.blocking("tool", work).await;
    let result = slot.lock().expect("a result's slot must not be poisoned").take();
    match result {
        Some(result) if done => result,
        _ => Err(Fault::internal()),
    }
}
