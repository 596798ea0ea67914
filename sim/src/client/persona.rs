//! What a client does with its life: which requests, how fast, from when to when.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use switchboard::env::{Env, Task};

use super::listener::Listener;
use super::outcome::{Errand, Outcome};
use super::pending::Reply;
use super::route::Route;
use super::thin::Thin;
use super::writer::Era;
use crate::check::{ClientId, History, Mark, TWIN};

/// What the clients of one group have in common.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// What they ask, by weight.
    pub errands: Vec<(Errand, u32)>,
    /// Milliseconds between an answer and the next request: from, to.
    pub pace_ms: (u64, u64),
    /// Virtual milliseconds at which they begin: from, to.
    pub begin_ms: (u64, u64),
    /// Virtual milliseconds at which they stop asking.
    pub end_ms: u64,
    /// How long they wait for an answer.
    pub patience_ms: u64,
}

impl Work {
    fn pick(&self, number: u64) -> Errand {
        let mut left = number;
        for (errand, weight) in &self.errands {
            match left.checked_sub(u64::from(*weight)) {
                Some(rest) => left = rest,
                None => return *errand,
            }
        }
        Errand::Ping
    }

    fn weight(&self) -> u64 {
        self.errands.iter().map(|(_, weight)| u64::from(*weight)).sum()
    }
}

/// One client.
#[derive(Clone, Debug)]
pub struct Persona {
    /// Who it is.
    pub id: ClientId,
    /// Where the nodes are that it may turn to.
    pub servers: Arc<[SocketAddr]>,
    /// Whether each of its requests goes over a connection of its own, to another node than the one before.
    pub roams: bool,
    /// How it speaks.
    pub era: Era,
    /// Whether it keeps a stream open on which the server may speak by itself.
    pub listens: bool,
    /// Whether a session of its is listened to twice, by two readers that know nothing of each other.
    pub twins: bool,
    /// Milliseconds without a byte after which it gives a standing stream up.
    pub silence_ms: u64,
    /// Whether it comes back to a call's stream behind an earlier event than the last that it was given.
    pub rereads: bool,
    /// Milliseconds that it reads nothing once an answer has begun to stream.
    pub nap_ms: u64,
    /// What it does.
    pub work: Arc<Work>,
    /// Which script it follows, where it does that instead of errands.
    pub script: Option<u16>,
}

/// Lives the life of a client to its end.
pub async fn live<E: Env>(env: E, history: History, who: Persona) {
    let work = &who.work;
    let route = Route::new(&env, who.servers.clone(), &format!("client {}", who.id.0), who.roams);
    let mut thin = Thin::new(env.clone(), history, who.id, who.era, route, work.patience_ms);
    (thin.rereads, thin.nap_ms) = (who.rereads, who.nap_ms);
    thin.pause_between(work.begin_ms).await;
    let mut streams = Vec::new();
    if who.listens && who.era == Era::Stateless {
        streams.push(thin.listen(&who, 0));
    }
    let weight = work.weight();
    let mut failures = 0;
    while env.now().as_nanos() < work.end_ms * 1_000_000 {
        // Boxed: clients are a hundred thousand, and rest for most of their lives.
        let outcome = if who.era == Era::Stateful && thin.session.is_none() {
            let outcome = Box::pin(thin.initialize()).await;
            if who.listens && thin.session.is_some() {
                close(&mut streams);
                streams.push(thin.listen(&who, 0));
                if who.twins {
                    streams.push(thin.listen(&who, TWIN));
                }
            }
            outcome
        } else {
            match work.pick(thin.dice.below(weight)) {
                errand @ Errand::Linger(_) => Box::pin(thin.call_off(errand)).await,
                errand if errand.is_task() => Box::pin(thin.work(errand)).await,
                Errand::Renew if who.era == Era::Stateful => {
                    close(&mut streams);
                    Box::pin(thin.leave()).await
                }
                errand => Box::pin(thin.run(errand)).await,
            }
        };
        failures = if outcome.loses_time() { failures + 1 } else { 0 };
        if failures > 0 {
            thin.back_off(failures - 1).await;
        } else {
            thin.pause_between(work.pace_ms).await;
        }
    }
    close(&mut streams);
    Box::pin(thin.leave()).await;
}

fn close<T: Task>(streams: &mut Vec<T>) {
    for stream in streams.drain(..) {
        stream.abort();
    }
}

impl Outcome {
    /// Whether a client does well to wait a little longer before it tries anything else.
    const fn loses_time(self) -> bool {
        !matches!(self, Self::Ok | Self::ToolError | Self::RpcError(_) | Self::Http(404) | Self::GivenUp)
    }
}

impl<E: Env> Thin<E> {
    /// Opens a session, and subscribes to what changes.
    async fn initialize(&mut self) -> Outcome {
        match self.open_session().await {
            Outcome::Ok => {
                let uri = r#""uri":"note://board""#;
                self.ask(Errand::Subscribe, "resources/subscribe", None, uri).await.outcome
            }
            outcome => outcome,
        }
    }

    /// Opens a session.
    pub(super) async fn open_session(&mut self) -> Outcome {
        self.mark.session += 1;
        let members = r#""protocolVersion":"2025-11-25","capabilities":{"elicitation":{"form":{}}},"clientInfo":{"name":"sim","version":"1"}"#;
        let reply = self.ask(Errand::Initialize, "initialize", None, members).await;
        if reply.outcome != Outcome::Ok {
            self.wait_as_told(&reply).await;
            return reply.outcome;
        }
        self.session = reply.session;
        if self.session.is_none() {
            return Outcome::Garbled;
        }
        self.tell(Errand::Initialized, "notifications/initialized").await.outcome
    }

    /// Opens a stream on which the server may speak by itself.
    fn listen(&self, who: &Persona, call: u32) -> E::Task {
        let listener = Listener {
            env: self.env.clone(),
            history: self.history.clone(),
            route: Route::new(
                &self.env,
                self.route.servers(),
                &format!("listener {}", self.mark.client.0),
                false,
            ),
            patience_ms: self.patience_ms,
            era: who.era,
            silence_ms: who.silence_ms,
            reader: Mark { call, ..self.mark },
            session: self.session.clone(),
            dice: self.env.entropy(&format!("listener {}", self.mark.client.0)),
        };
        self.env.spawn("stream of a client", listener.listen())
    }

    /// Does one errand, in as many rounds as the server has questions.
    pub(super) async fn run(&mut self, errand: Errand) -> Outcome {
        self.mark.call += 1;
        let mark = self.mark;
        let reply = match errand.tool() {
            None if errand == Errand::List => self.ask(errand, "tools/list", None, "").await,
            // The stateless revision has no ping; asking who is there is its nearest.
            None if self.session.is_none() => self.ask(errand, "server/discover", None, "").await,
            None => self.ask(errand, "ping", None, "").await,
            Some(tool) => self.call(errand, tool, &errand.arguments(mark)).await,
        };
        self.settle(&reply).await;
        reply.outcome
    }

    /// Sees to what an answer means for what comes next.
    pub(super) async fn settle(&mut self, reply: &Reply) {
        if reply.outcome == Outcome::Http(404) {
            self.session = None;
        }
        self.wait_as_told(reply).await;
    }

    async fn wait_as_told(&mut self, reply: &Reply) {
        if let Some(seconds) = reply.retry_after_s {
            self.pause(seconds * 1_000).await;
        }
    }
}
