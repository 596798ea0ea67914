//! `subscriptions/listen` (2026-07-28 `patterns/subscriptions`): a request whose answer is a stream of notifications, as
//! long as both sides want it.

use std::sync::Arc;

use super::core::Core;
use super::home::OWNER_MS_MAX;
use super::hub::{EarId, Listen};
use super::serve::Caller;
use super::stateless::Lone;
use super::tasks::TaskFeed;
use super::trouble;
use crate::dispatch::capabilities;
use crate::env::Env;
use crate::protocol::{
    Acknowledged, Fault, Revision, SubscriptionEnded, SubscriptionFilter, call_message, name, result_message,
};
use crate::session::Queue;

/// An open subscription. Dropped, it is over.
pub(super) struct Listening<E: Env> {
    core: Arc<Core<E>>,
    listen: Arc<Listen>,
    ear: EarId,
    _tasks: TaskFeed<E>,
    _topics: Topics<E>,
}

impl<E: Env> Listening<E> {
    /// Opens a subscription whose messages go to `log`. The acknowledgement is the first of them.
    ///
    /// # Errors
    /// The fault to answer with; nothing was opened.
    pub(super) async fn open(
        core: &Arc<Core<E>>,
        lone: &Lone,
        caller: &Caller<E>,
        log: Arc<Queue>,
        alone: bool,
    ) -> Result<Self, Fault> {
        if core.hub.listens_len() >= core.limits.listens_max {
            return Err(Fault::overloaded("this node has as many subscriptions as it may have"));
        }
        let wanted =
            SubscriptionFilter::read(&lone.request.params, core.limits.subscriptions_per_session_max)?;
        if let Some(missing) = caller.client.capabilities.missing(wanted.needs()) {
            return Err(Fault::missing_capability(missing));
        }
        let mut filter = wanted.granted(&capabilities(&core.catalogue.snapshot()));
        let tasks = TaskFeed::keys(core, caller, &mut filter);
        let topics = Topics::hold(core, filter.resource_subscriptions.clone());
        topics.heard().await?;
        let listen =
            Arc::new(Listen { subscription: lone.request.id.clone(), filter, log: log.clone(), alone });
        let params = Acknowledged { request_id: listen.subscription.clone(), granted: listen.filter.clone() };
        log.append(call_message(None, name::SUBSCRIPTIONS_ACKNOWLEDGED, lone.revision, &params));
        // Only now may notifications come: the acknowledgement is in the queue before them.
        let ear = core.hub.add_listen(listen.clone());
        core.metrics.streams.inc();
        let tasks = TaskFeed::start(core, tasks, &listen);
        Ok(Self { core: core.clone(), listen, ear, _tasks: tasks, _topics: topics })
    }

    /// Ends the subscription in order, with its result.
    pub(super) fn finish(self) {
        self.listen.finish(&self.core.server_info);
    }
}

/// The resources that a subscription hears of. Dropped, they are let go of.
struct Topics<E: Env> {
    core: Arc<Core<E>>,
    uris: Vec<String>,
}

impl<E: Env> Topics<E> {
    fn hold(core: &Arc<Core<E>>, uris: Vec<String>) -> Self {
        core.cluster.hold(uris.iter().map(String::as_str));
        Self { core: core.clone(), uris }
    }

    /// Waits until every change from now on is heard here: the acknowledgement promises that.
    async fn heard(&self) -> Result<(), Fault> {
        let due = self.core.env.now().after_ms(OWNER_MS_MAX);
        for uri in &self.uris {
            self.core.cluster.heard(uri, due).await.map_err(trouble)?;
        }
        Ok(())
    }
}

impl<E: Env> Drop for Topics<E> {
    fn drop(&mut self) {
        self.core.cluster.release(self.uris.iter().map(String::as_str));
    }
}

impl Listen {
    /// Says that the subscription is over: the result of its request.
    pub(super) fn finish(&self, server_info: &crate::jsonrpc::Raw) {
        let result = SubscriptionEnded::new(&self.subscription);
        self.log.append(result_message(
            &self.subscription,
            Revision::LATEST_MODERN,
            &result,
            Some(server_info),
        ));
    }
}

impl<E: Env> Drop for Listening<E> {
    fn drop(&mut self) {
        self.core.hub.remove(self.ear);
        self.core.metrics.streams.dec();
    }
}
