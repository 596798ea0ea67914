//! The stateful revisions: sessions, and what they are asked.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::core::{Core, Place, Seat};
use super::home::OWNER_MS_MAX;
use super::serve::Caller;
use super::trouble;
use crate::cancel::CancelReason;
use crate::client::{Client, Principal};
use crate::cluster::Trouble;
use crate::dispatch::greeting;
use crate::env::Env;
use crate::event::Event;
use crate::handler::{Answering, AskPort, Asking, End};
use crate::ids::SessionId;
use crate::jsonrpc::{Answer, Id, Notification, Raw, Request, error_message};
use crate::protocol::{Cancelled, Fault, InitializeParams, Method, Revision, result_message, to_raw};
use crate::session::{Calls, Queue, Session};

/// Asks a session's client by requests of ours.
struct SessionPort(Arc<Session>);

impl AskPort for SessionPort {
    fn open(&self) -> Option<(Id, Answering)> {
        let (id, receiver) = self.0.questions.open(self.0.asks_max())?;
        Some((id, Box::pin(async move { receiver.await.ok() })))
    }
}

impl<E: Env> Core<E> {
    /// Reads an `initialize` request: who the client is, and the body of the answer.
    ///
    /// # Errors
    /// The fault to answer with.
    pub(super) fn greet(
        &self,
        request: &Request,
        principal: Principal,
        pinned: Option<Revision>,
    ) -> Result<(Client, Raw), Fault> {
        let hello = InitializeParams::read(&request.params)?;
        let revision = pinned.unwrap_or_else(|| Revision::negotiate(&hello.requested));
        let info = Some(to_raw(&hello.client_info, Revision::LATEST_LEGACY));
        let client = Client { revision, capabilities: hello.capabilities, info, principal };
        Ok((client, greeting(&self.catalogue.snapshot(), revision)))
    }

    /// Opens a session that lives and ends with its channel.
    ///
    /// # Errors
    /// The fault to answer with; no session was opened.
    pub(super) fn open_channel(
        &self,
        client: Client,
        queue: Arc<Queue>,
        calls: Arc<Calls>,
    ) -> Result<Seat<E>, Fault> {
        if usize::try_from(self.metrics.sessions.get()).unwrap_or(0) >= self.limits.sessions_max {
            return Err(Fault::overloaded("this node has as many sessions as it may have"));
        }
        let (id, asks) = (SessionId(self.mint()), self.cluster.question_prefix());
        let session = Session::new(id, Arc::new(client), self.session_bounds(), calls, asks, self.env.now());
        let session = Arc::new(session);
        let ear = self.hub.add_channel(session.clone(), queue.clone());
        self.metrics.sessions.inc();
        self.metrics.sessions_opened.inc();
        self.env.record(&Event::SessionOpened(id));
        Ok(Seat { session, place: Place::Channel(ear, queue) })
    }

    /// Ends the session of a channel.
    pub(super) fn end_channel(&self, seat: &Seat<E>, reason: CancelReason) {
        if let Place::Channel(ear, _) = &seat.place {
            self.hub.remove(*ear);
            let subscriptions = seat.session.take_subscriptions();
            self.cluster.release(subscriptions.iter().map(|uri| &**uri));
        }
        if seat.session.end(reason) {
            self.metrics.sessions.dec();
            self.env.record(&Event::SessionClosed(seat.session.id));
        }
    }

    /// Somebody who asks in a session.
    pub(super) fn session_caller(&self, seat: &Seat<E>) -> Caller<E> {
        let port = Arc::new(SessionPort(seat.session.clone()));
        Caller {
            client: seat.session.client.clone(),
            seat: Some(seat.clone()),
            asking: Asking::Live { port, ask_ms_max: self.limits.ask_ms_max },
            log_level: Some(seat.session.log_level()),
        }
    }

    /// Takes a notification in a session. What it is about comes to pass though its client hangs up.
    ///
    /// # Errors
    /// The fault to answer with where it is about a call that may run elsewhere, and not everybody could be told: the client may send
    /// it again.
    pub(super) fn notified(
        &self,
        seat: &Seat<E>,
        notification: &Notification,
    ) -> impl Future<Output = Result<(), Fault>> + Send + use<E> {
        let told = self.cancelled(seat, notification).map(|told| {
            let (sender, receiver) = oneshot::channel();
            self.env.spawn("cancellation", async move {
                let told = told.await;
                if let Err(error) = &told {
                    tracing::debug!("not everybody heard of a cancellation: {error}");
                }
                // Whoever hung up does not mind.
                let _ = sender.send(told);
            });
            receiver
        });
        async move {
            let Some(told) = told else { return Ok(()) };
            told.await.unwrap_or(Err(Trouble::Unknown)).map_err(trouble)
        }
    }

    /// Cancels a call that a notification names, if that is what it says. What is left to do where the call may run elsewhere.
    fn cancelled(
        &self,
        seat: &Seat<E>,
        notification: &Notification,
    ) -> Option<impl Future<Output = Result<(), Trouble>> + Send + use<E>> {
        // `initialized` opens nothing that was closed, progress of our questions is not shown to anybody, and roots are
        // asked for each time they are needed. A cancellation of something that ended, or never was, is no error
        // (`utilities/cancellation`).
        if Method::parse(&notification.method) != Some(Method::Cancelled) {
            return None;
        }
        let params = Cancelled::read(&notification.params).ok()?;
        if seat.session.calls.cancel(&params.request_id, CancelReason::Client) {
            return None;
        }
        let Place::Home(home) = &seat.place else { return None };
        // The call may run at any node that serves the session.
        let (home, call) = (home.clone(), id_text(&params.request_id));
        let due = self.env.now().after_ms(OWNER_MS_MAX);
        Some(async move { home.cluster().cancel(home.id(), call, due).await })
    }

    /// Takes an answer to a question of ours, which may be waited for at another node.
    ///
    /// # Errors
    /// The fault to answer with where that node could not be told: the client may send it again.
    pub(super) async fn answered(&self, seat: &Seat<E>, answer: Answer) -> Result<(), Fault> {
        // An answer that nobody waits for any more came too late, which is nobody's fault.
        let Some(home) = self.cluster.question_elsewhere(&answer.id) else {
            seat.session.questions.answer(answer);
            return Ok(());
        };
        let due = self.env.now().after_ms(OWNER_MS_MAX);
        self.cluster.pass_answer(home, seat.session.id, &answer, due).await.map_err(trouble)
    }

    /// The same for a client that is not told whether it was taken.
    pub(super) fn answered_quietly(self: &Arc<Self>, seat: &Seat<E>, answer: Answer) {
        let (core, seat) = (self.clone(), seat.clone());
        self.env.spawn("answer", async move {
            if let Err(fault) = core.answered(&seat, answer).await {
                tracing::debug!("an answer was lost: {fault}");
            }
        });
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

/// An id as it stands in JSON: how nodes name a call to each other.
pub(super) fn id_text(id: &Id) -> Bytes {
    serde_json::to_vec(id).expect("an id must encode").into()
}
