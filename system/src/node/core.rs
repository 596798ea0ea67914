//! What all edges of a node share: the catalogue, sessions, tasks, ids and the state of its life.

use std::sync::{Arc, Mutex};

use super::channel::Channel;
use super::hub::{EarId, Hub};
use super::life::Life;
use super::metrics::Metrics;
use super::tasks::{Desk, StoreRedeem};
use crate::client::Principal;
use crate::dispatch::{ListCache, server_info};
use crate::env::{Entropy, Env};
use crate::handler::{Catalogue, Surroundings};
use crate::ids::{CallId, SessionId, TaskId};
use crate::jsonrpc::Raw;
use crate::limits::Limits;
use crate::protocol::Revision;
use crate::seal::{Keys, SessionTicket};
use crate::session::{Session, SessionBounds, StreamBounds};
use crate::table::Table;
use crate::task::Store;

/// A session and its place among the ears.
#[derive(Clone)]
pub(super) struct Seat {
    pub(super) session: Arc<Session>,
    pub(super) ear: EarId,
}

/// See the [module](self) page.
pub(super) struct Core<E: Env> {
    pub(super) env: E,
    pub(super) limits: Limits,
    pub(super) catalogue: Catalogue,
    pub(super) lists: ListCache,
    /// Who answers, as modern results name it. What a server is does not change while it runs.
    pub(super) server_info: Raw,
    pub(super) hub: Arc<Hub>,
    pub(super) sessions: Table<SessionId, Seat>,
    pub(super) channels: Table<SessionId, Arc<Channel<E>>>,
    pub(super) keys: Keys,
    pub(super) desk: Arc<Desk<E>>,
    pub(super) around: Arc<Surroundings>,
    pub(super) metrics: Metrics,
    pub(super) life: Life,
    random: Mutex<Entropy>,
}

/// What a core is made of, beside what it makes itself.
pub(super) struct Parts {
    pub(super) limits: Limits,
    pub(super) catalogue: Catalogue,
    pub(super) keys: Keys,
    pub(super) store: Arc<dyn Store>,
}

impl<E: Env> Core<E> {
    pub(super) fn new(env: E, parts: Parts) -> Arc<Self> {
        let mut random = env.entropy("ids");
        let hub = Arc::new(Hub::default());
        let listening: Arc<dyn crate::handler::ChangeSink> = hub.clone();
        parts.catalogue.listen(Arc::downgrade(&listening));
        let desk = Desk::new(env.clone(), parts.store);
        let request_state_ms_max = parts.limits.request_state_ms_max;
        let around = Arc::new(Surroundings {
            world: Arc::new(env.clone()),
            catalogue: parts.catalogue.clone(),
            redeem: Arc::new(StoreRedeem::new(desk.clone(), request_state_ms_max)),
        });
        Arc::new(Self {
            limits: parts.limits,
            server_info: server_info(&parts.catalogue.snapshot()),
            catalogue: parts.catalogue,
            lists: ListCache::default(),
            hub,
            sessions: Table::new(random.next_u64()),
            channels: Table::new(random.next_u64()),
            keys: parts.keys,
            around,
            desk,
            metrics: Metrics::new(),
            life: Life::new(),
            random: Mutex::new(random),
            env,
        })
    }

    /// 128 random bits.
    pub(super) fn mint(&self) -> u128 {
        self.random.lock().expect("entropy must not be poisoned").next_u128()
    }

    /// The number of the next call.
    pub(super) fn next_call(&self) -> CallId {
        CallId(self.metrics.calls.inc())
    }

    /// A new task's id.
    pub(super) fn mint_task(&self) -> TaskId {
        TaskId(self.mint())
    }

    /// How much a stream may hold.
    pub(super) const fn stream_bounds(&self) -> StreamBounds {
        StreamBounds {
            queue_bytes_max: self.limits.stream_queue_bytes_max,
            kept_events_max: self.limits.stream_log_events_max,
            kept_bytes_max: self.limits.stream_log_bytes_max,
        }
    }

    /// How much a session may hold.
    pub(super) const fn session_bounds(&self) -> SessionBounds {
        SessionBounds {
            streams_max: self.limits.streams_per_session_max,
            asks_max: self.limits.calls_per_session_max,
            subscriptions_max: self.limits.subscriptions_per_session_max,
            stream: self.stream_bounds(),
        }
    }

    /// The text by which a client names something that lives in this node's tables.
    pub(super) fn name(&self, id: SessionId, principal: &Principal, revision: Revision) -> String {
        let ticket = SessionTicket {
            slot: 0,
            tenant: 0,
            principal: principal.digest(),
            id,
            revision: revision as u8,
            capabilities: 0,
            created: self.env.wall(),
        };
        ticket.seal(&self.keys)
    }

    /// What a client names, if it may: somebody else's looks as if it were none.
    pub(super) fn named(&self, name: &str, principal: &Principal) -> Option<SessionId> {
        let ticket = SessionTicket::open(&self.keys, name)?;
        (ticket.principal == principal.digest()).then_some(ticket.id)
    }
}
