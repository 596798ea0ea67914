//! Telling a `subscriptions/listen` stream how tasks stand (SEP-2663, Task Status Notifications).

use std::sync::Arc;

use super::super::core::Core;
use super::super::hub::Listen;
use super::super::serve::Caller;
use super::desk::{TaskKey, view};
use super::methods::find;
use crate::env::{Env, Task as _};
use crate::protocol::{Revision, SubscriptionFilter, call_message, name, subscription_meta};

/// The tasks that a subscription hears of. Dropped, it hears no more.
pub(in crate::node) struct TaskFeed<E: Env>(Vec<E::Task>);

impl<E: Env> TaskFeed<E> {
    /// The tasks of a filter that are the caller's; the others are taken out of the filter.
    pub(in crate::node) fn keys(
        core: &Core<E>,
        caller: &Caller<E>,
        filter: &mut SubscriptionFilter,
    ) -> Vec<FeedKey> {
        let mut keys = Vec::new();
        filter.task_ids.retain(|id| match find(core, caller, id) {
            Ok(key) => {
                keys.push(FeedKey(key));
                true
            }
            Err(_) => false,
        });
        keys
    }

    /// Starts telling: how each task stands now, and then each change until its end.
    pub(in crate::node) fn start(core: &Arc<Core<E>>, keys: Vec<FeedKey>, listen: &Arc<Listen>) -> Self {
        let start = |key: FeedKey| {
            let (core, listen) = (core.clone(), listen.clone());
            let env = core.env.clone();
            env.spawn("task feed", async move { tell(&core, key.0, &listen).await })
        };
        Self(keys.into_iter().map(start).collect())
    }
}

/// A task that may be told of.
pub(in crate::node) struct FeedKey(TaskKey);

async fn tell<E: Env>(core: &Core<E>, key: TaskKey, listen: &Listen) {
    let Ok(mut watch) = core.desk.watch(key).await else { return };
    loop {
        let Ok(task) = core.desk.get(key).await else { return };
        let view = view(&task, Some(subscription_meta(&listen.subscription)));
        listen.log.append_when_room(call_message(None, name::TASKS, Revision::LATEST_MODERN, &view)).await;
        if task.status().is_terminal() || watch.changed().await.is_err() {
            return;
        }
    }
}

impl<E: Env> Drop for TaskFeed<E> {
    fn drop(&mut self) {
        self.0.iter().for_each(|task| task.abort());
    }
}
