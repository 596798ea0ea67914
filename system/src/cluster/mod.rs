//! The cluster as one node takes part in it: the groups that it holds, and the way to the owners of all others.
//!
//! A node that is alone is a cluster of one, with the same code and no network. The law for whoever asks: an answer is the
//! owner's; [`Trouble::Unavailable`] means that nothing happened and later may be better; [`Trouble::Unknown`] that it may
//! have happened. Every command carries a request id, so the search for an owner repeats it without harm, and so may the
//! caller who kept the id.

mod calls;
mod council;
mod detecting;
mod enter;
mod flaw;
mod hosting;
mod kept;
mod life;
mod owner;
mod passing;
mod pulse;
mod route;
mod service;
mod settings;
mod soft;
mod split;
mod status;
mod sweep;
mod topics;
mod view;
mod wire;

pub(crate) use calls::{Piece, Read};
pub(crate) use life::ClusterError;
pub use settings::ClusterConfig;
pub(crate) use settings::Settings;
pub(crate) use wire::Turn;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;

use crate::control::{ClusterMap, Lists};
use crate::env::{Entropy, Env};
use crate::ids::{Epoch, Executor, GroupId, Incarnation, NodeId, SessionId};
use crate::mesh::Mesh;
use crate::seal::{Keys, Principal};
use crate::store::Store;
use crate::table::Table;

/// Which lists of the catalogue changed.
pub(crate) type ListKinds = Lists;

/// Why the cluster did not do what was asked of it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// There is no such session, or it is somebody else's.
    #[error("no such session")]
    NoSession,
    /// There is no such stream, or not what was asked of it.
    #[error("{0}")]
    NoStream(Box<str>),
    /// It was refused, and nothing changed.
    #[error("{0}")]
    Refused(Box<str>),
    /// Somebody else reads the stream now.
    #[error("another connection reads the stream")]
    Superseded,
    /// It did not happen: the owner could not be reached, or has no quorum. Later may be better.
    #[error("the owner is out of reach")]
    Unavailable,
    /// It may have happened.
    #[error("the outcome is unknown")]
    Unknown,
}

/// What the cluster tells a node that serves clients. Must not block.
pub(crate) trait Edge: Send + Sync + 'static {
    /// A session has ended: nothing of it may be served any more.
    fn session_ended(&self, id: SessionId);
    /// A session is no longer as it was.
    fn session_changed(&self, id: SessionId);
    /// A call is cancelled by its client. It may be about to begin.
    fn cancel(&self, id: SessionId, call: &Bytes);
    /// The client answered a question of a call that runs here.
    fn answered(&self, id: SessionId, answer: &Bytes);
    /// The client of a channel that is held here sent a message. False where there is no such channel.
    fn channel_message(&self, id: SessionId, principal: Principal, message: &Bytes) -> bool;
    /// The catalogue changed somewhere.
    fn lists_changed(&self, kinds: ListKinds);
    /// A resource changed somewhere.
    fn resource_updated(&self, uri: &str);
    /// Of changes to these resources nothing may be heard here any more.
    fn resources_lost(&self, uris: &BTreeSet<Box<str>>);
    /// The message that tells a session of a changed resource, the same for every stateful revision.
    fn update_notice(&self, uri: &str) -> Bytes;
    /// The messages that tell a session of changed lists, each with its topic.
    fn list_notices(&self, kinds: ListKinds) -> Vec<(Arc<str>, Bytes)>;
}

/// A handle to the cluster. Clones are the same.
pub(crate) struct Cluster<E: Env>(Arc<Inner<E>>);

impl<E: Env> Clone for Cluster<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Who this node is.
pub(super) struct Me {
    node: NodeId,
    /// The life that this process began with.
    first: Incarnation,
    /// Its life now: a process that was counted out while it could not be reached goes on as another one, for what the
    /// one before had begun was given up.
    now: AtomicU64,
}

impl Me {
    const fn new(me: Executor) -> Self {
        Self { node: me.node, first: me.incarnation, now: AtomicU64::new(me.incarnation.0) }
    }

    fn executor(&self) -> Executor {
        Executor { node: self.node, incarnation: Incarnation(self.now.load(Ordering::Acquire)) }
    }

    /// Whether this process is, or was, that one.
    fn is(&self, executor: Executor) -> bool {
        executor.node == self.node && executor.incarnation >= self.first
    }
}

/// What the parts of a cluster's member share.
pub(super) struct Inner<E: Env> {
    env: E,
    settings: Settings,
    me: Me,
    /// `None` where the node is alone.
    mesh: Option<Mesh<E>>,
    store: Store,
    view: view::View,
    /// The control group, where this node votes in it.
    council: Mutex<Option<council::Council>>,
    /// The groups that this node holds a replica of.
    owners: Table<GroupId, Arc<owner::Owner<E>>>,
    /// Who was last heard to lead a group.
    leaders: Table<GroupId, NodeId>,
    keys: Arc<Keys>,
    edge: OnceLock<Arc<dyn Edge>>,
    topics: topics::Topics,
    random: Mutex<Entropy>,
    /// The newest map that each node was heard to have.
    epochs: Mutex<BTreeMap<NodeId, Epoch>>,
    detecting: Mutex<detecting::Detecting>,
    asks: Arc<str>,
    life: life::Life,
    pulse: pulse::Pulse,
}

impl<E: Env> Inner<E> {
    /// The map, as this node knows it.
    fn view(&self) -> Arc<ClusterMap> {
        self.view.now()
    }

    /// A group that this node holds.
    fn owner(&self, group: GroupId) -> Option<Arc<owner::Owner<E>>> {
        self.owners.get(&group)
    }

    /// Every group that this node holds, in order.
    fn owners_sorted(&self) -> Vec<Arc<owner::Owner<E>>> {
        self.owners.keys_sorted().iter().filter_map(|id| self.owners.get(id)).collect()
    }

    fn edge(&self) -> Option<&Arc<dyn Edge>> {
        self.edge.get()
    }
}

impl<E: Env> Cluster<E> {
    /// This life of this node.
    pub(crate) fn me(&self) -> Executor {
        self.0.me.executor()
    }

    /// Whether there are no other nodes, and never will be.
    pub(crate) fn is_alone(&self) -> bool {
        self.0.mesh.is_none()
    }

    /// The keys that ids are sealed with; they follow the control group.
    pub(crate) fn keys(&self) -> Arc<Keys> {
        self.0.keys.clone()
    }

    /// Says who serves clients here. Once.
    pub(crate) fn serve(&self, edge: Arc<dyn Edge>) {
        // A second edge would be a mistake of ours; the first one stays.
        let _ = self.0.edge.set(edge);
    }

    /// What stands before the number of a question that is asked here.
    pub(crate) fn question_prefix(&self) -> Arc<str> {
        self.0.asks.clone()
    }
}
