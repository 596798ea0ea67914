//! Asking back: a handler asks the client's user, its model or its roots, and goes on with the answer.
//!
//! To clients before 2026-07-28 a question is a request, and the handler waits. Since then the call ends with the question
//! and the handler **runs again from the top** with the answer: the same code serves both. Each question has a name; what
//! comes before it must ask the same each time, and what must not happen twice goes into [`Ctx::once`].

use futures_util::future::try_join3;
use schemars::JsonSchema;
use serde::Deserialize;
use switchboard::handler::{AskError, Ctx, Failure, Tool};
use switchboard::protocol::{CreateMessageParams, ElicitAction, Field, Form};

pub(crate) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("test_elicitation", ask_user).describe("Asks the user who they are"),
        Tool::new("test_sampling", ask_model).describe("Asks the client's model"),
        Tool::without_arguments("test_missing_capability", ask_haiku).describe("Needs a client with a model"),
        Tool::without_arguments("test_elicitation_url", visit).describe("Sends the user to a web page"),
        Tool::without_arguments("book_table", book).describe("Books a table, once, however often it runs"),
        Tool::without_arguments("test_input_required_result_elicitation", name)
            .describe("Asks the user for a name"),
        Tool::without_arguments("test_input_required_result_sampling", capital)
            .describe("Asks the model for a capital"),
        Tool::without_arguments("test_input_required_result_list_roots", roots)
            .describe("Asks the client for its roots"),
        Tool::without_arguments("test_input_required_result_request_state", confirm)
            .describe("Asks the user to confirm"),
        Tool::without_arguments("test_input_required_result_tampered_state", confirm)
            .describe("Asks the user to confirm, with a state that nobody may change"),
        Tool::without_arguments("test_streaming_elicitation", report_and_confirm)
            .describe("Reports progress, then asks the user to confirm"),
        Tool::without_arguments("test_input_required_result_multiple_inputs", all_at_once)
            .describe("Asks the user, the model and for roots, all at once"),
        Tool::without_arguments("test_input_required_result_multi_round", twice)
            .describe("Asks the user twice, one question after the other"),
        Tool::without_arguments("test_input_required_result_capabilities", whoever_is_there)
            .describe("Asks the user, or the model where the user cannot be asked"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct AskUser {
    /// What to tell the user.
    message: String,
}

/// What the user fills in.
#[derive(Deserialize)]
struct Person {
    username: String,
    email: String,
}

async fn ask_user(ctx: Ctx, AskUser { message }: AskUser) -> Result<String, Failure> {
    let form = Form::new()
        .required("username", Field::text().described("Your name"))
        .required("email", Field::text().described("Your address"));
    Ok(match ctx.elicit_as("person", &message, form).await? {
        Some(Person { username, email }) => format!("{username} can be reached at {email}"),
        None => "The user did not want to say".into(),
    })
}

#[derive(Deserialize, JsonSchema)]
struct AskModel {
    /// What to ask.
    prompt: String,
}

async fn ask_model(ctx: Ctx, AskModel { prompt }: AskModel) -> Result<String, Failure> {
    let answer = ctx.sample("answer", CreateMessageParams::text(prompt, 100)).await?;
    Ok(format!("{} says: {}", answer.model, answer.text()))
}

/// What a client did not declare is not asked: by `?` the call fails with the error that names it.
async fn ask_haiku(ctx: Ctx) -> Result<String, Failure> {
    Ok(ctx.sample("haiku", CreateMessageParams::text("Write a haiku", 50)).await?.text())
}

/// For what must not pass through the client, such as a password.
async fn visit(ctx: Ctx) -> Result<String, Failure> {
    let action = ctx.elicit_url("visit", "Please sign in", "https://example.com/sign-in", "visit-1").await?;
    Ok(format!("The user said: {}", action.as_str()))
}

/// The number is drawn once, although to a stateless client the handler runs twice. And the table is booked once even if
/// the client sends its answer twice.
async fn book(ctx: Ctx) -> Result<String, Failure> {
    let number =
        ctx.once("number", async { Ok::<_, Failure>(ctx.entropy("table").next_u64() % 100) }).await?;
    if !agrees(&ctx, &format!("Table {number}?")).await? {
        return Ok("Nothing is booked".into());
    }
    if !ctx.redeem().await? {
        return Err(Failure::tool("this table is booked already"));
    }
    Ok(format!("Table {number} is yours"))
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

async fn name(ctx: Ctx) -> Result<String, Failure> {
    Ok(match ctx.elicit_as("user_name", "What is your name?", name_form()).await? {
        Some(Name { name }) => format!("Hello, {name}!"),
        None => "Hello, whoever you are!".into(),
    })
}

async fn capital(ctx: Ctx) -> Result<String, Failure> {
    let question = CreateMessageParams::text("What is the capital of France?", 100);
    Ok(ctx.sample("capital_question", question).await?.text())
}

async fn roots(ctx: Ctx) -> Result<String, Failure> {
    let roots = ctx.roots("client_roots").await?;
    let uris: Vec<String> = roots.into_iter().map(|root| root.uri).collect();
    Ok(format!("{} roots: {}", uris.len(), uris.join(", ")))
}

/// Between question and answer the state of the call is with the client, sealed: it can be neither read nor changed.
async fn confirm(ctx: Ctx) -> Result<&'static str, Failure> {
    Ok(if agrees(&ctx, "Please confirm").await? { "Confirmed: state-ok" } else { "Not confirmed" })
}

async fn report_and_confirm(ctx: Ctx) -> Result<&'static str, Failure> {
    ctx.progress(1.0, Some(2.0), Some("a question")).await;
    confirm(ctx).await
}

/// Questions that are asked together are sent together, where that saves a round.
async fn all_at_once(ctx: Ctx) -> Result<String, Failure> {
    let (person, greeting, roots) = try_join3(
        ctx.elicit_as::<Name>("user_name", "What is your name?", name_form()),
        ctx.sample("greeting", CreateMessageParams::text("Invent a greeting", 50)),
        ctx.roots("client_roots"),
    )
    .await?;
    let name = person.map_or_else(|| "you".into(), |person| person.name);
    Ok(format!("{} {name} has {} roots", greeting.text(), roots.len()))
}

async fn twice(ctx: Ctx) -> Result<String, Failure> {
    let name = ctx.elicit("step1", "What is your name?", name_form()).await?.field::<String>("name");
    let colour = Form::new().required("color", Field::text());
    let colour =
        ctx.elicit("step2", "What is your favourite colour?", colour).await?.field::<String>("color");
    Ok(format!("{} likes {}", name.unwrap_or("Somebody".into()), colour.unwrap_or("no colour".into())))
}

/// Asking fails at once where the client cannot be asked. A handler that can do without goes on.
async fn whoever_is_there(ctx: Ctx) -> Result<String, Failure> {
    match ctx.elicit_as::<Name>("user_name", "What is your name?", name_form()).await {
        Ok(person) => Ok(person.map_or_else(|| "nobody".into(), |person| person.name)),
        Err(AskError::Unsupported(_)) => {
            Ok(ctx.sample("name", CreateMessageParams::text("Invent a name", 10)).await?.text())
        }
        Err(error) => Err(error.into()),
    }
}

fn name_form() -> Form {
    Form::new().required("name", Field::text().titled("Your name").between(1.0, 100.0))
}

async fn agrees(ctx: &Ctx, question: &str) -> Result<bool, AskError> {
    let form = Form::new().required("ok", Field::boolean().titled("Yes"));
    let answer = ctx.elicit("confirm", question, form).await?;
    Ok(answer.action == ElicitAction::Accept && answer.field("ok") == Some(true))
}
