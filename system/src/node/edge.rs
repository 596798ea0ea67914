//! What the cluster tells a node that serves clients: sessions that ended or changed elsewhere, cancellations, answers and
//! messages that came in at another node, and changes that its listeners want to hear of.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use bytes::Bytes;

use super::core::{Core, Place};
use crate::cancel::CancelReason;
use crate::cluster::{Edge, ListKinds};
use crate::env::Env;
use crate::handler::{Change, ChangeSink};
use crate::ids::SessionId;
use crate::jsonrpc::{Id, Incoming, Message, parse};
use crate::protocol::{Notice, ResourceUpdated, Revision, call_message, name};
use crate::seal::Principal;

/// A core, as the cluster sees it. The cluster must not keep a node alive that is gone.
pub(super) struct CoreEdge<E: Env>(pub(super) Weak<Core<E>>);

impl<E: Env> Edge for CoreEdge<E> {
    fn session_ended(&self, id: SessionId) {
        if let Some(core) = self.0.upgrade() {
            core.leave(&id, CancelReason::Client);
        }
    }

    fn session_changed(&self, id: SessionId) {
        if let Some(core) = self.0.upgrade()
            && let Some(seat) = core.seats.get(&id)
            && let Place::Home(home) = &seat.place
        {
            home.lapse();
        }
    }

    fn cancel(&self, id: SessionId, call: &Bytes) {
        if let Some(core) = self.0.upgrade()
            && let Some(seat) = core.seats.get(&id)
            && let Ok(call) = serde_json::from_slice::<Id>(call)
        {
            seat.session.calls.cancel_soon(call, CancelReason::Client, core.env.now());
        }
    }

    fn answered(&self, id: SessionId, answer: &Bytes) {
        if let Some(core) = self.0.upgrade()
            && let Some(seat) = core.seats.get(&id)
            && let Ok(Incoming::One(Message::Answer(answer))) =
                parse(answer, core.limits.depth_max, core.limits.batch_len_max)
        {
            seat.session.questions.answer(answer);
        }
    }

    fn channel_message(&self, id: SessionId, principal: Principal, message: &Bytes) -> bool {
        let Some(core) = self.0.upgrade() else { return false };
        let Some(channel) = core.channels.get(&id) else { return false };
        if channel.principal().digest() != principal {
            return false;
        }
        match parse(message, core.limits.depth_max, core.limits.batch_len_max) {
            Ok(Incoming::One(message)) => channel.take(Ok(message)),
            Ok(Incoming::Batch(entries)) => entries.into_iter().for_each(|entry| channel.take(entry)),
            Err(malformed) => channel.take(Err(malformed)),
        }
        true
    }

    fn lists_changed(&self, kinds: ListKinds) {
        let Some(core) = self.0.upgrade() else { return };
        let changes = [
            (kinds.tools, Change::ToolsChanged),
            (kinds.prompts, Change::PromptsChanged),
            (kinds.resources, Change::ResourcesChanged),
        ];
        changes.iter().filter(|(changed, _)| *changed).for_each(|(_, change)| core.hub.tell(change));
    }

    fn resource_updated(&self, uri: &str) {
        if let Some(core) = self.0.upgrade() {
            core.hub.tell(&Change::ResourceUpdated(uri.to_owned()));
        }
    }

    fn resources_lost(&self, uris: &BTreeSet<Box<str>>) {
        let Some(core) = self.0.upgrade() else { return };
        core.hub.finish_listens(&core.server_info, |listen| {
            listen.filter.resource_subscriptions.iter().any(|uri| uris.contains(uri.as_str()))
        });
    }

    fn update_notice(&self, uri: &str) -> Bytes {
        let params = ResourceUpdated { uri: uri.to_owned(), meta: None };
        call_message(None, name::RESOURCES_UPDATED, Revision::LATEST_LEGACY, &params)
    }

    fn list_notices(&self, kinds: ListKinds) -> Vec<(Arc<str>, Bytes)> {
        let names = [
            (kinds.tools, name::TOOLS_LIST_CHANGED),
            (kinds.prompts, name::PROMPTS_LIST_CHANGED),
            (kinds.resources, name::RESOURCES_LIST_CHANGED),
        ];
        let notice = |name: &'static str| {
            (name.into(), call_message(None, name, Revision::LATEST_LEGACY, &Notice { meta: None }))
        };
        names.iter().filter(|(changed, _)| *changed).map(|(_, name)| notice(name)).collect()
    }
}

/// A change of this node's catalogue becomes the cluster's, and comes back to every node, this one too.
impl<E: Env> ChangeSink for Core<E> {
    fn changed(&self, change: &Change) {
        match change {
            Change::ToolsChanged => {
                self.cluster.lists_changed(ListKinds { tools: true, ..ListKinds::default() });
            }
            Change::PromptsChanged => {
                self.cluster.lists_changed(ListKinds { prompts: true, ..ListKinds::default() });
            }
            Change::ResourcesChanged => {
                self.cluster.lists_changed(ListKinds { resources: true, ..ListKinds::default() });
            }
            Change::ResourceUpdated(uri) => self.cluster.publish(uri),
        }
    }
}

impl<E: Env> Core<E> {
    /// Ties the core to its cluster and its catalogue.
    pub(super) fn connect(self: &Arc<Self>) {
        self.cluster.serve(Arc::new(CoreEdge(Arc::downgrade(self))));
        let listening: Arc<dyn ChangeSink> = self.clone();
        self.catalogue.listen(Arc::downgrade(&listening));
    }
}
