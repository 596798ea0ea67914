//! `POST`: a message, or a batch of them.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};

use super::super::body::{CallBody, EventBody, Reading, Source, Style, abandon};
use super::super::carry::Carried;
use super::super::core::{Place, Seat};
use super::super::follow::Follow;
use super::super::home::{Home, OWNER_MS_MAX, STANDALONE};
use super::super::life::Stage;
use super::super::outlet::{Outlet, Scribe};
use super::super::serve::Served;
use super::super::stateless::Lone;
use super::super::{refused, trouble};
use super::{HttpEdge, answer};
use crate::cancel::CancelReason;
use crate::client::Principal;
use crate::cluster::Turn;
use crate::env::Env;
use crate::handler::{Running, Step};
use crate::ids::StreamId;
use crate::jsonrpc::{Id, Incoming, Malformed, Message, Notification, Raw, Request, parse};
use crate::protocol::fault::code;
use crate::protocol::{
    Cache, Carrier, Era, Facts, Fault, Method, MethodClass, RequestMeta, Revision, Version, carried_message,
    headers::check_named,
};
use crate::transport::http::{Accepts, AnswerStream, RequestBody, ResponseBody, is_json, names, plain};
use crate::transport::sse;

type Http = Response<ResponseBody>;

impl<E: Env> HttpEdge<E> {
    pub(super) async fn post(&self, head: &Parts, body: RequestBody, principal: Principal) -> Http {
        let incoming = match self.read(head, body).await {
            Ok(incoming) => incoming,
            Err(response) => return *response,
        };
        match incoming {
            Incoming::One(message) => self.message(head, message, principal).await,
            Incoming::Batch(entries) => Box::pin(self.batch(head, entries, &principal)).await,
        }
    }

    /// Reads the body as a message.
    pub(super) async fn read(&self, head: &Parts, body: RequestBody) -> Result<Incoming, Box<Http>> {
        if !is_json(&head.headers) {
            return Err(Box::new(plain(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Content-Type must be application/json\n",
            )));
        }
        if self.core.life.stage() > Stage::Ready {
            return Err(Box::new(answer::fault(&Fault::shutting_down(), None, Revision::LATEST_MODERN)));
        }
        let limits = &self.core.limits;
        self.core.metrics.messages.inc();
        let text = body.read(limits.message_bytes_max).await.map_err(|error| {
            let fault = Fault::invalid_request(error.to_string()).with_status(error.status().as_u16());
            Box::new(answer::fault(&fault, None, Revision::LATEST_MODERN))
        })?;
        parse(&text, limits.depth_max, limits.batch_len_max)
            .map_err(|malformed| Box::new(self.refuse(&malformed)))
    }

    fn refuse(&self, malformed: &Malformed) -> Http {
        self.core.metrics.messages_refused.inc();
        answer::fault(&Fault::from(malformed), malformed.id(), Revision::LATEST_MODERN)
    }

    async fn message(&self, head: &Parts, message: Message, principal: Principal) -> Http {
        let id = match &message {
            Message::Request(request) => Some(request.id.clone()),
            _ => None,
        };
        let judged = judge(head, &message);
        let (era, meta) = match judged {
            Ok(judged) => judged,
            Err(fault) => return answer::fault(&fault, id.as_ref(), Revision::LATEST_MODERN),
        };
        match (era, message) {
            (Era::Initialize, Message::Request(request)) => {
                Box::pin(self.initialize(&request, principal)).await
            }
            (Era::Legacy(_), message) => match self.seat(head, &principal).await {
                Ok(seat) => self.stateful(head, &seat, message, meta).await,
                Err(fault) => answer::fault(&fault, id.as_ref(), Revision::LATEST_LEGACY),
            },
            (Era::Modern(revision), Message::Request(request)) => {
                self.stateless(head, request, meta, revision, principal).await
            }
            // No notification of this revision means anything over HTTP (streamable HTTP, Sending Messages).
            (Era::Modern(_) | Era::Initialize, _) => answer::accepted(),
        }
    }

    async fn initialize(&self, request: &Request, principal: Principal) -> Http {
        match self.open(request, principal).await {
            Ok((name, greeting)) => {
                let name = HeaderValue::from_str(&name).expect("a sealed id must be visible ASCII");
                let mut response = answer::json(200, carried_message(&request.id, &greeting));
                response.headers_mut().insert(names::MCP_SESSION_ID, name);
                response
            }
            Err(fault) => answer::fault(&fault, Some(&request.id), Revision::LATEST_LEGACY),
        }
    }

