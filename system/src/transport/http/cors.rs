//! Cross-origin headers, for the pages that the [`Guard`](super::Guard) allows. Others get none and so can read nothing.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::names::MCP_PARAM_PREFIX;
use super::{Allowed, ResponseBody};

/// What a page may read beyond the safelisted headers.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE, OPTIONS");
/// Two hours: browsers remember an answer no longer than that.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("7200");
/// What a page may send. `Mcp-Param-*` is added name by name, because CORS knows no prefixes.
const SENDABLE: [&str; 8] = [
    "accept",
    "authorization",
    "content-type",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
];

impl Allowed {
    /// Lets the page that asked read the answer. Nothing where no page asked.
    pub fn mark(&self, headers: &mut HeaderMap) {
        let Some(origin) = &self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.append(VARY, HeaderValue::from_name(ORIGIN));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }

    /// The answer to a preflight, or `None` where the request is none. A browser asks without credentials, so this comes
    /// before any check of them.
    #[must_use]
    pub fn preflight(&self, head: &Parts) -> Option<Response<ResponseBody>> {
        self.origin.as_ref()?;
        if head.method != Method::OPTIONS || !head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut response = Response::new(ResponseBody::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        self.mark(headers);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, sendable(&head.headers));
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
        Some(response)
    }
}

fn sendable(asked: &HeaderMap) -> HeaderValue {
    let mut list = SENDABLE.join(", ");
    let names = asked.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
    for name in names.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
        let name = name.trim().to_ascii_lowercase();
        if name.starts_with(MCP_PARAM_PREFIX) && http::HeaderName::from_bytes(name.as_bytes()).is_ok() {
            list.push_str(", ");
            list.push_str(&name);
        }
    }
    HeaderValue::from_str(&list).expect("a list of header names must be a header value")
}
