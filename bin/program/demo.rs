//! The catalogue that the program serves: small, and each part shows one thing that a server can do.
//!
//! A server of one's own looks like this file. Its handlers ask the world through their context only, so they would run in
//! a simulation as they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use switchboard::handler::{
    Catalogue, Complete, Ctx, Failure, Json, NoArguments, Prompt, Resource, Server, Template, Tool, Variables,
};
use switchboard::protocol::{
    Content, Fault, Field, Form, LogLevel, PromptMessage, ResourceContents, ToolAnnotations, to_iso8601,
};

const GREETINGS: [(&str, &str); 5] =
    [("de", "Guten Tag"), ("en", "Good day"), ("es", "Buenos días"), ("fr", "Bonjour"), ("it", "Buongiorno")];
const STYLES: [&str; 4] = ["brief", "friendly", "nautical", "strict"];

/// Builds the catalogue.
pub(super) fn catalogue() -> Catalogue {
    let server = Server::new("switchboard", env!("CARGO_PKG_VERSION"))
        .title("Switchboard")
        .describe("A clustered MCP server, with a small catalogue to try it by")
        .instructions(
            "A demonstration. `echo` and `add` answer at once, `count` reports progress, `order_coffee` asks the user.",
        );
    let server = server
        .tool(
            Tool::new("echo", |_, echo: Echo| async move { Ok(echo.text) })
                .describe("Gives back the text that it is given")
                .annotate(reads_only()),
        )
        .tool(
            Tool::new("add", add)
                .describe("Adds two whole numbers; the sum is structured content")
                .annotate(reads_only()),
        )
        .tool(
            Tool::new("clock", clock)
                .describe("Tells the server's time, and how long it has been running")
                .annotate(ToolAnnotations { read_only_hint: Some(true), ..ToolAnnotations::default() }),
        )
        .tool(
            Tool::new("count", count)
                .describe("Counts up slowly, with progress and a log message, and stops when it is cancelled")
                .annotate(reads_only()),
        )
        .tool(Tool::new("order_coffee", order_coffee).describe("Asks the user which coffee (elicitation)"));
    server
        .resource(
            Resource::text("switchboard://about", "about", "text/markdown", ABOUT)
                .title("About Switchboard")
                .describe("What this server is"),
        )
        .template(
            Template::new("switchboard://greeting/{language}", "greeting", greeting)
                .title("A greeting")
                .describe("A greeting in a language: de, en, es, fr or it")
                .mime_type("text/plain")
                .complete("language", |_, typed: Complete| async move {
                    Ok(starting_with(GREETINGS.iter().map(|(language, _)| *language), &typed.value))
                }),
        )
        .prompt(
            Prompt::new("review", review)
                .title("Review some code")
                .describe("Asks a model to review code in a style of your choice")
                .complete(
                    "style",
                    |_, typed: Complete| async move { Ok(starting_with(STYLES, &typed.value)) },
                ),
        )
        .build()
        .expect("the schemas of the demonstration must be valid")
}

const ABOUT: &str = "# Switchboard\n\nA clustered MCP server. `switchboard --help` tells how it is run.\n";

fn reads_only() -> ToolAnnotations {
    ToolAnnotations {
        read_only_hint: Some(true),
        idempotent_hint: Some(true),
        open_world_hint: Some(false),
        ..ToolAnnotations::default()
    }
}

fn starting_with<'a>(values: impl IntoIterator<Item = &'a str>, typed: &str) -> Vec<String> {
    values.into_iter().filter(|value| value.starts_with(typed)).map(str::to_owned).collect()
}

/// Arguments of `echo`.
#[derive(Deserialize, JsonSchema)]
struct Echo {
    /// What is given back.
    text: String,
}

/// Arguments of `add`.
#[derive(Deserialize, JsonSchema)]
struct Add {
    /// The first number.
    a: i64,
    /// The second number.
    b: i64,
}

/// The result of `add`.
#[derive(Serialize, JsonSchema)]
struct Sum {
    /// The sum of both.
    sum: i64,
}

