//! `Ctx`: what a handler may know, say and ask while it works on one call.
//!
//! It is the handler's only way to the outside: time, randomness and connections come from the node's world, so a tool
//! that keeps to its context can be simulated with the rest.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ask::{AskError, AskPort, Question, TaskPort};
use super::outbox::Outbox;
use super::replay::Replay;
use super::{Catalogue, Redeem};
use crate::cancel::{Cancel, CancelReason, Cancellable};
use crate::client::{Client, Principal};
use crate::env::{AnyStream, Either, Entropy, Instant, WallTime, World, race};
use crate::ids::CallId;
use crate::jsonrpc::Raw;
use crate::protocol::{
    Ask, ElicitationComplete, LogLevel, LogMessage, Progress, ProgressToken, Revision, call_message, name,
};

/// How a call reaches its client with a question.
pub(crate) enum Asking {
    /// It does not.
    Nobody,
    /// By a request of ours on the call's own stream or connection, while the handler waits.
    Live {
        /// Hands out ids and answers.
        port: Arc<dyn AskPort>,
        /// Milliseconds that a question stays open.
        ask_ms_max: u64,
    },
    /// Through the task that the call works for.
    Task(Arc<dyn TaskPort>),
    /// By ending the call and running the handler again with the answer.
    Replay(Arc<Replay>),
}

/// What all calls of a node share: one pointer in each of them.
pub(crate) struct Surroundings {
    pub(crate) world: Arc<dyn World>,
    pub(crate) catalogue: Catalogue,
    pub(crate) redeem: Arc<dyn Redeem>,
}

/// The facts of a call, put together by the node.
pub(crate) struct CallFacts {
    pub(crate) id: CallId,
    pub(crate) client: Arc<Client>,
    pub(crate) around: Arc<Surroundings>,
    pub(crate) progress_token: Option<ProgressToken>,
    /// Messages below this level are not sent; `None` sends none (2026-07-28 without a level).
    pub(crate) log_level: Option<LogLevel>,
    /// The parameters of the request, as they came.
    pub(crate) params: Raw,
    pub(crate) asking: Asking,
    pub(crate) outbox_bytes_max: usize,
    pub(crate) deadline: Instant,
    /// Added to the `_meta` of every message of this call: the task that it works for (2025-11-25 tasks).
    pub(crate) related_task: Option<Raw>,
}

/// The context of one call. Cheap to clone; a clone kept beyond the call says nothing any more.
#[derive(Clone)]
pub struct Ctx(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) facts: CallFacts,
    pub(crate) outbox: Outbox,
    pub(crate) cancel: Cancel,
    /// Live questions that wait: the call's own deadline rests meanwhile.
    pub(crate) asks_waiting: AtomicU32,
    ask_keys: Mutex<BTreeMap<String, u32>>,
}

impl Ctx {
    pub(crate) fn new(facts: CallFacts) -> Self {
        let outbox = Outbox::new(facts.outbox_bytes_max);
        Self(Arc::new(Inner {
            facts,
            outbox,
            cancel: Cancel::default(),
            asks_waiting: AtomicU32::new(0),
            ask_keys: Mutex::new(BTreeMap::new()),
        }))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// The call as something that can be cancelled.
    pub(crate) fn cancellable(&self) -> Arc<dyn Cancellable> {
        self.0.clone()
    }

    /// The number of this call at this node, for logs.
    #[must_use]
    pub fn call(&self) -> CallId {
        self.0.facts.id
    }

    /// The client behind the call.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0.facts.client
    }

