//! What all edges of a node share: the catalogue, sessions, tasks, ids and the state of its life.

use std::sync::{Arc, Mutex};

use super::channel::Channel;
use super::home::{Home, OWNER_MS_MAX};
use super::hub::{EarId, Hub};
use super::life::Life;
use super::metrics::Metrics;
use super::tasks::{ClusterStore, Desk, StoreRedeem};
use crate::client::Principal;
use crate::cluster::Cluster;
use crate::dispatch::{ListCache, server_info};
use crate::env::{Entropy, Env};
use crate::handler::{Catalogue, Surroundings};
use crate::ids::{CallId, SessionId, TaskId};
use crate::jsonrpc::Raw;
use crate::limits::Limits;
use crate::protocol::Revision;
use crate::seal::{Keys, SessionTicket};
use crate::session::{Queue, Session, SessionBounds};
use crate::table::Table;

/// A session as it is served here, and what stands behind it.
pub(super) struct Seat<E: Env> {
    pub(super) session: Arc<Session>,
    pub(super) place: Place<E>,
}

/// Where a session is kept, and where it hears from us.
pub(super) enum Place<E: Env> {
    /// On its connection, with which it ends.
    Channel(EarId, Arc<Queue>),
    /// In the cluster.
    Home(Arc<Home<E>>),
}

impl<E: Env> Clone for Seat<E> {
    fn clone(&self) -> Self {
        let place = match &self.place {
            Place::Channel(ear, log) => Place::Channel(*ear, log.clone()),
            Place::Home(home) => Place::Home(home.clone()),
        };
        Self { session: self.session.clone(), place }
    }
}

impl<E: Env> Seat<E> {
    /// Tells the client something on its standalone stream. What waits there under the same topic need not be told twice.
    pub(super) async fn offer(&self, env: &E, topic: Option<&str>, message: bytes::Bytes) {
        match &self.place {
            Place::Channel(_, log) => drop(log.offer(topic, message)),
            Place::Home(home) => {
                let due = env.now().after_ms(OWNER_MS_MAX);
                if let Err(error) = home.cluster().offer(home.id(), topic, message, due).await {
                    tracing::debug!("a message to a session was not kept: {error}");
                }
            }
        }
    }
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
    /// The cluster that keeps sessions and tasks, be it of this node alone.
    pub(super) cluster: Cluster<E>,
    /// Sessions of the cluster that are served here.
    pub(super) seats: Table<SessionId, Seat<E>>,
    pub(super) channels: Table<SessionId, Arc<Channel<E>>>,
    pub(super) keys: Arc<Keys>,
    pub(super) desk: Arc<Desk<E>>,
    pub(super) around: Arc<Surroundings>,
    pub(super) metrics: Metrics,
    pub(super) life: Life,
    random: Mutex<Entropy>,
}

/// What a core is made of, beside what it makes itself.
pub(super) struct Parts<E: Env> {
    pub(super) limits: Limits,
    pub(super) catalogue: Catalogue,
    pub(super) cluster: Cluster<E>,
}

impl<E: Env> Core<E> {
    pub(super) fn new(env: E, parts: Parts<E>) -> Arc<Self> {
        let mut random = env.entropy("ids");
        let hash_key = env.hash_key();
        let store = Arc::new(ClusterStore::new(env.clone(), parts.cluster.clone()));
        let desk = Desk::new(env.clone(), store);
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
            hub: Arc::default(),
            keys: parts.cluster.keys(),
            cluster: parts.cluster,
            seats: Table::new(random.next_u64() ^ hash_key),
            channels: Table::new(random.next_u64() ^ hash_key),
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

    /// An empty queue of a connection.
    pub(super) fn queue(&self) -> Arc<Queue> {
        Arc::new(Queue::new(self.limits.stream_queue_bytes_max))
    }

    /// How much a session may hold.
    pub(super) const fn session_bounds(&self) -> SessionBounds {
        SessionBounds {
            asks_max: self.limits.calls_per_session_max,
            subscriptions_max: self.limits.subscriptions_per_session_max,
        }
    }

    /// The text by which a client names a channel of this node: it can be posted to from any other.
    pub(super) fn name_channel(&self, id: SessionId, principal: &Principal) -> String {
        let ticket = SessionTicket {
            tenant: 0,
            principal: principal.digest(),
            id,
            revision: Revision::V2024_11_05 as u8,
            capabilities: self.cluster.me().node.0.try_into().unwrap_or(u32::MAX),
            created: self.env.wall(),
        };
        ticket.seal(&self.keys)
    }
}