async fn add(_: Ctx, Add { a, b }: Add) -> Result<Json<Sum>, Failure> {
    // What a model can do something about is a failure of the tool, and it reads the reason.
    let sum = a.checked_add(b).ok_or_else(|| Failure::tool("the sum does not fit into 64 bits"))?;
    Ok(Json(Sum { sum }))
}

/// The result of `clock`.
#[derive(Serialize, JsonSchema)]
struct Clock {
    /// The time of day in UTC, as ISO 8601 has it.
    time: String,
    /// The same as milliseconds since 1970.
    unix_ms: u64,
    /// Seconds since this node started.
    uptime_s: u64,
}

async fn clock(ctx: Ctx, _: NoArguments) -> Result<Json<Clock>, Failure> {
    let unix_ms = ctx.wall().unix_ms();
    let uptime_s = ctx.now().as_nanos() / 1_000_000_000;
    Ok(Json(Clock { time: to_iso8601(unix_ms), unix_ms, uptime_s }))
}

/// Arguments of `count`.
#[derive(Deserialize, JsonSchema)]
struct Count {
    /// How far to count.
    #[serde(default = "Count::default_to")]
    #[schemars(range(min = 1, max = 100))]
    to: u32,
    /// Milliseconds between two steps.
    #[serde(default = "Count::default_step_ms")]
    #[schemars(range(min = 1, max = 10_000))]
    step_ms: u64,
}

impl Count {
    const fn default_to() -> u32 {
        5
    }

    const fn default_step_ms() -> u64 {
        500
    }
}

async fn count(ctx: Ctx, Count { to, step_ms }: Count) -> Result<String, Failure> {
    ctx.log(LogLevel::Info, Some("count"), &format!("counting to {to}")).await;
    for done in 1..=to {
        ctx.sleep_ms(step_ms).await;
        ctx.progress(f64::from(done), Some(f64::from(to)), Some(&format!("{done} of {to}"))).await;
    }
    Ok(format!("counted to {to}"))
}

/// What the user fills in for `order_coffee`.
#[derive(Deserialize)]
struct Order {
    kind: String,
    #[serde(default)]
    sugar: bool,
}

async fn order_coffee(ctx: Ctx, _: NoArguments) -> Result<String, Failure> {
    let form = Form::default()
        .required("kind", Field::one_of(["espresso", "cappuccino", "filter"]).titled("Which coffee?"))
        .optional("sugar", Field::boolean().titled("With sugar?").default_flag(false));
    match ctx.elicit_as::<Order>("order", "What may it be?", form).await? {
        Some(Order { kind, sugar: true }) => Ok(format!("One {kind} with sugar, coming up.")),
        Some(Order { kind, sugar: false }) => Ok(format!("One {kind}, coming up.")),
        None => Ok("No coffee, then.".to_owned()),
    }
}

async fn greeting(ctx: Ctx, variables: Variables) -> Result<ResourceContents, Failure> {
    let language = variables.get("language").map(String::as_str).unwrap_or_default();
    let uri = format!("switchboard://greeting/{language}");
    match GREETINGS.iter().find(|(known, _)| *known == language) {
        Some((_, text)) => Ok(ResourceContents::text(uri, "text/plain", *text)),
        None => Err(Failure::Fault(Fault::resource_not_found(ctx.client().revision, &uri))),
    }
}

/// Arguments of `review`.
#[derive(Deserialize, JsonSchema)]
struct Review {
    /// The code to review.
    code: String,
    /// How the review is to sound: brief, friendly, nautical or strict.
    #[serde(default)]
    style: Option<String>,
}

async fn review(_: Ctx, Review { code, style }: Review) -> Result<PromptMessage, Failure> {
    let style = style.unwrap_or_else(|| "friendly".to_owned());
    let text = format!(
        "Please review this code, in a {style} style. Name the worst problem first.\n\n```\n{code}\n```"
    );
    Ok(PromptMessage::user(Content::text(text)))
}
