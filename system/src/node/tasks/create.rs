//! Whether a call becomes a task, and making it one.

use std::sync::Arc;

use super::super::core::Core;
use super::super::serve::Caller;
use super::Work;
use super::desk::{TaskKey, wire_task};
use super::run::Job;
use crate::dispatch::Target;
use crate::env::Env;
use crate::handler::{Ctx, Prepared, Reply};
use crate::jsonrpc::Raw;
use crate::protocol::{CallMode, Fault, RequestMeta, TaskCreated};
use crate::seal::{Principal, TaskTicket};
use crate::task::{Call, Command, Create, Reply as Stored};

/// How often a client should ask.
const POLL_INTERVAL_MS: u64 = 500;

/// The work of making a call a task, where it is to become one.
///
/// # Errors
/// The fault to answer with, where a task is needed or unwanted and the client does not see it the same way.
pub(in crate::node) fn create<E: Env>(
    core: &Arc<Core<E>>,
    caller: &Caller<E>,
    target: &Target,
    params: &Raw,
    meta: &RequestMeta,
) -> Result<Option<Work>, Fault> {
    let Target::Tool(tool, arguments, wish) = target else { return Ok(None) };
    let client = &caller.client;
    // Where it is ours to decide: a tool that may run as a task was made for it.
    match tool.info.task_support.mode(client.revision, wish.is_some(), &client.capabilities)? {
        CallMode::Direct => return Ok(None),
        CallMode::Task | CallMode::Either => {}
    }
    let id = core.mint_task();
    let key = TaskKey { id, principal: owner(caller) };
    let ticket = TaskTicket { tenant: 0, principal: key.principal, id, created: core.env.wall() };
    let sealed: Arc<str> = ticket.seal(&core.keys).into();
    let command = Command::Create(Create {
        id,
        sealed: sealed.clone(),
        principal: key.principal,
        ttl_ms: Some(wish.and_then(|wish| wish.ttl_ms).unwrap_or(core.limits.task_ttl_ms)),
        poll_interval_ms: Some(POLL_INTERVAL_MS),
        executor: Some(core.cluster.me()),
        call: Call { method: "tools/call".into(), tool: tool.info.name.as_str().into() },
    });
    let job = Job {
        key,
        sealed,
        params: params.clone(),
        client: caller.client.clone(),
        seat: caller.seat.clone(),
        progress_token: meta.progress_token.clone(),
        log_level: caller.log_level,
    };
    let (core, tool, arguments) = (core.clone(), tool.clone(), arguments.clone());
    Ok(Some(Box::new(move |ctx: Ctx| {
        Box::pin(async move {
            // A modern client answers what is asked before its task by its request (SEP-2663, Composition). In
            // 2025-11-25 the task comes first, and what is asked is the task's.
            let work: Prepared = if ctx.client().revision.is_modern() {
                match tool.prepare(ctx, arguments).await {
                    Ok(work) => work,
                    Err(answer) => return answer,
                }
            } else {
                Box::new(move |ctx| tool.start(ctx, arguments))
            };
            // The handle goes out only once the task is there to be found.
            let Stored::Done(summary) = core.desk.apply(command).await? else {
                unreachable!("creating a task must give the task");
            };
            job.start(&core, work, summary.ttl_ms);
            Ok(Reply::Node(Box::new(TaskCreated(wire_task(&summary)))))
        })
    })))
}

/// Whose a task is: the principal's. Anonymous callers cannot be told apart, so theirs are their session's; without a
/// session only the id itself protects a task (2025-11-25 `tasks`, Security).
pub(super) fn owner<E: Env>(caller: &Caller<E>) -> Principal {
    match &caller.seat {
        Some(seat) if caller.client.principal.is_anonymous() => Principal(seat.session.id.digest()),
        _ => caller.client.principal.digest(),
    }
}
