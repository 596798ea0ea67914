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

    fn answer(&self, request: &Request<RequestBody>) -> Response<ResponseBody> {
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
            _ => plain(StatusCode::NOT_FOUND, "/livez, /readyz or /metrics\n"),
        }
    }
}

impl<E: Env> Service for Admin<E> {
    async fn call(&self, request: Request<RequestBody>) -> Response<ResponseBody> {
        self.answer(&request)
    }
}