    async fn open(&self, request: &Request, principal: Principal) -> Result<(String, Raw), Fault> {
        let (client, greeting) = self.core.greet(request, principal, None)?;
        let (_, name) = self.core.open_home(client, &request.params).await?;
        Ok((name, greeting))
    }

    /// The session that a request names.
    pub(super) async fn seat(&self, head: &Parts, principal: &Principal) -> Result<Seat<E>, Fault> {
        let name = head.headers.get(names::MCP_SESSION_ID).and_then(|value| value.to_str().ok());
        self.core.find_seat(name.ok_or_else(Fault::session_not_found)?, principal).await
    }

    async fn stateful(&self, head: &Parts, seat: &Seat<E>, message: Message, meta: RequestMeta) -> Http {
        match message {
            Message::Request(request) => self.stateful_request(head, seat, request, meta).await,
            Message::Notification(notification) => taken(seat, self.core.notified(seat, &notification).await),
            Message::Answer(given) => taken(seat, Box::pin(self.core.answered(seat, given)).await),
        }
    }

    async fn stateful_request(
        &self,
        head: &Parts,
        seat: &Seat<E>,
        request: Request,
        meta: RequestMeta,
    ) -> Http {
        let revision = seat.session.client.revision;
        if let Err(refusal) = seat.session.calls.admit(&request.id) {
            return answer::fault(&refused(refusal), Some(&request.id), revision);
        }
        let running = match self.core.serve(self.core.session_caller(seat), &request, meta, None) {
            Ok(Served::Now(result)) => return answer::json(200, carried_message(&request.id, &result)),
            Ok(Served::Call(running, _)) => running,
            Err(fault) => return answer::fault(&fault, Some(&request.id), revision),
        };
        let id = request.id.clone();
        let mut carried = Carried::new(self.core.clone(), seat.session.calls.clone(), id.clone(), running);
        let step = match carried.first_step().await {
            Ok(Step::End(end)) => {
                let (status, message) = self
                    .core
                    .write_stateful(&id, revision, end, false)
                    .expect("over HTTP a call must be answered");
                return answer::json(status, message);
            }
            Ok(step) => step,
            Err(refusal) => {
                return answer::fault(&refused(refusal), Some(&id), revision);
            }
        };
        if !Accepts::read(&head.headers).events {
            return plain(StatusCode::NOT_ACCEPTABLE, "Accept must list text/event-stream\n");
        }
        match Box::pin(self.open_stream(seat, &[&id])).await {
            Ok((scribe, body)) => {
                let core = self.core.clone();
                carried.go_on(Some(step), Outlet::Stream(scribe), true, move |end| {
                    core.write_stateful(&id, revision, end, false).map(|(_, message)| message)
                });
                answer::events(body)
            }
            // Nothing can be told on the way, so the call is stopped. It has begun: its client must not be told that
            // nothing was done.
            Err(fault) => {
                carried.stop(CancelReason::Shutdown);
                let fault = if fault.code == code::OVERLOADED { begun() } else { fault };
                answer::fault(&fault, Some(&id), revision)
            }
        }
    }

    /// Opens a stream for the calls that one request brought, and gives who writes it and the body that reads it:
    /// primed for a resumption where the client knows that.
    pub(super) async fn open_stream(
        &self,
        seat: &Seat<E>,
        calls: &[&Id],
    ) -> Result<(Arc<Scribe<E>>, AnswerStream), Fault> {
        let Place::Home(home) = &seat.place else {
            unreachable!("a session over HTTP must be the cluster's")
        };
        let due = self.core.env.now().after_ms(OWNER_MS_MAX);
        let ids = calls.iter().map(|id| Raw::encode(id).expect("an id must encode")).collect();
        let (stream, turn) = home.cluster().open_stream(home.id(), ids, due).await.map_err(trouble)?;
        // Clients before 2025-11-25 take an event without data for a broken message.
        let primed = seat.session.client.revision >= Revision::V2025_11_25;
        let first = primed.then(|| sse::prime(&format!("{}.0", stream.0), Some(self.core.limits.retry_ms)));
        let body = self.follow(seat, home, stream, (turn, 0), first);
        Ok((Scribe::new(home.clone(), stream, calls.len()), body))
    }

