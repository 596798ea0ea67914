//! Batches (2025-03-26 `basic/transports`): each message by itself; where there are requests, their answers come on one
//! stream, in the order in which they are ready.

use bytes::Bytes;
use http::Response;
use http::request::Parts;

use super::super::carry::Carried;
use super::super::core::Seat;
use super::super::outlet::Outlet;
use super::super::serve::Served;
use super::{HttpEdge, answer};
use crate::client::Principal;
use crate::env::Env;
use crate::jsonrpc::{Id, Malformed, Message, Request, error_message};
use crate::protocol::{Fault, RequestMeta, Revision, carried_message};
use crate::transport::http::ResponseBody;

type Entry = Result<Message, Malformed>;

impl<E: Env> HttpEdge<E> {
    pub(super) async fn batch(
        &self,
        head: &Parts,
        entries: Vec<Entry>,
        principal: &Principal,
    ) -> Response<ResponseBody> {
        let refuse = |fault: &Fault| answer::fault(fault, None, Revision::LATEST_LEGACY);
        let seat = match self.seat(head, principal).await {
            Ok(seat) if seat.session.client.revision.has_batches() => seat,
            _ => return refuse(&Fault::invalid_request("batches belong to sessions of 2025-03-26")),
        };
        let (quiet, asking): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_quiet);
        quiet.into_iter().for_each(|entry| match entry {
            Ok(Message::Notification(notification)) => drop(self.core.notified(&seat, &notification)),
            Ok(Message::Answer(answer)) => self.core.answered_quietly(&seat, answer),
            _ => {}
        });
        if asking.is_empty() {
            return answer::accepted();
        }
        let ids: Vec<&Id> = asking.iter().filter_map(asked).collect();
        // What could not be read as a message is answered too, under whatever id it seems to have.
        let unread = asking.len() - ids.len();
        let opened = self.open_stream(&seat, &ids).await;
        let (scribe, body) = match opened {
            Ok(opened) => opened,
            Err(fault) => return refuse(&fault),
        };
        scribe.expect_more(unread);
        let outlet = Outlet::Stream(scribe);
        for entry in asking {
            match entry {
                Ok(Message::Request(request)) => self.batch_request(&seat, request, outlet.clone()),
                Err(malformed) => {
                    let object = Fault::from(&malformed).to_object();
                    self.batch_answer(&outlet, None, error_message(malformed.id(), &object));
                }
                Ok(_) => unreachable!("what asks nothing was sorted out"),
            }
        }
        answer::events(body)
    }

    fn batch_request(&self, seat: &Seat<E>, request: Request, outlet: Outlet<E>) {
        let revision = seat.session.client.revision;
        let served = RequestMeta::read(&request.params)
            .and_then(|meta| self.core.serve(self.core.session_caller(seat), &request, meta, None));
        let id = request.id;
        match served {
            Ok(Served::Now(result)) => {
                self.batch_answer(&outlet, Some(id.clone()), carried_message(&id, &result));
            }
            Err(fault) => {
                self.batch_answer(&outlet, Some(id.clone()), error_message(Some(&id), &fault.to_object()));
            }
            Ok(Served::Call(running, _)) => {
                let core = self.core.clone();
                let carried = Carried::new(core.clone(), seat.session.calls.clone(), id.clone(), running);
                carried.go_on(None, outlet, false, move |end| {
                    core.write_stateful(&id, revision, end, false).map(|(_, message)| message)
                });
            }
        }
    }

    fn batch_answer(&self, outlet: &Outlet<E>, id: Option<Id>, message: Bytes) {
        let (core, outlet) = (self.core.clone(), outlet.clone());
        self.core.env.spawn("answer of a batch", async move {
            outlet.end(&core.env, id.as_ref(), Some(message)).await;
        });
    }
}

const fn asked(entry: &Entry) -> Option<&Id> {
    match entry {
        Ok(Message::Request(request)) => Some(&request.id),
        _ => None,
    }
}

const fn is_quiet(entry: &Entry) -> bool {
    matches!(entry, Ok(Message::Notification(_) | Message::Answer(_)))
}
