//! What a server is made of: tools, resources and prompts as async functions, and the context that they work in.
//!
//! A handler is written once. For a stateful client a question ([`Ctx::elicit`], [`Ctx::sample`], [`Ctx::roots`]) is a
//! request to the client, and the handler waits. For a stateless one the call ends, and its retry runs the handler
//! **again from the top**: questions that were answered return at once. So a handler must ask the same questions in the
//! same way each time, and wrap what must not happen twice in [`Ctx::once`] or guard it by [`Ctx::redeem`].
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//! use switchboard::handler::{Ctx, Failure, Server, Tool};
//! use switchboard::protocol::{Field, Form};
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Order {
//!     /// How many cups.
//!     cups: u32,
//! }
//!
//! /// Works for clients of every revision, also for those that cannot be asked while the call waits.
//! async fn order(ctx: Ctx, Order { cups }: Order) -> Result<String, Failure> {
//!     let form = Form::new().required("milk", Field::boolean().titled("With milk"));
//!     let answer = ctx.elicit("milk", "How do you like your coffee?", form).await?;
//!     let milk = answer.field("milk").unwrap_or(false);
//!     ctx.progress(1.0, Some(2.0), Some("brewing")).await;
//!     ctx.sleep_ms(50).await;
//!     Ok(format!("{cups} cups {} milk", if milk { "with" } else { "without" }))
//! }
//!
//! let catalogue = Server::new("coffee", "1.0.0")
//!     .tool(Tool::new("order", order).describe("Orders coffee"))
//!     .tool(Tool::without_arguments("menu", |_| async { Ok("Coffee, with or without milk") }).describe("What there is"))
//!     .build()?;
//! # Ok::<(), switchboard::handler::BuildError>(())
//! ```
//!
//! A [`Node`](crate::node::Node) serves the catalogue: see the example `everything` of `switchboard-bin`.
//!
//! This module knows no bytes on a wire, no sessions and no clock but its context's.

mod ask;
mod asks;

mod catalogue;
mod completion;
mod ctx;
mod outbox;
mod prompt;
mod replay;
mod reply;
mod resource;
mod running;
mod schema;
mod server;
mod tool;

pub use crate::cancel::CancelReason;
pub use crate::client::{Client, Principal};
pub use ask::AskError;
pub use catalogue::Catalogue;
pub use completion::Complete;
pub use ctx::Ctx;
pub use prompt::{IntoPrompt, Prompt};
pub use reply::{Failure, IntoToolResult, Json};
pub use resource::{IntoContents, Resource, Template, Variables};
pub use schema::SchemaError;
pub use server::{BuildError, Server};
pub use tool::{NoArguments, RawArguments, Tool};

pub(crate) use ask::{Answering, AskPort, Asked, Question, TaskPort};
pub(crate) use catalogue::{Change, ChangeSink, Snapshot};
pub(crate) use completion::Completer;
pub(crate) use ctx::{Asking, CallFacts, Surroundings};
pub(crate) use replay::{Hex, Progress, Replay};
pub(crate) use reply::Reply;
pub(crate) use running::{End, HandlerFuture, Running, Step};
pub(crate) use tool::Prepared;

use std::future::Future;
use std::pin::Pin;

/// The store that knows which calls were redeemed.
pub(crate) trait Redeem: Send + Sync {
    /// Takes a redemption: true the first time.
    fn redeem(&self, id: u128) -> Pin<Box<dyn Future<Output = Result<bool, AskError>> + Send>>;
}
