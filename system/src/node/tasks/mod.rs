//! Tasks: calls that outlive their request.
//!
//! Two spellings of one thing. In 2025-11-25 the client wishes for a task with its call, and fetches the result with
//! `tasks/result`; in 2026-07-28 the server decides, and `tasks/get` brings result and questions along. Both keep their
//! tasks in the [`Store`](crate::task::Store), which may say that it does not know.
//!
//! Source: 2025-11-25 `basic/utilities/tasks`; SEP-2663 for the extension `io.modelcontextprotocol/tasks`.

mod create;
mod desk;
mod feed;
mod methods;
mod port;
mod result;
mod run;
mod store;

pub(super) use create::create;
pub(super) use desk::{Desk, StoreRedeem};
pub(super) use feed::TaskFeed;
pub(super) use methods::work;
pub(super) use store::ClusterStore;

use crate::handler::{Ctx, HandlerFuture};

/// Work of the node's own that is carried like a handler's.
pub(super) type Work = Box<dyn FnOnce(Ctx) -> HandlerFuture + Send>;
