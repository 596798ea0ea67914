//! Answers: a message as JSON, a stream of events, or just a status.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use crate::jsonrpc::{Id, error_message};
use crate::protocol::{Fault, Revision};
use crate::transport::http::{AnswerStream, ResponseBody, names};

/// A message.
pub(super) fn json(status: u16, message: Bytes) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(message));
    *response.status_mut() = StatusCode::from_u16(status).expect("a fault's status must be a status");
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(names::APPLICATION_JSON));
    if status == 503 {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        // On a connection that is kept a client would come back to this node for ever, where another one could serve it.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// An error, as the answer to a request or to something that could not be read as one.
pub(super) fn fault(fault: &Fault, id: Option<&Id>, revision: Revision) -> Response<ResponseBody> {
    json(fault.http_status(revision), error_message(id, &fault.to_object()))
}

/// Events. Nobody between is to keep or to hold them back.
pub(super) fn events(body: AnswerStream) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::stream(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(names::TEXT_EVENT_STREAM));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert(names::X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// 202: taken, and there is nothing to say.
pub(super) fn accepted() -> Response<ResponseBody> {
    status(StatusCode::ACCEPTED)
}

/// A status alone.
pub(super) fn status(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    response
}
