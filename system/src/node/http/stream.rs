//! Streams that a client opens, and the end of sessions: `GET` and `DELETE` of the stateful revisions,
//! `subscriptions/listen` of the stateless one.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};

use super::super::body::{EventBody, Reading, Style};
use super::super::core::Seat;
use super::super::listen::Listening;
use super::super::serve::Caller;
use super::super::stateless::Lone;
use super::{HttpEdge, answer};
use crate::cancel::CancelReason;
use crate::client::Principal;
use crate::env::Env;
use crate::ids::StreamId;
use crate::protocol::{Fault, Revision, Version};
use crate::session::{Reader, StreamLog};
use crate::transport::http::{Accepts, ResponseBody, method_not_allowed, names, plain};
use crate::transport::sse;

type Http = Response<ResponseBody>;

impl<E: Env> HttpEdge<E> {
    /// `GET`: the standalone stream, or with `Last-Event-ID` the rest of whichever stream that event belongs to.
    pub(super) fn get(&self, head: &Parts, principal: &Principal) -> Http {
        if !Accepts::read(&head.headers).events {
            return plain(StatusCode::NOT_ACCEPTABLE, "Accept must list text/event-stream\n");
        }
        if !self.names_session(head) {
            // 2026-07-28 has no GET, and without a session there is nothing to stream.
            return method_not_allowed("POST, OPTIONS");
        }
        let seat = match self.seat(head, principal) {
            Ok(seat) => seat,
            Err(fault) => return answer::fault(&fault, None, Revision::LATEST_LEGACY),
        };
        let (reader, first) = match self.reader(head, &seat) {
            Ok(opened) => opened,
            Err(fault) => return answer::fault(&fault, None, Revision::LATEST_LEGACY),
        };
        let first = Some(first);
        let reading = Reading::new(self.core.clone(), seat.session);
        answer::events(Box::pin(EventBody::new(&self.core, reader, Style::Resumable, first, reading)))
    }

    /// The stream that is asked for, and what goes out first, so that the head does so at once even where no event is due.
    fn reader(&self, head: &Parts, seat: &Seat) -> Result<(Reader, Bytes), Fault> {
        let Some(last) = head.headers.get(names::LAST_EVENT_ID) else {
            let reader = seat.session.standalone().attach();
            // A client that loses this connection before the first event could not say where to go on.
            let first = if seat.session.client.revision >= Revision::V2025_11_25 {
                let start = format!("{}.{}", reader.log().id().0, reader.log().taken());
                sse::prime(&start, Some(self.core.limits.retry_ms))
            } else {
                sse::comment()
            };
            return Ok((reader, first));
        };
        let unknown =
            || Fault::invalid_request("Last-Event-ID names no event of this session").with_status(400);
        let (stream, sequence) =
            last.to_str().ok().and_then(|text| text.split_once('.')).ok_or_else(unknown)?;
        let stream = stream.parse().map(StreamId).map_err(|_| unknown())?;
        let sequence = sequence.parse().map_err(|_| unknown())?;
        let log = seat.session.stream(stream).ok_or_else(unknown)?;
        // What is no longer kept cannot be told again, and must not be skipped in silence.
        match log.attach_after(sequence) {
            Ok(reader) => Ok((reader, sse::comment())),
            Err(gap) => Err(Fault::invalid_request(gap.to_string()).with_status(400)),
        }
    }

    fn names_session(&self, head: &Parts) -> bool {
        head.headers.contains_key(names::MCP_SESSION_ID)
            && !matches!(Version::of_headers(&head.headers), Version::Modern(_))
    }

    /// `DELETE`: ends the session.
    pub(super) fn delete(&self, head: &Parts, principal: &Principal) -> Http {
        if !self.names_session(head) {
            return method_not_allowed("POST, OPTIONS");
        }
        match self.seat(head, principal) {
            Ok(seat) => {
                self.core.end_session(&seat, CancelReason::Client);
                answer::status(StatusCode::NO_CONTENT)
            }
            Err(fault) => answer::fault(&fault, None, Revision::LATEST_LEGACY),
        }
    }

    /// `subscriptions/listen`: a stream of what the client asked to hear.
    pub(super) fn listen(&self, head: &Parts, lone: &Lone, caller: &Caller) -> Result<Http, Fault> {
        if !Accepts::read(&head.headers).events {
            return Ok(plain(StatusCode::NOT_ACCEPTABLE, "Accept must list text/event-stream\n"));
        }
        let log = Arc::new(StreamLog::new(StreamId(0), self.core.stream_bounds()));
        let reader = log.attach();
        let listening = Listening::open(&self.core, lone, caller, log, true)?;
        Ok(answer::events(Box::pin(EventBody::new(&self.core, reader, Style::Bare, None, listening))))
    }
}