    /// Who is calling.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.0.facts.client.principal
    }

    /// The request's `_meta`, as it came.
    #[must_use]
    pub fn meta(&self) -> Option<Raw> {
        #[derive(serde::Deserialize)]
        struct Params {
            #[serde(default, rename = "_meta")]
            meta: Option<Raw>,
        }
        self.0.facts.params.decode::<Params>().ok()?.meta
    }

    /// What this server offers, to add, remove and announce changes.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.0.facts.around.catalogue
    }

    // The world.

    /// Monotonic time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.0.facts.around.world.now()
    }

    /// Time of day.
    #[must_use]
    pub fn wall(&self) -> WallTime {
        self.0.facts.around.world.wall()
    }

    /// Waits for a while.
    pub async fn sleep_ms(&self, delay_ms: u64) {
        let world = &self.0.facts.around.world;
        world.sleep_until(world.now().after_ms(delay_ms)).await;
    }

    /// Random numbers of this call's own.
    #[must_use]
    pub fn entropy(&self, label: &str) -> Entropy {
        self.0.facts.around.world.entropy(label)
    }

    /// Opens a TCP connection.
    ///
    /// # Errors
    /// As the world says: refused, unreachable and timed out are told apart by kind.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<AnyStream> {
        self.0.facts.around.world.connect(address).await
    }

    // The end of the call.

    /// Whether the call should stop, and why. A handler that asks gets a moment to clean up after a cancellation; one
    /// that never asks is dropped where it waits.
    #[must_use]
    pub fn is_cancelled(&self) -> Option<CancelReason> {
        self.0.cancel.watch()
    }

    /// Waits until the call should stop.
    pub async fn cancelled(&self) -> CancelReason {
        self.0.cancel.wait().await
    }

    /// When the call is cut off. Rests while a question waits for the client.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.0.facts.deadline
    }

    // Saying.

    /// Reports progress: `done` of `total` (where known), with a sentence. Sent only where the client asked for it.
    /// Waits while the client reads more slowly than the call reports.
    pub async fn progress(&self, done: f64, total: Option<f64>, message: Option<&str>) {
        let facts = &self.0.facts;
        let Some(token) = &facts.progress_token else { return };
        let params = Progress {
            token: token.clone(),
            progress: done,
            total,
            message: message.map(str::to_owned),
            meta: facts.related_task.clone(),
        };
        self.0.outbox.send(call_message(None, name::PROGRESS, self.client().revision, &params)).await;
    }

    /// Sends a log message to the client, if it wants messages of this level. Waits while the client reads slowly.
    pub async fn log<T: Serialize + ?Sized>(&self, level: LogLevel, logger: Option<&str>, data: &T) {
        if self.0.facts.log_level.is_none_or(|least| level < least) {
            return;
        }
        // What cannot be JSON is a mistake of the handler that must not break its call.
        let data = Raw::encode(data).unwrap_or_else(|error| Raw::text(&error.to_string()));
        let meta = self.0.facts.related_task.clone();
        let message = LogMessage { level, logger: logger.map(str::to_owned), data, meta };
        self.0.outbox.send(call_message(None, name::MESSAGE, self.client().revision, &message)).await;
    }

    /// Tells the client that the visit to a URL that it was sent to is over (2025-11-25 only).
    pub async fn elicitation_complete(&self, elicitation_id: &str) {
        let revision = self.client().revision;
        if revision.has_elicitation_ids() {
            let params = ElicitationComplete { elicitation_id: elicitation_id.to_owned() };
            self.0.outbox.send(call_message(None, name::ELICITATION_COMPLETE, revision, &params)).await;
        }
    }

    /// Closes the connection under this call's stream and lets the client come back for the rest after `retry_ms`
    /// (2025-11-25 `basic/transports`, polling). Without effect where the call has no resumable stream.
    pub fn close_stream(&self, retry_ms: u64) {
        if self.client().revision == Revision::V2025_11_25 {
            self.0.outbox.close_stream(retry_ms);
        }
    }

    // Once.

    /// Runs a step that must not run again when the handler is run again for an answer: its value is recorded with the
    /// call. `key` names the step and is unique within the handler.
    ///
    /// # Errors
    /// What the step returned; a failed step is not recorded and runs again in the next round.
    ///
    /// # Panics
    /// When the value cannot be written as JSON or read back.
    pub async fn once<T, F, X>(&self, key: &str, step: F) -> Result<T, X>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T, X>>,
    {
        let Asking::Replay(replay) = &self.0.facts.asking else { return step.await };
        if let Some(value) = replay.once_value(key) {
            return Ok(value.decode().expect("a recorded step must read back"));
        }
        let mut running = OnceGuard { replay, step: None };
        replay.once_begin();
        let value = step.await?;
        running.step = Some((key.to_owned(), Raw::encode(&value).expect("a step's value must be JSON")));
        Ok(value)
    }

    /// Takes this call's one redemption: true the first time, false where a copy of the same request already did.
    /// For what must happen once although a client may send its retry twice.
    ///
    /// # Errors
    /// [`AskError::Gone`] when the store that knows did not answer: it may or may not be taken now.
    pub async fn redeem(&self) -> Result<bool, AskError> {
        let Asking::Replay(replay) = &self.0.facts.asking else { return Ok(true) };
        match replay.redemption() {
            Some(id) => self.0.facts.around.redeem.redeem(id).await,
            None => Ok(true),
        }
    }

    // Asking: see `asks`, which gives each kind of question its own method.

    /// Asks the client, under a name that is this question's own within the handler.
    pub(crate) async fn ask(&self, key: &str, ask: Ask) -> Result<Raw, AskError> {
        let client = self.client();
        ask.check(client.revision, &client.capabilities).map_err(AskError::Unsupported)?;
        let question = Question { key: self.unique_key(key), ask };
        match &self.0.facts.asking {
            Asking::Nobody => Err(AskError::NoClient),
            Asking::Live { port, ask_ms_max } => {
                self.0.asks_waiting.fetch_add(1, Ordering::Relaxed);
                let _waiting = WaitGuard(&self.0.asks_waiting);
                self.ask_live(port.as_ref(), *ask_ms_max, question).await
            }
            Asking::Task(port) => {
                self.0.asks_waiting.fetch_add(1, Ordering::Relaxed);
                let _waiting = WaitGuard(&self.0.asks_waiting);
                port.ask(question).await
            }
            Asking::Replay(replay) => match replay.answer(question)? {
                Some(answer) => Ok(answer),
                // The run is cut here: whoever polls the handler sees that it waits for answers.
                None => std::future::pending().await,
            },
        }
    }

    /// Asks what was put into the words of the client's revision before.
    pub(crate) async fn ask_again(&self, method: &str, params: &Raw) -> Result<Raw, AskError> {
        let Asking::Live { port, ask_ms_max } = &self.0.facts.asking else { return Err(AskError::NoClient) };
        self.0.asks_waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = WaitGuard(&self.0.asks_waiting);
        self.send_question(port.as_ref(), *ask_ms_max, method, params).await
    }

    async fn ask_live(
        &self,
        port: &dyn AskPort,
        ask_ms_max: u64,
        question: Question,
    ) -> Result<Raw, AskError> {
        let (revision, meta) = (self.client().revision, self.0.facts.related_task.as_ref());
        let params = question.ask.params(revision, meta);
        self.send_question(port, ask_ms_max, question.ask.method(), &params).await
    }

    async fn send_question(
        &self,
        port: &dyn AskPort,
        ask_ms_max: u64,
        method: &str,
        params: &Raw,
    ) -> Result<Raw, AskError> {
        let (id, answering) = port.open().ok_or(AskError::Gone)?;
        let world = &self.0.facts.around.world;
        let due = world.sleep_until(world.now().after_ms(ask_ms_max));
        self.0.outbox.send(call_message(Some(&id), method, self.client().revision, params)).await;
        match race(answering, due).await {
            Either::Left(Some(Ok(answer))) => Ok(answer),
            Either::Left(Some(Err(error))) => Err(AskError::Refused(error.as_str().to_owned())),
            Either::Left(None) => Err(AskError::Gone),
            Either::Right(()) => Err(AskError::TimedOut),
        }
    }

    /// `key` the first time, `key-2` the second: names are unique within a call.
    fn unique_key(&self, key: &str) -> String {
        let mut keys = self.0.ask_keys.lock().expect("question names must not be poisoned");
        let count = keys.entry(key.to_owned()).or_default();
        *count += 1;
        if *count == 1 { key.to_owned() } else { format!("{key}-{count}") }
    }
}

impl std::fmt::Debug for Ctx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ctx").field("call", &self.call()).finish_non_exhaustive()
    }
}

impl Cancellable for Inner {
    fn cancel(&self, reason: CancelReason) {
        self.cancel.set(reason);
    }
}

struct WaitGuard<'a>(&'a AtomicU32);

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct OnceGuard<'a> {
    replay: &'a Replay,
    step: Option<(String, Raw)>,
}

impl Drop for OnceGuard<'_> {
    fn drop(&mut self) {
        self.replay.once_end(self.step.take());
    }
}
