//! Suggestions for the value of an argument while somebody types it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use super::ctx::Ctx;
use super::reply::{Failure, Reply};
use super::running::HandlerFuture;
use crate::protocol::CompleteResult;

/// What is being typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complete {
    /// What stands there so far.
    pub value: String,
    /// The arguments that are already decided, by name.
    pub context: BTreeMap<String, String>,
}

/// An async function that suggests values.
#[derive(Clone)]
pub(crate) struct Completer(Arc<dyn Fn(Ctx, Complete) -> HandlerFuture + Send + Sync>);

impl Completer {
    pub(crate) fn new<F, H>(handler: H) -> Self
    where
        F: Future<Output = Result<Vec<String>, Failure>> + Send + 'static,
        H: Fn(Ctx, Complete) -> F + Send + Sync + 'static,
    {
        Self(Arc::new(move |ctx, typed| {
            let work = handler(ctx, typed);
            Box::pin(async move {
                match work.await {
                    Ok(values) => Ok(Reply::Completion(CompleteResult::all(values))),
                    Err(failure) => Err(failure.into_fault()),
                }
            })
        }))
    }

    pub(crate) fn start(&self, ctx: Ctx, typed: Complete) -> HandlerFuture {
        (self.0)(ctx, typed)
    }
}

impl std::fmt::Debug for Completer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Completer(..)")
    }
}
