//! Serving a request, of whichever era and over whichever transport: from its method to an answer that is ready, or to a
//! call that runs.

use std::sync::Arc;

use http::HeaderMap;

use super::core::{Core, Place, Seat};
use super::home::OWNER_MS_MAX;
use super::{refused, tasks, trouble};
use crate::client::Client;
use crate::dispatch::{Target, discovery, list};
use crate::env::Env;
use crate::handler::{Asking, CallFacts, Ctx, HandlerFuture, Reply, Running};
use crate::jsonrpc::{Raw, Request};
use crate::protocol::{Cache, EmptyResult, Fault, LogLevel, Method, RequestMeta, read_uri};

/// Who asks, and how it can be asked back.
pub(super) struct Caller<E: Env> {
    /// The client.
    pub(super) client: Arc<Client>,
    /// Its session, where it has one.
    pub(super) seat: Option<Seat<E>>,
    /// How a call of its asks it.
    pub(super) asking: Asking,
    /// The least level of messages that it wants; `None` for none at all.
    pub(super) log_level: Option<LogLevel>,
}

/// What a request leads to.
pub(super) enum Served {
    /// An answer that is ready: the body of its result.
    Now(Raw),
    /// A call to run.
    Call(Running, Option<Cache>),
}

/// What a client may change of its session.
enum SessionChange {
    LogLevel(LogLevel),
    Subscribe(Box<str>, bool),
}

impl<E: Env> Core<E> {
    /// Serves a request whose era and session were judged. `mirrors` are the headers in which a tool may want to see
    /// arguments repeated (`x-mcp-header`), where the request has any that count.
    ///
    /// # Errors
    /// The fault to answer with.
    pub(super) fn serve(
        self: &Arc<Self>,
        caller: Caller<E>,
        request: &Request,
        meta: RequestMeta,
        mirrors: Option<&HeaderMap>,
    ) -> Result<Served, Fault> {
        let revision = caller.client.revision;
        let method = Method::parse(&request.method).filter(|method| method.is_known_in(revision));
        let method = method.ok_or_else(|| Fault::method_not_found(&request.method))?;
        let snapshot = self.catalogue.snapshot();
        match method {
            Method::Ping => Ok(Served::Now(Raw::empty_object())),
            Method::Discover => Ok(Served::Now(discovery(&snapshot, &self.lists))),
            Method::ListTools
            | Method::ListResources
            | Method::ListResourceTemplates
            | Method::ListPrompts => {
                let page =
                    list(&snapshot, &self.lists, method, &request.params, revision, self.limits.page_len)?;
                Ok(Served::Now(page))
            }
            Method::SetLevel => {
                let level = LogLevel::read_params(&request.params)?;
                self.change_session(caller, request, meta, SessionChange::LogLevel(level))
            }
            Method::Subscribe | Method::Unsubscribe => {
                let (uri, on) = (read_uri(&request.params)?.into(), method == Method::Subscribe);
                self.change_session(caller, request, meta, SessionChange::Subscribe(uri, on))
            }
            Method::GetTask
            | Method::TaskResult
            | Method::ListTasks
            | Method::CancelTask
            | Method::UpdateTask => {
                let work = tasks::work(self, &caller, method, &request.params)?;
                // `tasks/result` waits as long as its task lives.
                let deadline_ms = (method == Method::TaskResult).then_some(self.limits.task_ttl_ms_max);
                Ok(self.call(caller, request, meta, deadline_ms, None, work))
            }
            Method::CallTool | Method::ReadResource | Method::GetPrompt | Method::Complete => {
                let target = Target::find(&snapshot, method, &request.params, revision)?;
                if let (Some(headers), Target::Tool(tool, arguments, _)) = (mirrors, &target)
                    && !tool.headers.is_empty()
                {
                    tool.headers.check(headers, arguments)?;
                }
                if let Some(work) = tasks::create(self, &caller, &target, &request.params, &meta)? {
                    return Ok(self.call(caller, request, meta, None, None, work));
                }
                let (deadline_ms, cache) = (target.deadline_ms(), target.cache());
                Ok(self.call(caller, request, meta, deadline_ms, cache, move |ctx| target.start(ctx)))
            }
            other => Err(Fault::method_not_found(other.as_str())),
        }
    }

