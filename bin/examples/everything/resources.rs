//! Resources: things with a URI that can be read, and templates that stand for many of them.

use switchboard::handler::{Complete, Ctx, Failure, Resource, Template, Variables};
use switchboard::protocol::{Annotations, Cache, ResourceContents, Role};

use crate::content::PNG;

/// A resource that changes; see [`crate::changes::tick`].
pub(crate) const WATCHED: &str = "test://watched-resource";

pub(crate) fn resources() -> Vec<Resource> {
    let for_models =
        Annotations { audience: vec![Role::Assistant], priority: Some(0.9), ..Annotations::default() };
    vec![
        Resource::text("test://static-text", "static-text", "text/plain", "A text that never changes.")
            .title("A text")
            .describe("A text that never changes")
            .annotate(for_models)
            .caching(Cache::public(300_000)),
        Resource::blob("test://static-binary", "static-binary", "image/png", PNG)
            .title("A picture")
            .describe("A red dot that never changes")
            .caching(Cache::public(300_000)),
        Resource::new(WATCHED, "watched", watched)
            .title("The time")
            .describe("Changes every three seconds; subscribe to be told")
            .mime_type("text/plain"),
    ]
}

async fn watched(ctx: Ctx) -> Result<ResourceContents, Failure> {
    Ok(ResourceContents::text(WATCHED, "text/plain", format!("{} ms", ctx.wall().unix_ms())))
}

pub(crate) fn templates() -> Vec<Template> {
    vec![
        Template::new("test://template/{id}/data", "data", data)
            .title("Data")
            .describe("The data of an id")
            .mime_type("application/json")
            .complete("id", suggest_id),
    ]
}

async fn data(_: Ctx, variables: Variables) -> Result<ResourceContents, Failure> {
    let id = variables.get("id").map_or("", String::as_str);
    let data = serde_json::json!({ "id": id, "templateTest": true, "data": format!("Data of {id}") });
    Ok(ResourceContents::text(format!("test://template/{id}/data"), "application/json", data.to_string()))
}

/// Ids that begin with what somebody typed.
async fn suggest_id(_: Ctx, typed: Complete) -> Result<Vec<String>, Failure> {
    Ok((0..100).map(|id| id.to_string()).filter(|id| id.starts_with(&typed.value)).collect())
}
