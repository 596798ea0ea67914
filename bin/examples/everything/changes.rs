//! Changes while clients listen: whoever subscribed is told, in every revision in its own way.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use switchboard::handler::{Catalogue, Ctx, Failure, Prompt, Resource, Tool};
use switchboard::protocol::{Content, PromptMessage};

use crate::resources::WATCHED;

const TOOL: &str = "passing_tool";
const PROMPT: &str = "passing_prompt";
const RESOURCE: &str = "test://passing";

pub(crate) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("test_trigger_tool_change", change_tools).describe("Adds a tool, or takes it away"),
        Tool::new("test_trigger_prompt_change", change_prompts).describe("Adds a prompt, or takes it away"),
        Tool::new("test_trigger_resource_change", change_resources)
            .describe("Adds a resource, or takes it away"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Change {
    /// Whether it is to be there. Where nothing is said it comes and goes again: each node of a cluster has a catalogue of
    /// its own, and they stay the same.
    there: Option<bool>,
}

impl Change {
    fn make<E>(
        &self,
        add: impl FnOnce() -> Result<(), E>,
        remove: impl FnOnce() -> bool,
    ) -> Result<&'static str, E> {
        if self.there != Some(false) {
            add()?;
        }
        if self.there != Some(true) {
            remove();
        }
        Ok(match self.there {
            Some(true) => "Here",
            Some(false) => "Gone",
            None => "Here, and gone",
        })
    }
}

async fn change_tools(ctx: Ctx, change: Change) -> Result<&'static str, Failure> {
    let catalogue = ctx.catalogue();
    let add = || {
        let tool = Tool::without_arguments(TOOL, |_| async { Ok("I may be gone soon") });
        catalogue.add_tool(tool.describe("Comes and goes"))
    };
    Ok(change.make(add, || catalogue.remove_tool(TOOL))?)
}

async fn change_prompts(ctx: Ctx, change: Change) -> Result<&'static str, Failure> {
    let catalogue = ctx.catalogue();
    let add = || {
        let message = PromptMessage::user(Content::text("Say goodbye."));
        catalogue.add_prompt(Prompt::fixed(PROMPT, message).describe("Comes and goes"));
        Ok(())
    };
    change.make(add, || catalogue.remove_prompt(PROMPT))
}

async fn change_resources(ctx: Ctx, change: Change) -> Result<&'static str, Failure> {
    let catalogue = ctx.catalogue();
    let add = || {
        let resource = Resource::text(RESOURCE, "passing", "text/plain", "Read me soon.");
        catalogue.add_resource(resource.describe("Comes and goes"));
        Ok(())
    };
    change.make(add, || catalogue.remove_resource(RESOURCE))
}

/// The server's own clock: no request is needed to change something.
pub(crate) async fn tick(catalogue: Catalogue) {
    let mut every = tokio::time::interval(Duration::from_secs(3));
    loop {
        every.tick().await;
        catalogue.resource_updated(WATCHED);
    }
}