    fn change_session(
        self: &Arc<Self>,
        caller: Caller<E>,
        request: &Request,
        meta: RequestMeta,
        change: SessionChange,
    ) -> Result<Served, Fault> {
        let seat = caller.seat.clone().ok_or_else(Fault::session_required)?;
        let Place::Channel(ear, _) = &seat.place else {
            let work = self.clone().change_home(seat, change);
            return Ok(self.call(caller, request, meta, None, None, work));
        };
        let session = &seat.session;
        match change {
            SessionChange::LogLevel(level) => session.set_log_level(level),
            SessionChange::Subscribe(uri, true) => {
                if session.subscribe(&uri).map_err(refused)? {
                    self.cluster.hold([&*uri]);
                }
                self.hub.subscribe(*ear, &uri);
                let work = self.clone().hear(uri);
                return Ok(self.call(caller, request, meta, None, None, work));
            }
            SessionChange::Subscribe(uri, false) => {
                if session.unsubscribe(&uri) {
                    self.cluster.release([&*uri]);
                }
                self.hub.unsubscribe(*ear, &uri);
            }
        }
        Ok(Served::Now(Raw::empty_object()))
    }

    /// The work of making known that somebody here wants to hear of a resource: acknowledged once it is, so that no change
    /// behind the acknowledgement is missed.
    fn hear(self: Arc<Self>, uri: Box<str>) -> impl FnOnce(Ctx) -> HandlerFuture {
        move |_| {
            Box::pin(async move {
                let due = self.env.now().after_ms(OWNER_MS_MAX);
                self.cluster.heard(&uri, due).await.map_err(trouble)?;
                Ok(Reply::Node(Box::new(EmptyResult)))
            })
        }
    }

    /// The work of changing a session where it lives.
    fn change_home(
        self: Arc<Self>,
        seat: Seat<E>,
        change: SessionChange,
    ) -> impl FnOnce(Ctx) -> HandlerFuture {
        move |_| {
            Box::pin(async move {
                let Place::Home(home) = &seat.place else {
                    unreachable!("a session that is changed at home must have one")
                };
                let due = self.env.now().after_ms(OWNER_MS_MAX);
                let (cluster, key) = (home.cluster(), home.id());
                match change {
                    SessionChange::LogLevel(level) => {
                        cluster.set_log_level(key, level as u8, due).await.map_err(trouble)?;
                        seat.session.set_log_level(level);
                    }
                    SessionChange::Subscribe(uri, on) => {
                        cluster.subscribe(key, &uri, on, due).await.map_err(trouble)?;
                    }
                }
                Ok(Reply::Node(Box::new(EmptyResult)))
            })
        }
    }

    /// Puts a call together.
    pub(super) fn call(
        &self,
        caller: Caller<E>,
        request: &Request,
        meta: RequestMeta,
        deadline_ms: Option<u64>,
        cache: Option<Cache>,
        start: impl FnOnce(Ctx) -> HandlerFuture,
    ) -> Served {
        let call_ms_max = deadline_ms.unwrap_or(self.limits.call_ms_max);
        let ctx = Ctx::new(CallFacts {
            id: self.next_call(),
            client: caller.client,
            around: self.around.clone(),
            progress_token: meta.progress_token,
            log_level: caller.log_level,
            params: request.params.clone(),
            asking: caller.asking,
            outbox_bytes_max: self.limits.stream_queue_bytes_max,
            deadline: self.env.now().after_ms(call_ms_max),
            related_task: None,
        });
        Served::Call(Running::start(ctx, call_ms_max, start), cache)
    }
}
