//! Prompts: messages that a person chooses. Arguments are the fields of a type; what may be missing is optional.

use schemars::JsonSchema;
use serde::Deserialize;
use switchboard::handler::{Complete, Ctx, Failure, Prompt};
use switchboard::protocol::{Content, Field, Form, PromptMessage, ResourceContents};

use crate::content::picture;

pub(crate) fn prompts() -> Vec<Prompt> {
    let look =
        vec![PromptMessage::user(picture()), PromptMessage::user(Content::text("What is to be seen here?"))];
    vec![
        Prompt::fixed("test_simple_prompt", PromptMessage::user(Content::text("Say something.")))
            .title("Something")
            .describe("Always the same"),
        Prompt::fixed("test_prompt_with_image", look).describe("Shows a picture"),
        Prompt::new("test_prompt_with_arguments", with_arguments)
            .describe("Takes two arguments")
            .complete("arg1", suggest_word),
        Prompt::new("test_prompt_with_embedded_resource", with_resource).describe("Brings a resource along"),
        Prompt::without_arguments("test_input_required_result_prompt", with_question)
            .describe("Asks the user first"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct WithArguments {
    /// The first.
    arg1: String,
    /// The second.
    arg2: String,
}

async fn with_arguments(
    _: Ctx,
    WithArguments { arg1, arg2 }: WithArguments,
) -> Result<PromptMessage, Failure> {
    Ok(PromptMessage::user(Content::text(format!("Compare '{arg1}' with '{arg2}'."))))
}

/// Suggestions may depend on what is decided already: see [`Complete::context`].
async fn suggest_word(_: Ctx, typed: Complete) -> Result<Vec<String>, Failure> {
    let words = ["paris", "park", "party", "test", "testament", "testing"];
    let fitting = words.into_iter().filter(|word| word.starts_with(&typed.value));
    Ok(fitting.map(str::to_owned).collect())
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct WithResource {
    /// Whose contents to bring along.
    resource_uri: String,
}

async fn with_resource(
    _: Ctx,
    WithResource { resource_uri }: WithResource,
) -> Result<Vec<PromptMessage>, Failure> {
    let contents = ResourceContents::text(resource_uri, "text/plain", "What the resource holds.");
    Ok(vec![
        PromptMessage::user(Content::resource(contents)),
        PromptMessage::user(Content::text("Summarise this resource.")),
    ])
}

/// Prompts can ask back as tools do.
async fn with_question(ctx: Ctx) -> Result<PromptMessage, Failure> {
    let form = Form::new().required("context", Field::text());
    let answer = ctx.elicit("user_context", "What is it about?", form).await?;
    let about = answer.field::<String>("context").unwrap_or_else(|| "anything".into());
    Ok(PromptMessage::user(Content::text(format!("Tell me about {about}."))))
}