    /// The body that reads a stream of a session.
    pub(super) fn follow(
        &self,
        seat: &Seat<E>,
        home: &Arc<Home<E>>,
        stream: StreamId,
        from: (Turn, u64),
        first: Option<Bytes>,
    ) -> AnswerStream {
        let core = &self.core;
        // What is read of a call here goes on elsewhere, where there is an elsewhere: otherwise it is finished here.
        let goes_on = stream == STANDALONE || !core.cluster.is_alone();
        let until = if goes_on { Stage::Draining } else { Stage::Stopped };
        let draining = (Box::pin(core.life.reached(until)) as _, core.limits.retry_ms);
        let follow = Follow::new(core.env.clone(), home.clone(), stream, from, draining);
        let reading = Reading::new(core.clone(), seat.session.clone());
        Box::pin(EventBody::new(core, Source::Stream(follow), Style::Resumable, first, reading))
    }

    async fn stateless(
        &self,
        head: &Parts,
        request: Request,
        meta: RequestMeta,
        revision: Revision,
        principal: Principal,
    ) -> Http {
        let id = request.id.clone();
        match self.stateless_call(head, request, meta, revision, principal).await {
            Ok(response) => response,
            Err(fault) => answer::fault(&fault, Some(&id), revision),
        }
    }

    async fn stateless_call(
        &self,
        head: &Parts,
        request: Request,
        meta: RequestMeta,
        revision: Revision,
        principal: Principal,
    ) -> Result<Http, Fault> {
        let method = Method::parse(&request.method);
        let (lone, caller) = self.core.lone(request, &meta, revision, principal)?;
        if method == Some(Method::Listen) {
            return Box::pin(self.listen(head, &lone, &caller)).await;
        }
        match self.core.serve(caller, &lone.request, meta, Some(&head.headers))? {
            Served::Now(result) => Ok(answer::json(200, carried_message(&lone.request.id, &result))),
            Served::Call(running, cache) => Ok(self.stateless_run(head, lone, running, cache).await),
        }
    }

    async fn stateless_run(&self, head: &Parts, lone: Lone, running: Running, cache: Option<Cache>) -> Http {
        let mut call = LoneCall { env: &self.core.env, running: Some(running) };
        let step = call.first_step().await;
        if let Step::End(end) = step {
            call.running = None;
            let (status, message) = self.core.write_stateless(&lone, end, cache);
            return answer::json(status, message);
        }
        if !Accepts::read(&head.headers).events {
            return plain(StatusCode::NOT_ACCEPTABLE, "Accept must list text/event-stream\n");
        }
        let Some(running) = call.running.take() else { unreachable!("a call that goes on must be there") };
        let core = self.core.clone();
        let write = Box::new(move |end| core.write_stateless(&lone, end, cache).1);
        let (env, keep_alive_ms) = (&self.core.env, self.core.limits.keep_alive_ms);
        answer::events(Box::pin(CallBody::new(env, running, step, write, keep_alive_ms)))
    }
}

/// The response to what is taken and not answered.
fn taken<E: Env>(seat: &Seat<E>, taken: Result<(), Fault>) -> Http {
    match taken {
        Ok(()) => answer::accepted(),
        Err(fault) => answer::fault(&fault, None, seat.session.client.revision),
    }
}

/// A stateless call that runs inside a response: dropped before its end, it is cancelled.
struct LoneCall<'a, E: Env> {
    env: &'a E,
    running: Option<Running>,
}

impl<E: Env> LoneCall<'_, E> {
    async fn first_step(&mut self) -> Step {
        self.running.as_mut().expect("a call must be there until its end").step().await
    }
}

impl<E: Env> Drop for LoneCall<'_, E> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            abandon(self.env, running);
        }
    }
}

/// A call was stopped after it had begun.
fn begun() -> Fault {
    let why = "the part of the cluster that keeps this is out of reach: the call had begun, and was stopped";
    Fault::new(code::INTERNAL_ERROR, why)
}

/// Places a message in an era by its headers and its `_meta`; a modern request's headers must repeat its body.
fn judge(head: &Parts, message: &Message) -> Result<(Era, RequestMeta), Fault> {
    let (meta, name) = match message {
        Message::Request(Request { method, params, .. }) => {
            RequestMeta::read_named(Method::parse(method), params)?
        }
        Message::Notification(Notification { params, .. }) => (RequestMeta::read(params)?, None),
        Message::Answer(_) => (RequestMeta::default(), None),
    };
    let facts = Facts {
        carrier: Carrier::Http,
        header: Version::of_headers(&head.headers),
        meta: meta.version.clone(),
        method: MethodClass::of(message),
        session: head.headers.contains_key(names::MCP_SESSION_ID),
    };
    let era = facts.era()?;
    if let (Era::Modern(_), Message::Request(request)) = (era, message) {
        check_named(&head.headers, &request.method, name.as_deref())?;
    }
    Ok((era, meta))
}
