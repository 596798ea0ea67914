//! A channel: one connection that carries everything both ways, in lines (stdio, TCP) or as the stream of 2024-11-05.
//!
//! All that the server says goes through one queue, in order: answers, questions, notifications. `initialize` makes the
//! channel a session; messages with a `_meta` of 2026-07-28 stand for themselves, on the same channel.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::carry::Carried;
use super::core::{Core, Seat};
use super::listen::Listening;
use super::outlet::Outlet;
use super::refused;
use super::serve::{Caller, Served};
use super::stateless::Lone;
use crate::cancel::CancelReason;
use crate::client::Principal;
use crate::env::Env;
use crate::jsonrpc::{Id, Malformed, Message, Notification, Request, error_message};
use crate::protocol::{
    Cache, Cancelled, Carrier, Era, Facts, Fault, Method, MethodClass, RequestMeta, Revision, carried_message,
};
use crate::session::{Calls, Queue, Reader};

/// See the [module](self) page.
pub(super) struct Channel<E: Env> {
    core: Arc<Core<E>>,
    principal: Principal,
    log: Arc<Queue>,
    calls: Arc<Calls>,
    /// The old transport belongs to one revision, whatever `initialize` asks for.
    pinned: Option<Revision>,
    open: Arc<Mutex<Open<E>>>,
}

struct Open<E: Env> {
    seat: Option<Seat<E>>,
    listens: BTreeMap<Id, Listening<E>>,
    closed: bool,
}

impl<E: Env> Channel<E> {
    pub(super) fn new(core: Arc<Core<E>>, principal: Principal, pinned: Option<Revision>) -> Self {
        let calls = Arc::new(Calls::new(core.limits.requests_per_connection_max));
        let open = Arc::new(Mutex::new(Open { seat: None, listens: BTreeMap::new(), closed: false }));
        Self { principal, log: core.queue(), calls, pinned, open, core }
    }

    /// Reads what the server says.
    pub(super) fn reader(&self) -> Reader {
        self.log.attach()
    }

