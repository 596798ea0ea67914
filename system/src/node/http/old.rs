//! The transport of 2024-11-05: one stream carries everything that the server says, and each message of the client is a
//! POST that is answered 202.
//!
//! Source: 2024-11-05 `basic/transports`, HTTP with SSE.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::request::Parts;

use super::super::body::{EventBody, Source, Style};
use super::super::channel::Channel;
use super::super::core::Core;
use super::super::home::OWNER_MS_MAX;
use super::super::unopened;
use super::{HttpEdge, answer};
use crate::cancel::CancelReason;
use crate::client::Principal;
use crate::env::Env;
use crate::ids::{NodeId, SessionId};
use crate::jsonrpc::Incoming;
use crate::protocol::{Fault, Revision};
use crate::seal::SessionTicket;
use crate::transport::http::{RequestBody, ResponseBody};
use crate::transport::sse;

type Http = Response<ResponseBody>;

impl<E: Env> HttpEdge<E> {
    /// `GET /sse`: opens a channel, and says where to post.
    pub(super) fn old_open(&self, principal: Principal) -> Http {
        let opened = match Opened::new(self.core.clone(), principal) {
            Ok(opened) => opened,
            Err(fault) => return answer::fault(&fault, None, Revision::V2024_11_05),
        };
        let place =
            format!("/message?sessionId={}", self.core.name_channel(opened.id, opened.channel.principal()));
        let first = sse::encode(None, Some("endpoint"), &Bytes::from(place));
        let reader = opened.channel.reader();
        answer::events(Box::pin(EventBody::new(
            &self.core,
            Source::Queue(reader),
            Style::Named,
            Some(first),
            opened,
        )))
    }

    /// `POST /message?sessionId=…`: a message of the client.
    pub(super) async fn old_post(&self, head: &Parts, body: RequestBody, principal: &Principal) -> Http {
        let unknown = || answer::fault(&Fault::session_not_found(), None, Revision::V2024_11_05);
        let ticket = match self.old_ticket(head, principal) {
            Ok(ticket) => ticket,
            Err(fault) => return answer::fault(&fault, None, Revision::V2024_11_05),
        };
        let Some(channel) = self.core.channels.get(&ticket.id) else {
            return self.old_pass(&ticket, body).await.unwrap_or_else(unknown);
        };
        if channel.principal() != principal {
            return unknown();
        }
        match self.read(head, body).await {
            Ok(Incoming::One(message)) => channel.take(Ok(message)),
            Ok(Incoming::Batch(entries)) => entries.into_iter().for_each(|entry| channel.take(entry)),
            Err(response) => return *response,
        }
        answer::accepted()
    }

    fn old_ticket(&self, head: &Parts, principal: &Principal) -> Result<SessionTicket, Fault> {
        let query = head.uri.query().unwrap_or_default();
        let name = query.split('&').find_map(|pair| pair.strip_prefix("sessionId="));
        let name = name.ok_or_else(Fault::session_not_found)?;
        match SessionTicket::open(&self.core.keys, name) {
            Some(ticket) if ticket.principal == principal.digest() => Ok(ticket),
            Some(_) => Err(Fault::session_not_found()),
            None => Err(unopened(&self.core.keys, name, Fault::session_not_found())),
        }
    }

    /// Passes a message on to the node that the client's stream is at. `None` where that has no such channel.
    async fn old_pass(&self, ticket: &SessionTicket, body: RequestBody) -> Option<Http> {
        let node = NodeId(u64::from(ticket.capabilities));
        if node == self.core.cluster.me().node {
            return None;
        }
        let limits = &self.core.limits;
        let text = match body.read(limits.message_bytes_max).await {
            Ok(text) => text,
            Err(error) => {
                let fault = Fault::invalid_request(error.to_string()).with_status(error.status().as_u16());
                return Some(answer::fault(&fault, None, Revision::V2024_11_05));
            }
        };
        let due = self.core.env.now().after_ms(OWNER_MS_MAX);
        let passed = self.core.cluster.pass_to_channel(node, ticket.id, ticket.principal, text, due).await;
        passed.ok().map(|()| answer::accepted())
    }
}

/// A channel that lives as long as its stream: when that goes, nobody can be told anything any more.
struct Opened<E: Env> {
    core: Arc<Core<E>>,
    id: SessionId,
    channel: Arc<Channel<E>>,
}

impl<E: Env> Opened<E> {
    fn new(core: Arc<Core<E>>, principal: Principal) -> Result<Self, Fault> {
        if core.channels.len() >= core.limits.sessions_max {
            return Err(Fault::overloaded("this node has as many sessions as it may have"));
        }
        let id = SessionId(core.mint());
        let channel = Arc::new(Channel::new(core.clone(), principal, Some(Revision::V2024_11_05)));
        core.channels.insert(id, channel.clone());
        core.metrics.streams.inc();
        Ok(Self { core, id, channel })
    }
}

impl<E: Env> Drop for Opened<E> {
    fn drop(&mut self) {
        self.core.channels.remove(&self.id);
        self.core.metrics.streams.dec();
        self.channel.close(CancelReason::Client);
    }
}
