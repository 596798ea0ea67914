//! Who wants to hear of changes, and telling them.
//!
//! Two kinds of ears: channels (stateful revisions: every list change, and the resources they subscribed to) and
//! `subscriptions/listen` streams (2026-07-28: what each asked for). Sessions that the cluster keeps hear through the group
//! that keeps them. Both kinds are told through the queue of a stream, under a
//! topic: what waits there already is not queued twice, so a client that does not read costs a bounded amount.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::handler::Change;
use crate::jsonrpc::{Id, Raw};
use crate::protocol::{
    Notice, ResourceUpdated, Revision, SubscriptionFilter, call_message, name, subscription_meta,
};
use crate::session::{Queue, Session};

/// Names an ear.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct EarId(u64);

/// A `subscriptions/listen` stream.
#[derive(Debug)]
pub(super) struct Listen {
    /// The id of the request that opened it, which every message on it names.
    pub(super) subscription: Id,
    /// What it wants to hear.
    pub(super) filter: SubscriptionFilter,
    /// Where it is told.
    pub(super) log: Arc<Queue>,
    /// Whether the log is this subscription's alone, and ends with it.
    pub(super) alone: bool,
}

#[derive(Clone, Debug)]
enum Ear {
    Channel(Arc<Session>, Arc<Queue>),
    Listen(Arc<Listen>),
}

/// All ears of a node.
#[derive(Debug, Default)]
pub(super) struct Hub(Mutex<Ears>);

#[derive(Debug, Default)]
struct Ears {
    last: u64,
    listens: usize,
    by_id: BTreeMap<EarId, Ear>,
    by_uri: BTreeMap<Box<str>, BTreeSet<EarId>>,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Ears> {
        self.0.lock().expect("hub must not be poisoned")
    }

    /// Adds the session of a channel.
    pub(super) fn add_channel(&self, session: Arc<Session>, queue: Arc<Queue>) -> EarId {
        self.lock().add(Ear::Channel(session, queue))
    }

    /// Adds a `subscriptions/listen` stream.
    pub(super) fn add_listen(&self, listen: Arc<Listen>) -> EarId {
        let ears = &mut *self.lock();
        let id = ears.add(Ear::Listen(listen.clone()));
        ears.listens += 1;
        for uri in &listen.filter.resource_subscriptions {
            ears.by_uri.entry(uri.as_str().into()).or_default().insert(id);
        }
        id
    }

    /// An ear wants to hear of a resource.
    pub(super) fn subscribe(&self, id: EarId, uri: &str) {
        self.lock().by_uri.entry(uri.into()).or_default().insert(id);
    }

    /// An ear no longer wants to hear of a resource.
    pub(super) fn unsubscribe(&self, id: EarId, uri: &str) {
        self.lock().forget(id, uri);
    }

    /// Removes an ear and what it subscribed to.
    pub(super) fn remove(&self, id: EarId) {
        let ears = &mut *self.lock();
        let uris: Vec<Box<str>> = match ears.by_id.remove(&id) {
            None => return,
            Some(Ear::Channel(session, _)) => session.subscriptions(),
            Some(Ear::Listen(listen)) => {
                ears.listens -= 1;
                listen.filter.resource_subscriptions.iter().map(|uri| uri.as_str().into()).collect()
            }
        };
        for uri in uris {
            ears.forget(id, &uri);
        }
    }

    /// The number of `subscriptions/listen` streams.
    pub(super) fn listens_len(&self) -> usize {
        self.lock().listens
    }

    /// The session of every channel, in the order of opening.
    pub(super) fn channels(&self) -> Vec<Arc<Session>> {
        let ears = self.lock();
        let sessions = ears.by_id.values().filter_map(|ear| match ear {
            Ear::Channel(session, _) => Some(session.clone()),
            Ear::Listen(_) => None,
        });
        sessions.collect()
    }

    /// Every `subscriptions/listen` stream, in the order of opening.
    fn listens(&self) -> Vec<Arc<Listen>> {
        let ears = self.lock();
        let listens = ears.by_id.values().filter_map(|ear| match ear {
            Ear::Listen(listen) => Some(listen.clone()),
            Ear::Channel(..) => None,
        });
        listens.collect()
    }
}

impl Ears {
    fn add(&mut self, ear: Ear) -> EarId {
        self.last += 1;
        let id = EarId(self.last);
        self.by_id.insert(id, ear);
        id
    }

    fn forget(&mut self, id: EarId, uri: &str) {
        if let Some(ids) = self.by_uri.get_mut(uri) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_uri.remove(uri);
            }
        }
    }
}

impl Hub {
    /// Ends `subscriptions/listen` streams in order, each with its result. Those on a channel end with their channel.
    pub(super) fn finish_listens(&self, server_info: &Raw, which: impl Fn(&Listen) -> bool) {
        for listen in self.listens().iter().filter(|listen| listen.alone && which(listen)) {
            listen.finish(server_info);
            listen.log.finish();
        }
    }

    /// Tells every ear that wants to hear of a change.
    pub(super) fn tell(&self, change: &Change) {
        let ears: Vec<Ear> = {
            let ears = self.lock();
            match change {
                Change::ResourceUpdated(uri) => {
                    let ids = ears.by_uri.get(uri.as_str()).into_iter().flatten();
                    ids.filter_map(|id| ears.by_id.get(id).cloned()).collect()
                }
                _ => ears.by_id.values().cloned().collect(),
            }
        };
        ears.iter().for_each(|ear| ear.tell(change));
    }
}

impl Ear {
    fn tell(&self, change: &Change) {
        let (method, uri) = match change {
            Change::ToolsChanged => (name::TOOLS_LIST_CHANGED, None),
            Change::PromptsChanged => (name::PROMPTS_LIST_CHANGED, None),
            Change::ResourcesChanged => (name::RESOURCES_LIST_CHANGED, None),
            Change::ResourceUpdated(uri) => (name::RESOURCES_UPDATED, Some(uri.as_str())),
        };
        let (log, meta, revision) = match self {
            Self::Channel(session, queue) => (queue, None, session.client.revision),
            Self::Listen(listen) if wants(&listen.filter, change) => {
                (&listen.log, Some(subscription_meta(&listen.subscription)), Revision::LATEST_MODERN)
            }
            Self::Listen(_) => return,
        };
        // Streams of one connection share its queue, so the topic names the subscription too.
        let topic = match self {
            Self::Channel(..) => format!("{method} {}", uri.unwrap_or_default()),
            Self::Listen(listen) => format!("{method} {} {}", uri.unwrap_or_default(), listen.subscription),
        };
        let message = match uri {
            Some(uri) => call_message(None, method, revision, &ResourceUpdated { uri: uri.to_owned(), meta }),
            None => call_message(None, method, revision, &Notice { meta }),
        };
        if !log.offer(Some(&topic), message) {
            // Never silent: a reader that comes back finds its stream closed and lists anew.
            log.end();
        }
    }
}

fn wants(filter: &SubscriptionFilter, change: &Change) -> bool {
    match change {
        Change::ToolsChanged => filter.tools_list_changed,
        Change::PromptsChanged => filter.prompts_list_changed,
        Change::ResourcesChanged => filter.resources_list_changed,
        Change::ResourceUpdated(uri) => filter.resource_subscriptions.contains(uri),
    }
}
