//! Tools in two steps: what must be settled before there is a task, and the work that the task is for.
//!
//! A modern client is asked in the first step by its request itself, as for any call, and gets its task once that step
//! is done (SEP-2663, Composition with Multi Round-Trip Requests). Without a task, and in 2025-11-25, where a task is
//! given out at once, the steps just follow each other.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::super::ctx::Ctx;
use super::super::reply::{Failure, IntoToolResult, Reply};
use super::super::running::HandlerFuture;
use super::{Tool, check_output, finish, refuse};
use crate::jsonrpc::Raw;
use crate::protocol::Fault;

/// The second step, ready to run.
pub(crate) type Prepared = Box<dyn FnOnce(Ctx) -> HandlerFuture + Send>;

/// The first step: the second one, or an answer without one.
pub(crate) type Preparing = Pin<Box<dyn Future<Output = Result<Prepared, Result<Reply, Fault>>> + Send>>;

pub(super) type Prepare = Arc<dyn Fn(Ctx, Raw) -> Preparing + Send + Sync>;

impl Tool {
    /// A tool whose work is prepared: `prepare` may ask the client, and only what it gives becomes a task. If it fails,
    /// there is none.
    pub fn prepared<A, P, R, F, G, H, W>(name: impl Into<String>, prepare: H, work: W) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        P: Send + 'static,
        R: IntoToolResult + Send + 'static,
        F: Future<Output = Result<P, Failure>> + Send + 'static,
        G: Future<Output = Result<R, Failure>> + Send + 'static,
        H: Fn(Ctx, A) -> F + Send + Sync + 'static,
        W: Fn(Ctx, P) -> G + Send + Sync + 'static,
    {
        let work = Arc::new(work);
        let prepare = move |ctx: Ctx, arguments: Raw| -> Preparing {
            let arguments = match arguments.decode::<A>() {
                Ok(arguments) => arguments,
                Err(error) => return Box::pin(ready(Err(refuse(&ctx, &error.to_string())))),
            };
            let (preparing, work) = (prepare(ctx, arguments), work.clone());
            Box::pin(async move {
                let prepared =
                    preparing.await.map_err(|failure| failure.into_tool_result().map(Reply::Tool))?;
                Ok(Box::new(move |ctx| {
                    let working = work(ctx, prepared);
                    Box::pin(async move { finish(working.await) }) as HandlerFuture
                }) as Prepared)
            })
        };
        let prepare: Prepare = Arc::new(prepare);
        let first = prepare.clone();
        let run = move |ctx: Ctx, arguments: Raw| -> HandlerFuture {
            let preparing = first(ctx.clone(), arguments);
            Box::pin(async move {
                match preparing.await {
                    Ok(work) => work(ctx).await,
                    Err(answer) => answer,
                }
            })
        };
        Self { prepare: Some(prepare), ..Self::assemble::<A, R>(name.into(), Arc::new(run)) }
    }

    /// Starts the first step of a call. Of a tool in one step it is done at once.
    pub(crate) fn prepare(&self, ctx: Ctx, arguments: Raw) -> Preparing {
        let Some(prepare) = &self.prepare else {
            let tool = self.clone();
            return Box::pin(ready(Ok(Box::new(move |ctx| tool.start(ctx, arguments)) as Prepared)));
        };
        if let Err(fault) = self.input.check(&arguments) {
            return Box::pin(ready(Err(refuse(&ctx, &fault))));
        }
        let preparing = prepare(ctx, arguments);
        let Some(output) = self.output.clone() else { return preparing };
        Box::pin(async move {
            let work = preparing.await?;
            Ok(Box::new(move |ctx| {
                let working = work(ctx);
                Box::pin(async move { working.await.and_then(|reply| check_output(&output, reply)) })
                    as HandlerFuture
            }) as Prepared)
        })
    }
}
