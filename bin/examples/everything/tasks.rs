//! Tasks: work that outlives its request. The client gets a task to look after instead of an answer; the handler is
//! written as any other, and what it asks becomes part of the task.

use futures_util::future::try_join;
use schemars::JsonSchema;
use serde::Deserialize;
use switchboard::handler::{Ctx, Failure, NoArguments, Tool};
use switchboard::protocol::{ElicitAction, ElicitResult, Fault, Field, Form, TaskSupport};

pub(crate) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("slow_compute", slow_compute)
            .describe("Computes for some seconds")
            .tasks(TaskSupport::Optional)
            .deadline_ms(120_000),
        Tool::without_arguments("failing_job", failing_job)
            .describe("Works for a second and fails")
            .tasks(TaskSupport::Required),
        Tool::without_arguments("protocol_error_job", protocol_error_job)
            .describe("Ends with an error of the protocol")
            .tasks(TaskSupport::Required),
        Tool::new("confirm_delete", confirm_delete)
            .describe("Deletes a file, if the user agrees")
            .tasks(TaskSupport::Optional),
        Tool::prepared("test_tool_with_task", who, compute_for)
            .describe("Asks the user who they are, then computes for them")
            .tasks(TaskSupport::Required),
        Tool::without_arguments("multi_input", multi_input)
            .describe("Asks the user two things at once")
            .tasks(TaskSupport::Optional),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct SlowCompute {
    /// How long to compute.
    #[schemars(range(max = 100))]
    seconds: u64,
    /// A name for the result.
    #[serde(default)]
    label: String,
}

/// Cancelling the task drops the handler where it waits.
async fn slow_compute(ctx: Ctx, SlowCompute { seconds, label }: SlowCompute) -> Result<String, Failure> {
    for second in 0..seconds {
        ctx.progress(second as f64, Some(seconds as f64), None).await;
        ctx.sleep_ms(1_000).await;
    }
    Ok(format!("{label}: computed for {seconds} s"))
}

async fn failing_job(ctx: Ctx) -> Result<(), Failure> {
    ctx.sleep_ms(1_000).await;
    Err(Failure::tool("This job fails whenever it runs"))
}

async fn protocol_error_job(ctx: Ctx) -> Result<(), Failure> {
    ctx.sleep_ms(100).await;
    Err(Fault::internal().into())
}

#[derive(Deserialize, JsonSchema)]
struct ConfirmDelete {
    /// The file. None is touched, whatever the user says.
    filename: String,
}

async fn confirm_delete(ctx: Ctx, ConfirmDelete { filename }: ConfirmDelete) -> Result<String, Failure> {
    let form = Form::new().required("confirm", Field::boolean().titled("Delete it"));
    let answer = ctx.elicit("confirm", &format!("Delete {filename}?"), form).await?;
    let yes = answer.action == ElicitAction::Accept && answer.field("confirm") == Some(true);
    Ok(format!("{filename} is {}", if yes { "deleted" } else { "still there" }))
}

/// The client may answer one question now and the other later.
async fn multi_input(ctx: Ctx) -> Result<String, Failure> {
    let form = || Form::new().required("name", Field::text());
    let (first, second) = try_join(
        ctx.elicit("first", "Who is the first?", form()),
        ctx.elicit("second", "Who is the second?", form()),
    )
    .await?;
    let name = |answer: &ElicitResult| answer.field("name").unwrap_or("?".to_owned());
    Ok(format!("{} and {}", name(&first), name(&second)))
}

/// A step before the task: only its answer makes one.
async fn who(ctx: Ctx, _: NoArguments) -> Result<String, Failure> {
    let form = Form::new().required("name", Field::text());
    let answer = ctx.elicit("user_name", "For whom?", form).await?;
    answer.field("name").ok_or_else(|| Failure::tool("nobody wanted it"))
}

async fn compute_for(ctx: Ctx, name: String) -> Result<String, Failure> {
    ctx.sleep_ms(500).await;
    Ok(format!("Computed for {name}"))
}
