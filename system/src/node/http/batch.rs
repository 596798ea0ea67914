//! Batches (2025-03-26 `basic/transports`): each message by itself; where there are requests, their answers come on one
//! stream, in the order in which they are ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Response;
use http::request::Parts;

use super::super::body::{EventBody, Reading, Style};
use super::super::carry::Carried;
use super::super::core::Seat;
use super::super::refused;
use super::super::serve::Served;
use super::{HttpEdge, answer};
use crate::client::Principal;
use crate::env::Env;
use crate::jsonrpc::{Malformed, Message, Request, error_message};
use crate::protocol::{Fault, RequestMeta, Revision, carried_message};
use crate::session::StreamLog;
use crate::transport::http::ResponseBody;

type Entry = Result<Message, Malformed>;

/// The answers of a batch that are still to come. The last one ends the stream.
#[derive(Clone)]
struct Left(Arc<AtomicUsize>);

impl Left {
    fn answered(&self, log: &StreamLog, message: bytes::Bytes) {
        log.append(message);
        if self.0.fetch_sub(1, Ordering::AcqRel) == 1 {
            log.finish();
        }
    }
}

impl<E: Env> HttpEdge<E> {
    pub(super) fn batch(
        &self,
        head: &Parts,
        entries: Vec<Entry>,
        principal: &Principal,
    ) -> Response<ResponseBody> {
        let refuse = |fault: &Fault| answer::fault(fault, None, Revision::LATEST_LEGACY);
        let seat = match self.seat(head, principal) {
            Ok(seat) if seat.session.client.revision.has_batches() => seat,
            _ => return refuse(&Fault::invalid_request("batches belong to sessions of 2025-03-26")),
        };
        let (quiet, asking): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_quiet);
        quiet.into_iter().for_each(|entry| match entry {
            Ok(Message::Notification(notification)) => self.core.notified(&seat, &notification),
            Ok(Message::Answer(answer)) => drop(self.core.answered(&seat, answer)),
            _ => {}
        });
        if asking.is_empty() {
            return answer::accepted();
        }
        let log = match seat.session.open_stream() {
            Ok(log) => log,
            Err(refusal) => return refuse(&refused(refusal)),
        };
        let left = Left(Arc::new(AtomicUsize::new(asking.len())));
        let reader = log.attach();
        for entry in asking {
            match entry {
                Ok(Message::Request(request)) => self.batch_request(&seat, request, &log, left.clone()),
                Err(malformed) => {
                    let object = Fault::from(&malformed).to_object();
                    left.answered(&log, error_message(malformed.id(), &object));
                }
                Ok(_) => unreachable!("what asks nothing was sorted out"),
            }
        }
        let reading = Reading::new(self.core.clone(), seat.session);
        answer::events(Box::pin(EventBody::new(&self.core, reader, Style::Resumable, None, reading)))
    }

    fn batch_request(&self, seat: &Seat, request: Request, log: &Arc<StreamLog>, left: Left) {
        let revision = seat.session.client.revision;
        let served = RequestMeta::read(&request.params)
            .and_then(|meta| self.core.serve(self.core.session_caller(seat), &request, meta, None));
        let id = request.id;
        match served {
            Ok(Served::Now(result)) => left.answered(log, carried_message(&id, &result)),
            Err(fault) => left.answered(log, error_message(Some(&id), &fault.to_object())),
            Ok(Served::Call(running, _)) => {
                let core = self.core.clone();
                let carried = Carried::new(core.clone(), seat.session.calls.clone(), id.clone(), running);
                carried.go_on(None, log.clone(), false, move |log, end| {
                    let written = core.write_stateful(&id, revision, end, false);
                    left.answered(log, written.expect("over HTTP a call must be answered").1);
                });
            }
        }
    }
}

const fn is_quiet(entry: &Entry) -> bool {
    matches!(entry, Ok(Message::Notification(_) | Message::Answer(_)))
}
