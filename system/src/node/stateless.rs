//! The stateless revision (2026-07-28): every request stands for itself, and a call that needs an answer of the client is
//! run again with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::core::Core;
use super::serve::Caller;
use super::unopened;
use crate::client::{Client, Principal};
use crate::env::Env;
use crate::handler::{Asking, End, Hex, Progress, Question, Replay};
use crate::jsonrpc::{Raw, Request, error_message};
use crate::protocol::{
    Cache, Fault, InputRequests, InputRequired, Method, RequestMeta, Revision, result_message,
};
use crate::seal::Purpose;

/// What a suspended call carries from round to round, sealed.
#[derive(Serialize, Deserialize)]
struct State {
    /// Which call: the state fits no other.
    call: Hex,
    /// Whose: the state fits no other principal.
    principal: String,
    /// Unix milliseconds after which it is worthless.
    expires_ms: u64,
    /// Names the call over all its rounds, for what must happen once.
    redemption: Hex,
    /// What the handler has got so far.
    progress: Progress,
}

/// What a retry brings along, and what tells one call from another.
#[derive(Deserialize)]
struct RetryParams {
    #[serde(default, rename = "requestState")]
    request_state: Option<String>,
    #[serde(default, rename = "inputResponses")]
    input_responses: Option<BTreeMap<String, Raw>>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    arguments: Option<Raw>,
}

/// A stateless request on its way to its answer.
#[derive(Clone, Debug)]
pub(super) struct Lone {
    pub(super) request: Request,
    pub(super) revision: Revision,
    pub(super) principal: Principal,
    redemption: Option<u128>,
}

impl<E: Env> Core<E> {
    /// Takes a request that stands for itself, and says who asks.
    ///
    /// # Errors
    /// The fault to answer with, when the request's `_meta` is malformed or its `requestState` is not ours.
    pub(super) fn lone(
        &self,
        request: Request,
        meta: &RequestMeta,
        revision: Revision,
        principal: Principal,
    ) -> Result<(Lone, Caller<E>), Fault> {
        let capabilities = meta.capabilities()?;
        let client =
            Client { revision, capabilities, info: meta.client_info.clone(), principal: principal.clone() };
        let mut lone = Lone { request, revision, principal, redemption: None };
        let asking = match Method::parse(&lone.request.method) {
            Some(method) if method.may_require_input() => {
                let replay = self.replay(&lone)?;
                lone.redemption = replay.redemption();
                Asking::Replay(Arc::new(replay))
            }
            _ => Asking::Nobody,
        };
        let caller = Caller { client: Arc::new(client), seat: None, asking, log_level: meta.log_level };
        Ok((lone, caller))
    }

    /// What earlier rounds of this call left.
    fn replay(&self, lone: &Lone) -> Result<Replay, Fault> {
        // Most calls are first rounds: that is seen without reading the parameters once more.
        let params = lone.request.params.bytes();
        let names = [&b"requestState"[..], b"inputResponses"];
        if names.iter().all(|name| memchr::memmem::find(params, name).is_none()) {
            return Ok(Replay::first(BTreeMap::new()));
        }
        let mut retry = lone.retry_params()?;
        let offered = retry.input_responses.take().unwrap_or_default();
        let Some(sealed) = &retry.request_state else { return Ok(Replay::first(offered)) };
        let bad = |why: &str| Fault::invalid_params(format!("requestState {why}"));
        let opened = self
            .keys
            .open(Purpose::RequestState, sealed)
            .ok_or_else(|| unopened(&self.keys, sealed, bad("was not issued here")))?;
        let state: State = serde_json::from_slice(&opened).map_err(|_| bad("was not issued here"))?;
        if state.principal != lone.principal.as_str() {
            return Err(bad("was issued to somebody else"));
        }
        if state.call != lone.digest(&retry) {
            return Err(bad("belongs to another request"));
        }
        if state.expires_ms < self.env.wall().unix_ms() {
            return Err(bad("has expired"));
        }
        Ok(Replay::again(state.progress, offered, state.redemption.0))
    }

    /// Writes the answer of a stateless call.
    pub(super) fn write_stateless(&self, lone: &Lone, end: End, cache: Option<Cache>) -> (u16, Bytes) {
        let (id, revision) = (&lone.request.id, lone.revision);
        let fault = match end {
            End::Answer(Ok(reply)) => {
                self.metrics.calls_answered.inc();
                return (200, result_message(id, revision, &reply.cached(cache), Some(&self.server_info)));
            }
            End::InputRequired(asks, progress) => match self.input_required(lone, asks, *progress) {
                Ok(result) => {
                    self.metrics.calls_answered.inc();
                    return (200, result_message(id, revision, &result, Some(&self.server_info)));
                }
                Err(fault) => fault,
            },
            End::Answer(Err(fault)) => fault,
            End::Cancelled(reason) => {
                self.metrics.calls_cancelled.inc();
                super::cancelled_fault(reason)
            }
        };
        self.metrics.calls_failed.inc();
        (fault.http_status(revision), error_message(Some(id), &fault.to_object()))
    }

    fn input_required(
        &self,
        lone: &Lone,
        asks: Vec<Question>,
        progress: Progress,
    ) -> Result<InputRequired, Fault> {
        let state = State {
            call: lone.digest(&lone.retry_params()?),
            principal: lone.principal.as_str().to_owned(),
            expires_ms: self.env.wall().after_ms(self.limits.request_state_ms_max).unix_ms(),
            redemption: Hex(lone.redemption.unwrap_or_else(|| self.mint())),
            progress,
        };
        let text = Raw::encode(&state).expect("a state must encode");
        let sealed = self.keys.seal(Purpose::RequestState, text.bytes());
        let sealed =
            sealed.map_err(|_| Fault::invalid_request("the answers to this call are too large to carry"))?;
        let requests = InputRequests(asks.into_iter().map(|question| (question.key, question.ask)).collect());
        Ok(InputRequired { requests, state: Some(sealed) })
    }
}

impl Lone {
    fn retry_params(&self) -> Result<RetryParams, Fault> {
        self.request.params.decode().map_err(|error| Fault::invalid_params(error.to_string()))
    }

    /// What a state belongs to: the method, the name or URI, and the arguments.
    fn digest(&self, retry: &RetryParams) -> Hex {
        let mut digest = Xxh3::new();
        let mut part = |bytes: &[u8]| {
            digest.update(&(bytes.len() as u64).to_le_bytes());
            digest.update(bytes);
        };
        part(self.request.method.as_bytes());
        part(retry.name.as_deref().unwrap_or_default().as_bytes());
        part(retry.uri.as_deref().unwrap_or_default().as_bytes());
        part(canonical(retry.arguments.as_ref()).as_bytes());
        Hex(digest.digest128())
    }
}

/// Arguments without the freedom of whitespace and key order, which a client may use anew on its retry.
fn canonical(arguments: Option<&Raw>) -> String {
    let value = arguments.and_then(|raw| raw.decode::<serde_json::Value>().ok()).unwrap_or_default();
    value.to_string()
}
