//! What this node does with what other nodes send it.

use std::sync::{OnceLock, Weak};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Inner;
use super::council::CONTROL;
use super::wire::{self, Answer, ControlAnswer, ControlAsk, Message};
use crate::env::Env;
use crate::ids::{GroupId, NodeId};
use crate::mesh::{Channel, Lost, Mesh, Peer, Service};
use crate::raft::{Group, Network, Unreachable};

/// Stands at the mesh before the member behind it is there: a node listens first, and then finds out who it is.
pub(super) struct Port<E: Env>(OnceLock<Weak<Inner<E>>>);

impl<E: Env> Port<E> {
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Says who answers from now on. Once.
    pub(super) fn connect(&self, inner: Weak<Inner<E>>) {
        // There is one member to a mesh; a second would be a mistake of ours, and the first stays.
        let _ = self.0.set(inner);
    }

    fn inner(&self) -> Option<std::sync::Arc<Inner<E>>> {
        self.0.get()?.upgrade()
    }
}

/// An answer that no asker can read as one: whoever gets it asks again, or elsewhere.
fn nothing() -> BoxFuture<'static, Bytes> {
    futures_util::future::ready(Bytes::new()).boxed()
}

impl<E: Env> Service for Port<E> {
    fn request(&self, from: Peer, _channel: Channel, body: Bytes) -> BoxFuture<'static, Bytes> {
        let Ok(message) = Message::decode(&body) else { return nothing() };
        let Some(inner) = self.inner() else {
            return match message {
                Message::Control(_) => {
                    futures_util::future::ready(wire::encode(&ControlAnswer::NoCluster)).boxed()
                }
                _ => nothing(),
            };
        };
        // Somebody without an id may ask for one, and where to ask; nothing else.
        if from.is_applicant()
            && !matches!(message, Message::Control(ControlAsk::Propose { .. } | ControlAsk::Map))
        {
            return nothing();
        }
        match message {
            Message::Raft(group, body) => match inner.group(group) {
                Some(group) => async move { group.handle(from.node, body).await }.boxed(),
                None => nothing(),
            },
            Message::Ask(group, ask) => async move {
                let answer = match inner.owner(group) {
                    Some(owner) => inner.answer(&owner, from.node, ask).await,
                    None => Answer::NotOwner { leader: None },
                };
                wire::encode(&answer)
            }
            .boxed(),
            Message::Edge(ask) => async move { wire::encode(&inner.hear(ask)) }.boxed(),
            Message::Control(ask) => {
                async move { wire::encode(&inner.control(from.node, ask).await) }.boxed()
            }
            Message::Status => async move { wire::encode(&inner.status_here()) }.boxed(),
            Message::Gossip(_) => nothing(),
        }
    }

    fn tell(&self, from: Peer, _channel: Channel, body: Bytes) {
        if let (Some(inner), Ok(Message::Gossip(body))) = (self.inner(), Message::decode(&body)) {
            inner.gossip(from.node, body);
        }
    }

    fn link_lost(&self, node: NodeId, how: Lost) {
        if let Some(inner) = self.inner() {
            inner.link_lost(node, how);
        }
    }
}

impl<E: Env> Inner<E> {
    /// A group that this node takes part in, the control group too.
    fn group(&self, group: GroupId) -> Option<Group> {
        if group == CONTROL {
            return self.council().map(|council| council.group);
        }
        self.owner(group).map(|owner| owner.group.clone())
    }
}

/// How the groups of a node reach the same groups elsewhere.
pub(super) struct Wires<E: Env>(pub(super) Option<Mesh<E>>);

impl<E: Env> Network for Wires<E> {
    fn send(
        &self,
        to: NodeId,
        group: GroupId,
        message: Bytes,
        bulk: bool,
        deadline: crate::env::Instant,
    ) -> BoxFuture<'static, Result<Bytes, Unreachable>> {
        let Some(mesh) = self.0.clone() else { return futures_util::future::ready(Err(Unreachable)).boxed() };
        let channel = if bulk { Channel::Bulk } else { Channel::Consensus };
        let body = Message::Raft(group, message).encode();
        async move {
            match mesh.request(to, channel, body, deadline).await {
                // Nothing is what a node answers that does not take part in the group (yet, or any more).
                Ok(answer) if answer.is_empty() => Err(Unreachable),
                Ok(answer) => Ok(answer),
                Err(_) => Err(Unreachable),
            }
        }
        .boxed()
    }
}
