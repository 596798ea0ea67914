//! Streams that a client opens, and the end of sessions: `GET` and `DELETE` of the stateful revisions,
//! `subscriptions/listen` of the stateless one.

use http::request::Parts;
use http::{Response, StatusCode};

use super::super::body::{EventBody, Source, Style};
use super::super::core::{Place, Seat};
use super::super::home::{OWNER_MS_MAX, STANDALONE};
use super::super::life::Stage;
use super::super::listen::Listening;
use super::super::serve::Caller;
use super::super::stateless::Lone;
use super::super::trouble;
use super::{HttpEdge, answer};
use crate::client::Principal;
use crate::cluster::Trouble;
use crate::env::{Env, reachable};
use crate::ids::StreamId;
use crate::protocol::{Fault, Revision, Version};
use crate::transport::http::{Accepts, AnswerStream, ResponseBody, method_not_allowed, names, plain};
use crate::transport::sse;

type Http = Response<ResponseBody>;

impl<E: Env> HttpEdge<E> {
    /// `GET`: the standalone stream, or with `Last-Event-ID` the rest of whichever stream that event belongs to.
    pub(super) async fn get(&self, head: &Parts, principal: &Principal) -> Http {
        if !Accepts::read(&head.headers).events {
            return plain(StatusCode::NOT_ACCEPTABLE, "Accept must list text/event-stream\n");
        }
        if !self.names_session(head) {
            // 2026-07-28 has no GET, and without a session there is nothing to stream.
            return method_not_allowed("POST, OPTIONS");
        }
        if self.core.life.stage() > Stage::Ready {
            return answer::fault(&Fault::shutting_down(), None, Revision::LATEST_LEGACY);
        }
        let opened = match self.seat(head, principal).await {
            Ok(seat) => self.resume(head, &seat).await,
            Err(fault) => Err(fault),
        };
        match opened {
            Ok(body) => answer::events(body),
            Err(fault) => answer::fault(&fault, None, Revision::LATEST_LEGACY),
        }
    }

    /// The stream that is asked for, with what goes out first, so that the head does so at once even where no event is due.
    async fn resume(&self, head: &Parts, seat: &Seat<E>) -> Result<AnswerStream, Fault> {
        let Place::Home(home) = &seat.place else { return Err(Fault::session_not_found()) };
        let due = self.core.env.now().after_ms(OWNER_MS_MAX);
        let Some(last) = head.headers.get(names::LAST_EVENT_ID) else {
            let (turn, after) =
                home.cluster().take(home.id(), STANDALONE, None, due).await.map_err(trouble)?;
            // A client that loses this connection before the first event could not say where to go on.
            let first = if seat.session.client.revision >= Revision::V2025_11_25 {
                sse::prime(&format!("{}.{after}", STANDALONE.0), Some(self.core.limits.retry_ms))
            } else {
                sse::comment()
            };
            return Ok(self.follow(seat, home, STANDALONE, (turn, after), Some(first)));
        };
        let unknown =
            || Fault::invalid_request("Last-Event-ID names no event of this session").with_status(400);
        let (stream, sequence) =
            last.to_str().ok().and_then(|text| text.split_once('.')).ok_or_else(unknown)?;
        let stream = stream.parse().map(StreamId).map_err(|_| unknown())?;
        let sequence = sequence.parse().map_err(|_| unknown())?;
        // What is no longer kept cannot be told again, and must not be skipped in silence.
        let taken = home.cluster().take(home.id(), stream, Some(sequence), due).await;
        let taken = taken.map_err(|error| match error {
            Trouble::NoStream(why) => Fault::invalid_request(why).with_status(400),
            other => trouble(other),
        })?;
        reachable!(self.core.env, StreamResumed);
        Ok(self.follow(seat, home, stream, taken, Some(sse::comment())))
    }

    fn names_session(&self, head: &Parts) -> bool {
        head.headers.contains_key(names::MCP_SESSION_ID)
            && !matches!(Version::of_headers(&head.headers), Version::Modern(_))
    }

    /// `DELETE`: ends the session.
    pub(super) async fn delete(&self, head: &Parts, principal: &Principal) -> Http {
        if !self.names_session(head) {
            return method_not_allowed("POST, OPTIONS");
        }
        let ended = match self.seat(head, principal).await {
            Ok(seat) => match &seat.place {
                Place::Home(home) => self.core.end_home(&seat, home).await,
                Place::Channel(..) => Err(Fault::session_not_found()),
            },
            Err(fault) => Err(fault),
        };
        match ended {
            Ok(()) => answer::status(StatusCode::NO_CONTENT),
            Err(fault) => answer::fault(&fault, None, Revision::LATEST_LEGACY),
        }
    }

    /// `subscriptions/listen`: a stream of what the client asked to hear.
    pub(super) async fn listen(&self, head: &Parts, lone: &Lone, caller: &Caller<E>) -> Result<Http, Fault> {
        if !Accepts::read(&head.headers).events {
            return Ok(plain(StatusCode::NOT_ACCEPTABLE, "Accept must list text/event-stream\n"));
        }
        let log = self.core.queue();
        let reader = log.attach();
        let listening = Listening::open(&self.core, lone, caller, log, true).await?;
        Ok(answer::events(Box::pin(EventBody::new(
            &self.core,
            Source::Queue(reader),
            Style::Bare,
            None,
            listening,
        ))))
    }
}