    /// Whose channel it is.
    pub(super) const fn principal(&self) -> &Principal {
        &self.principal
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open<E>> {
        self.open.lock().expect("channel must not be poisoned")
    }

    fn seat(&self) -> Option<Seat<E>> {
        self.lock().seat.clone()
    }

    /// Takes what the client sent.
    pub(super) fn take(&self, message: Result<Message, Malformed>) {
        self.core.metrics.messages.inc();
        match message {
            Ok(Message::Request(request)) => {
                let id = request.id.clone();
                if let Err(fault) = self.request(request) {
                    self.log.append(error_message(Some(&id), &fault.to_object()));
                }
            }
            Ok(Message::Notification(notification)) => self.notification(&notification),
            Ok(Message::Answer(answer)) => {
                if let Some(seat) = self.seat() {
                    self.core.answered_quietly(&seat, answer);
                }
            }
            Err(malformed) => {
                self.core.metrics.messages_refused.inc();
                self.log.append(error_message(malformed.id(), &Fault::from(&malformed).to_object()));
            }
        }
    }

    fn request(&self, request: Request) -> Result<(), Fault> {
        let meta = RequestMeta::read(&request.params)?;
        let facts = Facts {
            carrier: Carrier::Line,
            header: crate::protocol::Version::Absent,
            meta: meta.version.clone(),
            method: MethodClass::of_request(Method::parse(&request.method)),
            session: self.lock().seat.is_some(),
        };
        self.calls.admit(&request.id).map_err(refused)?;
        match facts.era()? {
            Era::Initialize => self.initialize(&request),
            Era::Legacy(_) => self.stateful(request, meta),
            Era::Modern(revision) => self.stateless(request, meta, revision),
        }
    }

    fn initialize(&self, request: &Request) -> Result<(), Fault> {
        let mut open = self.lock();
        if open.closed || open.seat.is_some() {
            return Err(Fault::invalid_request("this connection is initialized already"));
        }
        let (client, greeting) = self.core.greet(request, self.principal.clone(), self.pinned)?;
        open.seat = Some(self.core.open_channel(client, self.log.clone(), self.calls.clone())?);
        self.log.append(carried_message(&request.id, &greeting));
        Ok(())
    }

    fn stateful(&self, request: Request, meta: RequestMeta) -> Result<(), Fault> {
        let Some(seat) = self.seat() else {
            // `ping` may come before `initialize` (2025-11-25 `basic/lifecycle`).
            self.log.append(carried_message(&request.id, &crate::jsonrpc::Raw::empty_object()));
            return Ok(());
        };
        let revision = seat.session.client.revision;
        seat.session.touch(self.core.env.now());
        let served = self.core.serve(self.core.session_caller(&seat), &request, meta, None)?;
        let core = self.core.clone();
        let id = request.id;
        match served {
            Served::Now(result) => self.log.append(carried_message(&id, &result)),
            Served::Call(running, _) => {
                let carried = Carried::new(core.clone(), self.calls.clone(), id.clone(), running);
                carried.go_on(None, Outlet::Channel(self.log.clone()), false, move |end| {
                    core.write_stateful(&id, revision, end, true).map(|(_, message)| message)
                });
            }
        }
        Ok(())
    }

    fn stateless(&self, request: Request, meta: RequestMeta, revision: Revision) -> Result<(), Fault> {
        let method = Method::parse(&request.method);
        let (lone, caller) = self.core.lone(request, &meta, revision, self.principal.clone())?;
        if method == Some(Method::Listen) {
            return self.listen(lone, caller);
        }
        match self.core.serve(caller, &lone.request, meta, None)? {
            Served::Now(result) => self.log.append(carried_message(&lone.request.id, &result)),
            Served::Call(running, cache) => self.run_stateless(lone, running, cache),
        }
        Ok(())
    }

    /// Opens a subscription as soon as it is heard of everywhere; what comes on the channel meanwhile goes on.
    fn listen(&self, lone: Lone, caller: Caller<E>) -> Result<(), Fault> {
        if self.lock().listens.len() >= self.core.limits.requests_per_connection_max {
            return Err(Fault::overloaded("too many subscriptions on this connection"));
        }
        let (core, log, open) = (self.core.clone(), self.log.clone(), Arc::downgrade(&self.open));
        self.core.env.spawn("subscription", async move {
            match Listening::open(&core, &lone, &caller, log.clone(), false).await {
                Ok(listening) => {
                    let Some(open) = open.upgrade() else { return };
                    let mut open = open.lock().expect("channel must not be poisoned");
                    if !open.closed {
                        open.listens.insert(lone.request.id, listening);
                    }
                }
                Err(fault) => log.append(error_message(Some(&lone.request.id), &fault.to_object())),
            }
        });
        Ok(())
    }

    fn run_stateless(&self, lone: Lone, running: crate::handler::Running, cache: Option<Cache>) {
        let core = self.core.clone();
        let carried = Carried::new(core.clone(), self.calls.clone(), lone.request.id.clone(), running);
        carried.go_on(None, Outlet::Channel(self.log.clone()), false, move |end| {
            let quiet = matches!(end, crate::handler::End::Cancelled(CancelReason::Client));
            let (_, message) = core.write_stateless(&lone, end, cache);
            // A cancelled request gets no answer (2026-07-28 `patterns/cancellation`).
            (!quiet).then_some(message)
        });
    }

    fn notification(&self, notification: &Notification) {
        if Method::parse(&notification.method) != Some(Method::Cancelled) {
            return;
        }
        let Ok(params) = Cancelled::read(&notification.params) else { return };
        self.calls.cancel(&params.request_id, CancelReason::Client);
        self.lock().listens.remove(&params.request_id);
    }

    /// Ends the channel, with its calls, its subscriptions and its session.
    pub(super) fn close(&self, reason: CancelReason) {
        let (seat, listens) = {
            let open = &mut *self.lock();
            open.closed = true;
            (open.seat.take(), std::mem::take(&mut open.listens))
        };
        drop(listens);
        self.calls.close(reason);
        if let Some(seat) = seat {
            self.core.end_channel(&seat, reason);
        }
        self.log.end();
    }

    /// Whether nothing is under way: no call, and no subscription.
    pub(super) fn is_quiet(&self) -> bool {
        self.calls.len() == 0 && self.lock().listens.is_empty()
    }

    /// Waits until no call is under way.
    pub(super) async fn idle(&self) {
        self.calls.idle().await;
    }

    /// Waits until the client has read enough of what waits for it: whoever does not read is not read from.
    pub(super) async fn wait_for_room(&self) {
        self.log.room().await;
    }

    /// Answers something that could not be read as a message.
    pub(super) fn refuse(&self, reason: &str) {
        self.core.metrics.messages_refused.inc();
        self.log.append(error_message(None, &Fault::invalid_request(reason).to_object()));
    }

    /// Ends subscriptions with their results, and lets the reader end once it has taken everything.
    pub(super) fn finish(&self) {
        let listens = std::mem::take(&mut self.lock().listens);
        listens.into_values().for_each(Listening::finish);
        self.log.finish();
    }
}
