//! Changes while clients listen: whoever subscribed is told, in every revision in its own way.

use std::time::Duration;

use switchboard::handler::{Catalogue, Ctx, Failure, Prompt, Resource, Tool};
use switchboard::protocol::{Content, PromptMessage};

use crate::resources::WATCHED;

pub(crate) fn tools() -> Vec<Tool> {
    vec![
        Tool::without_arguments("test_trigger_tool_change", change_tools)
            .describe("Adds a tool, or takes it away"),
        Tool::without_arguments("test_trigger_prompt_change", change_prompts)
            .describe("Adds a prompt, or takes it away"),
        Tool::without_arguments("test_trigger_resource_change", change_resources)
            .describe("Adds a resource, or takes it away"),
    ]
}

async fn change_tools(ctx: Ctx) -> Result<&'static str, Failure> {
    let catalogue = ctx.catalogue();
    if catalogue.remove_tool("passing_tool") {
        return Ok("Gone");
    }
    let tool = Tool::without_arguments("passing_tool", |_| async { Ok("I may be gone soon") });
    catalogue.add_tool(tool.describe("Comes and goes"))?;
    Ok("Here")
}

async fn change_prompts(ctx: Ctx) -> Result<&'static str, Failure> {
    let catalogue = ctx.catalogue();
    if catalogue.remove_prompt("passing_prompt") {
        return Ok("Gone");
    }
    let message = PromptMessage::user(Content::text("Say goodbye."));
    catalogue.add_prompt(Prompt::fixed("passing_prompt", message).describe("Comes and goes"));
    Ok("Here")
}

async fn change_resources(ctx: Ctx) -> Result<&'static str, Failure> {
    let (catalogue, uri) = (ctx.catalogue(), "test://passing");
    if catalogue.remove_resource(uri) {
        return Ok("Gone");
    }
    catalogue.add_resource(
        Resource::text(uri, "passing", "text/plain", "Read me soon.").describe("Comes and goes"),
    );
    Ok("Here")
}

/// The server's own clock: no request is needed to change something.
pub(crate) async fn tick(catalogue: Catalogue) {
    let mut every = tokio::time::interval(Duration::from_secs(3));
    loop {
        every.tick().await;
        catalogue.resource_updated(WATCHED);
    }
}
