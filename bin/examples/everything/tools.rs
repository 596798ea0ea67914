//! Tools: async functions with typed arguments. The schema that clients see is derived from the type; doc comments on its
//! fields describe them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use switchboard::handler::{Ctx, Failure, Json, RawArguments, Tool};
use switchboard::protocol::{LogLevel, ToolAnnotations};

pub(crate) fn tools() -> Vec<Tool> {
    let reads = ToolAnnotations { read_only_hint: Some(true), ..ToolAnnotations::default() };
    vec![
        Tool::new("greet", greet).title("Greet").describe("Greets somebody by name").annotate(reads.clone()),
        Tool::new("add", add).describe("Adds two numbers, for programs to read").annotate(reads),
        Tool::blocking("count_primes", count_primes).describe("Counts primes, on a thread of its own"),
        Tool::new("query_region", query_region).describe("Takes an argument that proxies see in a header"),
        Tool::new("json_schema_2020_12_tool", contact)
            .input_schema(&contact_schema())
            .describe("Takes arguments by a schema that is written by hand"),
        Tool::without_arguments("test_error_handling", fail).describe("Always fails"),
        Tool::without_arguments("test_tool_with_progress", progress).describe("Reports progress"),
        Tool::without_arguments("test_tool_with_logging", log).describe("Says what it does"),
        Tool::without_arguments("test_logging_tool", log)
            .describe("Says what it does, to whoever asked for it"),
        Tool::without_arguments("test_reconnection", reconnect)
            .describe("Lets its client go in the middle of the call and come back for the answer"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Greet {
    /// Whom to greet.
    name: String,
}

async fn greet(_: Ctx, Greet { name }: Greet) -> Result<String, Failure> {
    Ok(format!("Hello, {name}!"))
}

#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

/// Any error becomes the tool's failure by `?`, and the model reads it.
async fn add(_: Ctx, Add { a, b }: Add) -> Result<Json<Sum>, Failure> {
    let sum = a.checked_add(b).ok_or_else(|| Failure::tool("the sum is too large"))?;
    Ok(Json(Sum { sum }))
}

#[derive(Deserialize, JsonSchema)]
struct CountPrimes {
    /// Count those below this number.
    #[schemars(range(max = 1_000_000))]
    below: u32,
}

/// No context and no `async`: this one would hold up the event loop.
fn count_primes(CountPrimes { below }: CountPrimes) -> Result<String, Failure> {
    let is_prime = |n: &u32| (2..*n).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    Ok((2..below).filter(is_prime).count().to_string())
}

#[derive(Deserialize, JsonSchema)]
struct QueryRegion {
    /// Where to ask. Clients repeat it as `Mcp-Param-Region`, so that a proxy can route by it.
    #[schemars(extend("x-mcp-header" = "Region"))]
    region: String,
    /// What to ask.
    #[serde(default)]
    query: String,
}

async fn query_region(_: Ctx, QueryRegion { region, query }: QueryRegion) -> Result<String, Failure> {
    Ok(format!("{region} knows nothing of {query:?}"))
}

async fn contact(_: Ctx, RawArguments(arguments): RawArguments) -> Result<String, Failure> {
    Ok(format!("The schema allows {}", arguments.as_str()))
}

async fn fail(_: Ctx) -> Result<(), Failure> {
    Err(Failure::tool("This tool fails whenever it is called"))
}

/// Sent only to clients that gave a progress token; the others just wait.
async fn progress(ctx: Ctx) -> Result<&'static str, Failure> {
    for done in [0, 50, 100] {
        ctx.progress(f64::from(done), Some(100.0), Some(&format!("{done} of 100"))).await;
        ctx.sleep_ms(50).await;
    }
    Ok("Done")
}

/// Sent only to clients that want messages of this level.
async fn log(ctx: Ctx) -> Result<&'static str, Failure> {
    for step in ["started", "half way", "finished"] {
        ctx.log(LogLevel::Info, Some("tools"), step).await;
        ctx.sleep_ms(50).await;
    }
    Ok("Logged")
}

/// A client of 2025-11-25 can wait without a connection: it comes back after the time that it is told.
async fn reconnect(ctx: Ctx) -> Result<&'static str, Failure> {
    ctx.close_stream(100);
    ctx.sleep_ms(200).await;
    Ok("You came back")
}

fn contact_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } }
            }
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" }
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false
    })
}
