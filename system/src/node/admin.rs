//! The operator's port: is the node alive, does it take work, and what has it counted.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};

use super::core::Core;
use super::life::Stage;
use crate::env::Env;
use crate::ids::NodeId;
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
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/drain") => return self.drain(),
            (&Method::POST, "/leave") => return self.leave(request.uri().query()).await,
            _ => {}
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return method_not_allowed("GET, HEAD");
        }
        match request.uri().path() {
            "/livez" => plain(StatusCode::OK, "alive\n"),
            "/readyz" => match self.core.life.stage() {
                Stage::Ready if !self.core.cluster.is_settled() => {
                    plain(StatusCode::SERVICE_UNAVAILABLE, "joining\n")
                }
                Stage::Ready => plain(StatusCode::OK, "ready\n"),
                Stage::Starting => plain(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
                Stage::Draining | Stage::Ending => plain(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
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
            _ => plain(
                StatusCode::NOT_FOUND,
                "/livez, /readyz, /metrics, /status, POST /drain, or POST /leave\n",
            ),
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

    /// Takes a node out of the cluster for good: the one that `node=` names, or this one.
    async fn leave(&self, query: Option<&str>) -> Response<ResponseBody> {
        let node = match query.map(|query| query.strip_prefix("node=").map(str::parse)) {
            None => self.core.cluster.me().node,
            Some(Some(Ok(number))) => NodeId(number),
            Some(_) => return plain(StatusCode::BAD_REQUEST, "POST /leave, or POST /leave?node=NUMBER\n"),
        };
        match self.core.cluster.leave(node).await {
            Ok(()) => plain(StatusCode::ACCEPTED, format!("node {} leaves\n", node.0)),
            Err(Some(refusal)) => plain(StatusCode::CONFLICT, format!("{refusal}\n")),
            Err(None) => {
                plain(StatusCode::SERVICE_UNAVAILABLE, "the control group does not answer; ask again\n")
            }
        }
    }
}

impl<E: Env> Service for Admin<E> {
    async fn call(&self, request: Request<RequestBody>) -> Response<ResponseBody> {
        self.answer(&request).await
    }
}
