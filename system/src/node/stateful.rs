//! The stateful revisions: sessions, and what they are asked.

use std::sync::Arc;

use bytes::Bytes;

use super::core::{Core, Seat};
use super::serve::Caller;
use crate::cancel::CancelReason;
use crate::client::{Client, Principal};
use crate::dispatch::greeting;
use crate::env::Env;
use crate::event::Event;
use crate::handler::{Answering, AskPort, Asking, End};
use crate::ids::SessionId;
use crate::jsonrpc::{Answer, Id, Notification, Raw, Request, error_message};
use crate::protocol::{Cancelled, Fault, InitializeParams, Method, Revision, result_message, to_raw};
use crate::session::{Calls, Session, StreamLog};

/// Asks a session's client by requests of ours.
struct SessionPort(Arc<Session>);

impl AskPort for SessionPort {
    fn open(&self) -> Option<(Id, Answering)> {
        let (id, receiver) = self.0.questions.open(self.0.asks_max())?;
        Some((id, Box::pin(async move { receiver.await.ok() })))
    }
}

impl<E: Env> Core<E> {
    /// Opens a session for an `initialize` request, and gives the body of its result.
    ///
    /// # Errors
    /// The fault to answer with; no session was opened.
    pub(super) fn initialize(
        self: &Arc<Self>,
        request: &Request,
        principal: Principal,
        pinned: Option<Revision>,
        standalone: Arc<StreamLog>,
        calls: Arc<Calls>,
    ) -> Result<(Seat, Raw), Fault> {
        let hello = InitializeParams::read(&request.params)?;
        let revision = pinned.unwrap_or_else(|| Revision::negotiate(&hello.requested));
        let info = Some(to_raw(&hello.client_info, Revision::LATEST_LEGACY));
        let client = Client { revision, capabilities: hello.capabilities, info, principal };
        let seat = self.open_session(Arc::new(client), standalone, calls)?;
        Ok((seat, greeting(&self.catalogue.snapshot(), revision)))
    }

    fn open_session(
        &self,
        client: Arc<Client>,
        standalone: Arc<StreamLog>,
        calls: Arc<Calls>,
    ) -> Result<Seat, Fault> {
        if self.sessions.len() >= self.limits.sessions_max {
            return Err(Fault::overloaded("this node has as many sessions as it may have"));
        }
        let id = SessionId(self.mint());
        let bounds = self.session_bounds();
        let session = Arc::new(Session::new(id, client, bounds, standalone, calls, self.env.now()));
        let seat = Seat { ear: self.hub.add_session(session.clone()), session };
        self.sessions.insert(id, seat.clone());
        self.metrics.sessions.inc();
        self.metrics.sessions_opened.inc();
        self.env.record(&Event::SessionOpened(id));
        Ok(seat)
    }

    /// Ends a session. False when it had ended already.
    pub(super) fn end_session(&self, seat: &Seat, reason: CancelReason) -> bool {
        self.sessions.remove(&seat.session.id);
        self.hub.remove(seat.ear);
        let first = seat.session.end(reason);
        if first {
            self.metrics.sessions.dec();
            self.env.record(&Event::SessionClosed(seat.session.id));
        }
        first
    }

    /// The text by which a client names its session.
    pub(super) fn session_name(&self, session: &Session) -> String {
        self.name(session.id, &session.client.principal, session.client.revision)
    }

    /// The session that a client names. Somebody else's looks as if it were none.
    pub(super) fn find_session(&self, name: &str, principal: &Principal) -> Option<Seat> {
        let seat = self.sessions.get(&self.named(name, principal)?)?;
        (seat.session.client.principal == *principal).then_some(seat)
    }

    /// Somebody who asks in a session.
    pub(super) fn session_caller(&self, seat: &Seat) -> Caller {
        let port = Arc::new(SessionPort(seat.session.clone()));
        Caller {
            client: seat.session.client.clone(),
            seat: Some(seat.clone()),
            asking: Asking::Live { port, ask_ms_max: self.limits.ask_ms_max },
            log_level: Some(seat.session.log_level()),
        }
    }

    /// Takes a notification in a session.
    pub(super) fn notified(&self, seat: &Seat, notification: &Notification) {
        // `initialized` opens nothing that was closed, progress of our questions is not shown to anybody, and roots are
        // asked for each time they are needed. A cancellation of something that ended, or never was, is no error
        // (`utilities/cancellation`).
        if Method::parse(&notification.method) == Some(Method::Cancelled)
            && let Ok(params) = Cancelled::read(&notification.params)
        {
            seat.session.calls.cancel(&params.request_id, CancelReason::Client);
        }
    }

    /// Takes an answer to a question of ours. False when nobody waits for it.
    pub(super) fn answered(&self, seat: &Seat, answer: Answer) -> bool {
        seat.session.questions.answer(answer)
    }

    /// Writes the answer of a stateful call. A cancelled call gets none on a shared channel (`quiet`); over HTTP its
    /// request must be answered with something.
    pub(super) fn write_stateful(
        &self,
        id: &Id,
        revision: Revision,
        end: End,
        quiet: bool,
    ) -> Option<(u16, Bytes)> {
        let fault = match end {
            End::Answer(Ok(reply)) => {
                self.metrics.calls_answered.inc();
                return Some((200, result_message(id, revision, &reply.cached(None), None)));
            }
            End::Answer(Err(fault)) => {
                self.metrics.calls_failed.inc();
                fault
            }
            End::Cancelled(reason) => {
                self.metrics.calls_cancelled.inc();
                if quiet && reason == CancelReason::Client {
                    return None;
                }
                super::cancelled_fault(reason)
            }
            End::InputRequired(..) => unreachable!("a stateful call asks its client while it waits"),
        };
        Some((fault.http_status(revision), error_message(Some(id), &fault.to_object())))
    }
}
