//! Answers in plain text: what a refusal says where no message was read, so that no message can answer it.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

use super::ResponseBody;

/// An answer of one sentence.
#[must_use]
pub fn plain(status: StatusCode, sentence: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(sentence.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// 405 with the methods that would do, such as `"GET, POST"`.
#[must_use]
pub fn method_not_allowed(allow: &'static str) -> Response<ResponseBody> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed here");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}
