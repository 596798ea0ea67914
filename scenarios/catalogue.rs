//! The server of every scenario: a few tools that do to a node what handlers do. Each notes that it ran, and puts the
//! mark of its caller into everything that it says.

use std::future::ready;

use schemars::JsonSchema;
use serde::Deserialize;
use switchboard::handler::{Catalogue, Ctx, Failure, Resource, Server, Tool};
use switchboard::protocol::{ElicitAction, Field, Form, LogLevel, TaskSupport};
use switchboard_sim::check::{History, Mark, Matter};

/// What every tool is called with.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Arguments {
    /// Whose call it is.
    pub(crate) mark: String,
    /// How many steps it takes.
    pub(crate) steps: u32,
}

/// The resource that `poke` changes.
pub const BOARD: &str = "note://board";
/// How long a hanging call is let hang.
const HANG_MS_MAX: u64 = 2_000;
/// Milliseconds between two steps.
const STEP_MS: u64 = 200;
/// Bytes of one message of `pour`.
const POUR_BYTES: usize = 8 * 1024;

/// The server of every scenario.
///
/// # Panics
/// Where a schema of ours is wrong.
#[must_use]
pub fn catalogue(history: &History) -> Catalogue {
    Server::new("scenario", "1.0.0")
        .tool(tool(history, "echo", |_, arguments| async move { Ok(arguments.mark) }))
        .tool(tool(history, "slow", slow))
        .tool(tool(history, "ask", ask))
        .tool(tool(history, "panic", |_, _| async move { panic!("this tool always panics") }))
        .tool(tool(history, "hang", |_, _| std::future::pending()).deadline_ms(HANG_MS_MAX))
        .tool(tool(history, "poke", {
            let history = history.clone();
            move |ctx: Ctx, arguments| {
                history.changes(Matter::Board);
                ctx.catalogue().resource_updated(BOARD);
                ready(Ok(arguments.mark))
            }
        }))
        .tool(tool(history, "relist", {
            let history = history.clone();
            move |ctx: Ctx, arguments| {
                history.changes(Matter::Resources);
                ctx.catalogue().add_resource(board());
                ready(Ok(arguments.mark))
            }
        }))
        .tool(tool(history, "pour", pour))
        .tool(tool(history, "work", work).tasks(TaskSupport::Optional))
        .tool(tool(history, "quiz", quiz).tasks(TaskSupport::Optional))
        .resource(board())
        .build()
        .expect("the schemas of the scenario's tools must be valid")
}

fn board() -> Resource {
    Resource::text(BOARD, "board", "text/plain", "nothing yet")
}

pub(crate) fn tool<F, H>(history: &History, name: &str, work: H) -> Tool
where
    F: Future<Output = Result<String, Failure>> + Send + 'static,
    H: Fn(Ctx, Arguments) -> F + Send + Sync + 'static,
{
    let history = history.clone();
    Tool::new(name, move |ctx: Ctx, arguments: Arguments| {
        if let Some(mark) = Mark::parse(arguments.mark.trim_matches('~')) {
            history.ran(mark);
        }
        work(ctx, arguments)
    })
}

/// Reports each step, and says something about it.
async fn slow(ctx: Ctx, arguments: Arguments) -> Result<String, Failure> {
    for step in 1..=arguments.steps {
        ctx.progress(f64::from(step), Some(f64::from(arguments.steps)), Some(&arguments.mark)).await;
        ctx.sleep_ms(STEP_MS).await;
        ctx.log(LogLevel::Info, None, &arguments.mark).await;
    }
    Ok(arguments.mark)
}

/// Takes its time.
async fn work(ctx: Ctx, arguments: Arguments) -> Result<String, Failure> {
    for _ in 0..arguments.steps {
        ctx.sleep_ms(STEP_MS).await;
    }
    Ok(arguments.mark)
}

/// Asks for a word, under the caller's own mark.
async fn ask(ctx: Ctx, arguments: Arguments) -> Result<String, Failure> {
    let form = Form::default().required("word", Field::text());
    let answer = ctx.elicit("word", &arguments.mark, form).await?;
    match answer.action {
        ElicitAction::Accept => Ok(arguments.mark),
        _ => Err(Failure::tool("declined")),
    }
}

/// Asks in the middle of its work.
async fn quiz(ctx: Ctx, arguments: Arguments) -> Result<String, Failure> {
    ctx.sleep_ms(STEP_MS).await;
    let answered = ask(ctx.clone(), arguments).await;
    ctx.sleep_ms(STEP_MS).await;
    answered
}

/// Says more than a connection holds.
async fn pour(ctx: Ctx, arguments: Arguments) -> Result<String, Failure> {
    let message = format!("{}{}", arguments.mark, "x".repeat(POUR_BYTES));
    for _ in 0..arguments.steps {
        ctx.log(LogLevel::Info, None, &message).await;
    }
    Ok(arguments.mark)
}
