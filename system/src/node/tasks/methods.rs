//! `tasks/get`, `tasks/update`, `tasks/cancel`, `tasks/list` and `tasks/result`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::core::Core;
use super::super::serve::Caller;
use super::super::unopened;
use super::Work;
use super::create::owner;
use super::desk::{TaskKey, view, wire_task};
use super::port::StoredAnswer;
use super::result::wait_for_result;
use crate::env::Env;
use crate::handler::Reply;
use crate::jsonrpc::Raw;
use crate::protocol::{
    EmptyResult, Fault, Method, Need, Object, Page, ResultShape, Task, TaskAnswers, read_cursor, read_task_id,
};
use crate::seal::TaskTicket;
use crate::task::{Action, Command, Position, Reply as Stored};

/// The work of a method on tasks.
///
/// # Errors
/// The fault to answer with, where parameters or capabilities are wrong.
pub(in crate::node) fn work<E: Env>(
    core: &Arc<Core<E>>,
    caller: &Caller<E>,
    method: Method,
    params: &Raw,
) -> Result<Work, Fault> {
    let client = &caller.client;
    if client.revision.is_modern()
        && let Some(missing) = client.capabilities.missing(&[Need::Tasks])
    {
        return Err(Fault::missing_capability(missing));
    }
    if method == Method::ListTasks {
        return list(core, caller, params);
    }
    let key = find(core, caller, &read_task_id(params)?)?;
    let core = core.clone();
    let modern = client.revision.is_modern();
    Ok(match method {
        Method::GetTask => Box::new(move |_| {
            Box::pin(async move { Ok(Reply::Node(Box::new(view(&*core.desk.get(key).await?, None)))) })
        }),
        Method::UpdateTask => {
            let answers = TaskAnswers::read(params)?.responses.into_iter();
            let answers =
                answers.map(|(name, raw)| (name.into(), StoredAnswer::Result(raw).encode())).collect();
            Box::new(move |_| {
                Box::pin(async move {
                    core.desk.act(key, Action::Answer(answers)).await?;
                    Ok(Reply::Node(Box::new(EmptyResult)))
                })
            })
        }
        Method::CancelTask => Box::new(move |_| Box::pin(async move { cancel(&core, key, modern).await })),
        _ => Box::new(move |ctx| Box::pin(async move { wait_for_result(&core, key, &ctx).await })),
    })
}

/// The task that an id names, if it is the caller's. Whether it (still) is one, the store says.
pub(super) fn find<E: Env>(core: &Core<E>, caller: &Caller<E>, name: &str) -> Result<TaskKey, Fault> {
    let principal = owner(caller);
    match TaskTicket::open(&core.keys, name) {
        Some(ticket) if ticket.principal == principal => Ok(TaskKey { id: ticket.id, principal }),
        _ => Err(unopened(&core.keys, name, Fault::invalid_params("Task not found"))),
    }
}

/// Cancelled is cancelled before the answer goes out. To cancel what has ended is an error in 2025-11-25, and nothing
/// in the extension, which only acknowledges.
async fn cancel<E: Env>(core: &Core<E>, key: TaskKey, modern: bool) -> Result<Reply, Fault> {
    if !modern {
        core.desk.act(key, Action::Cancel).await?;
        let task = core.desk.get(key).await?;
        return Ok(Reply::Node(Box::new(view(&task, None))));
    }
    core.desk.cancel(key).await?;
    Ok(Reply::Node(Box::new(EmptyResult)))
}

fn list<E: Env>(core: &Arc<Core<E>>, caller: &Caller<E>, params: &Raw) -> Result<Work, Fault> {
    let after = read_cursor(params)?.map(|cursor| decode_cursor(&cursor)).transpose()?;
    let command = Command::List { principal: owner(caller), after, limit: core.limits.page_len };
    let core = core.clone();
    Ok(Box::new(move |_| {
        Box::pin(async move {
            let Stored::Page(page) = core.desk.apply(command).await? else {
                unreachable!("listing tasks must give a page");
            };
            let tasks = page.tasks.iter().map(wire_task).collect();
            Ok(Reply::Node(Box::new(TaskPage { tasks, next: page.next.map(encode_cursor) })))
        })
    }))
}

/// A page that owns its tasks.
struct TaskPage {
    tasks: Vec<Task>,
    next: Option<String>,
}

impl ResultShape for TaskPage {
    fn members(&self, object: &mut Object<'_>) {
        let page = Page { name: "tasks", items: &self.tasks, next_cursor: self.next.as_deref(), cache: None };
        page.members(object);
    }
}

fn encode_cursor(position: Position) -> String {
    URL_SAFE_NO_PAD.encode(position.0.to_be_bytes())
}

fn decode_cursor(cursor: &str) -> Result<Position, Fault> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes.ok_or_else(|| Fault::invalid_params("`cursor` was not issued by this server"))?;
    Ok(Position(u64::from_be_bytes(bytes)))
}
