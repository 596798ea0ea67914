//! The HTTP edge: from a request's head and body to an answer, for every revision on one endpoint.
//!
//! `POST /mcp` serves all of them but 2024-11-05, told apart by the era table; `GET` and `DELETE` belong to the stateful
//! ones. `GET /sse` and `POST /message` are the transport of 2024-11-05.

mod answer;
mod batch;
mod old;
mod post;
mod stream;

use std::sync::Arc;

use http::request::Parts;
use http::{Method, Request, Response, StatusCode};

use super::config::{Config, HttpConfig};
use super::core::Core;
use crate::client::Principal;
use crate::env::Env;
use crate::transport::http::{Bearer, Guard, RequestBody, ResponseBody, Service, method_not_allowed, plain};

/// The HTTP service of a node; one value serves all connections.
pub(super) struct HttpEdge<E: Env> {
    core: Arc<Core<E>>,
    path: String,
    sse: bool,
    guard: Guard,
    bearer: Option<Bearer>,
}

impl<E: Env> HttpEdge<E> {
    /// Puts the edge together.
    ///
    /// # Errors
    /// What is wrong with a host, an origin or a token of the configuration.
    pub(super) fn new(core: Arc<Core<E>>, http: &HttpConfig, config: &Config) -> Result<Self, String> {
        let guard =
            Guard::new(&with_loopback(&http.hosts), &http.origins).map_err(|error| error.to_string())?;
        let tokens: Vec<_> =
            config.tokens.iter().map(|t| (t.secret.as_str(), t.principal.as_str())).collect();
        let bearer = if tokens.is_empty() {
            None
        } else {
            Some(Bearer::new(&tokens, None).map_err(|error| error.to_string())?)
        };
        Ok(Self { core, path: http.path.clone(), sse: http.sse, guard, bearer })
    }

    async fn answer(&self, request: Request<RequestBody>) -> Response<ResponseBody> {
        let (head, body) = request.into_parts();
        let allowed = match self.guard.check(&head) {
            Ok(allowed) => allowed,
            Err(refusal) => return refusal.response(),
        };
        if let Some(preflight) = allowed.preflight(&head) {
            return preflight;
        }
        let mut response = self.route(&head, body).await;
        allowed.mark(response.headers_mut());
        response
    }

    async fn route(&self, head: &Parts, body: RequestBody) -> Response<ResponseBody> {
        let principal = match &self.bearer {
            None => Principal::anonymous(),
            Some(bearer) => match bearer.check(&head.headers) {
                Ok(name) => Principal::from(name),
                Err(unauthorized) => return unauthorized.response(),
            },
        };
        let path = head.uri.path();
        if path == self.path {
            return match head.method {
                Method::POST => self.post(head, body, principal).await,
                Method::GET => Box::pin(self.get(head, &principal)).await,
                Method::DELETE => Box::pin(self.delete(head, &principal)).await,
                _ => method_not_allowed("GET, POST, DELETE, OPTIONS"),
            };
        }
        match (path, &head.method) {
            ("/sse", &Method::GET) if self.sse => self.old_open(principal),
            ("/message", &Method::POST) if self.sse => Box::pin(self.old_post(head, body, &principal)).await,
            ("/sse" | "/message", _) if self.sse => method_not_allowed("GET, POST, OPTIONS"),
            _ => plain(StatusCode::NOT_FOUND, format!("The MCP endpoint is {}\n", self.path)),
        }
    }
}

/// The names of this machine to itself. A page from elsewhere cannot make a browser send them, so they are always served.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The hosts of a configuration, and loopback's own. No hosts at all mean those to [`Guard`] anyway.
fn with_loopback(hosts: &[String]) -> Vec<String> {
    let own = LOOPBACK.iter().map(|host| (*host).to_owned()).filter(|_| !hosts.is_empty());
    hosts.iter().cloned().chain(own).collect()
}

/// How large the future of a request may be. It is made, copied and freed for each, so what few requests need (another
/// node, a stream) is boxed where it is needed; unboxed, all of that together was 15 KB.
const ANSWER_BYTES_MAX: usize = 4 * 1024;

/// The service of one connection: the edge behind a pointer.
pub(super) struct Handle<E: Env>(pub(super) Arc<HttpEdge<E>>);

impl<E: Env> Service for Handle<E> {
    fn call(&self, request: Request<RequestBody>) -> impl Future<Output = Response<ResponseBody>> + Send {
        let answer = self.0.answer(request);
        debug_assert!(
            size_of_val(&answer) <= ANSWER_BYTES_MAX,
            "{} bytes for each request",
            size_of_val(&answer)
        );
        // Boxed, because hyper keeps room for this future on every connection, idle ones too.
        Box::pin(answer)
    }
}
