//! `tasks/result` (2025-11-25): waits for the end of a task, and meanwhile carries its questions to the client.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::super::core::Core;
use super::desk::{TaskKey, error_object};
use super::port::{StoredAnswer, StoredQuestion};
use crate::env::{Either, Env, race};
use crate::handler::{AskError, Ctx, Reply};
use crate::jsonrpc::Raw;
use crate::protocol::{Fault, Object, ResultShape};
use crate::task::{Action, Status, Task};

/// Waits for the end of a task and gives what its call would have been answered.
pub(super) async fn wait_for_result<E: Env>(
    core: &Arc<Core<E>>,
    key: TaskKey,
    ctx: &Ctx,
) -> Result<Reply, Fault> {
    let mut watch = core.desk.watch(key).await?;
    let mut asked = BTreeSet::new();
    let mut answers = FuturesUnordered::new();
    loop {
        let task = core.desk.get(key).await?;
        if task.status().is_terminal() {
            return outcome(&task);
        }
        for (name, request) in task.open_inputs() {
            if asked.insert(name.to_owned()) {
                let question: StoredQuestion = request.decode().expect("a stored question must read back");
                let name: Arc<str> = name.into();
                answers.push(async move { (name, ctx.ask_again(&question.method, &question.params).await) });
            }
        }
        // Without questions under way there is no answer to wait for, rather than an end of answers.
        let answer = poll_fn(|cx| match answers.poll_next_unpin(cx) {
            Poll::Ready(Some(answer)) => Poll::Ready(answer),
            _ => Poll::Pending,
        });
        match race(answer, watch.changed()).await {
            Either::Left((name, answer)) => deliver(core, key, name, answer).await?,
            Either::Right(Ok(_)) => {}
            Either::Right(Err(_)) => return Err(Fault::invalid_params("Task has expired")),
        }
    }
}

async fn deliver<E: Env>(
    core: &Core<E>,
    key: TaskKey,
    name: Arc<str>,
    answer: Result<Raw, AskError>,
) -> Result<(), Fault> {
    let answer = match answer {
        Ok(result) => StoredAnswer::Result(result),
        Err(AskError::Refused(error)) => StoredAnswer::Error(Raw::text(&error)),
        // The client did not answer here; it may yet do so on another request for this result.
        Err(_) => return Ok(()),
    };
    core.desk.act(key, Action::Answer(vec![(name, answer.encode())])).await.map(|_| ())
}

/// A result that was written when the task ended, for the revision of its client.
struct Written(Raw);

impl ResultShape for Written {
    fn members(&self, object: &mut Object<'_>) {
        let members: std::collections::BTreeMap<String, Raw> =
            self.0.decode().expect("a result must be an object");
        for (key, value) in &members {
            object.key_text(key).extend_from_slice(value.bytes());
        }
    }

    fn size_hint(&self) -> usize {
        64 + self.0.bytes().len()
    }
}

fn outcome(task: &Task) -> Result<Reply, Fault> {
    if let Some(result) = task.result() {
        return Ok(Reply::Node(Box::new(Written(result.clone()))));
    }
    if let Some(error) = task.error() {
        let error = error_object(error);
        let fault = Fault::new(error.code, error.message);
        return Err(match error.data {
            Some(data) => fault.with_data(data),
            None => fault,
        });
    }
    debug_assert_eq!(task.status(), Status::Cancelled, "only a cancelled task ends without a result");
    Err(Fault::cancelled())
}
