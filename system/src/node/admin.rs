//! The operator's port: is the node alive, does it take work, and what has it counted.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};

use super::core::Core;
use super::life::Stage;
use crate::env::Env;
use crate::transport::http::{RequestBody, ResponseBody, Service, method_not_allowed, plain};

/// The service of the operator's port.
pub(super) struct Admin<E: Env> {
    core: Arc<Core<E>>,
}

impl<E: Env> Admin<E> {
    pub(super) const fn new(core: Arc<Core<E>>) -> Self {
        Self { core }
    }

    async fn answer(&self, request: &Request<RequestBody>) -> Response<ResponseBody> {
        if (request.method(), request.uri().path()) == (&Method::POST, "/drain") {
            return self.drain();
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return method_not_allowed("GET, HEAD");
        }
        match request.uri().path() {
            "/livez" => plain(StatusCode::OK, "alive\n"),
            "/readyz" => match self.core.life.stage() {
                Stage::Ready => plain(StatusCode::OK, "ready\n"),
                Stage::Starting => plain(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
                Stage::Draining => plain(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
                Stage::Stopped => plain(StatusCode::SERVICE_UNAVAILABLE, "stopped\n"),
            },
            "/metrics" => {
                let mut response = plain(StatusCode::OK, self.core.metrics.print());
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                response
            }
            "/status" => {
                let status = self.core.cluster.status().await;
                let status = serde_json::to_vec(&status).expect("plain numbers and texts must encode");
                let mut response = plain(StatusCode::OK, status);
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            _ => plain(StatusCode::NOT_FOUND, "/livez, /readyz, /metrics, /status, or POST /drain\n"),
        }
    }

    /// Begins to end the node. The answer says so; `/readyz` and the process's end say the rest.
    fn drain(&self) -> Response<ResponseBody> {
        let core = self.core.clone();
        if core.life.stage() == Stage::Ready {
            self.core.env.spawn("drain", async move { core.drain().await });
        }
        plain(StatusCode::ACCEPTED, "draining\n")
    }
}

impl<E: Env> Service for Admin<E> {
    async fn call(&self, request: Request<RequestBody>) -> Response<ResponseBody> {
        self.answer(&request).await
    }
}
