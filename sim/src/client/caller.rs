//! A client that follows a script: it calls tools that are not of ours, and is told how each call ended.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use switchboard::env::Entropy;
use switchboard::jsonrpc::Raw;

use super::outcome::{Errand, Outcome};
use super::persona::Persona;
use super::route::Route;
use super::thin::Thin;
use super::writer::Era;
use crate::check::{ClientId, Fact, History, Who};
use crate::env::SimEnv;
use crate::node::NodeId;

/// What came of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// How it ended.
    pub outcome: Outcome,
    /// The node that it was sent to last. Another one may have worked on it.
    pub node: NodeId,
    /// The result as it came, where one came.
    pub said: Option<Raw>,
}

impl Answer {
    /// Whether the tool did what it was asked, and said so.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// Whether the tool may have done it or not, or may still be at it: nobody said.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        self.outcome.is_unknown()
    }

    /// The first text of the result, where there is one: of a tool that failed, the reason.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Result {
            content: Vec<Content>,
        }
        #[derive(serde::Deserialize)]
        struct Content {
            text: Option<String>,
        }
        self.said.as_ref()?.decode::<Result>().ok()?.content.into_iter().find_map(|content| content.text)
    }

    /// The structured result, where there is one of this type.
    #[must_use]
    pub fn value<T: DeserializeOwned>(&self) -> Option<T> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Result {
            structured_content: Raw,
        }
        self.said.as_ref()?.decode::<Result>().ok()?.structured_content.decode().ok()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.outcome)?;
        self.text().map_or(Ok(()), |text| write!(f, ", {text:?}"))
    }
}

/// See the [module](self) page.
pub struct Caller {
    thin: Thin<SimEnv>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Caller").field(&self.id()).finish()
    }
}

impl Caller {
    pub(crate) fn new(env: SimEnv, history: History, who: &Persona) -> Self {
        let route = Route::new(&env, who.servers.clone(), &format!("client {}", who.id.0), who.roams);
        let mut thin = Thin::new(env, history, who.id, who.era, route, who.work.patience_ms);
        thin.is_curious = true;
        Self { thin }
    }

    /// Which client it is, counted from 0 over all of the run.
    #[must_use]
    pub const fn id(&self) -> ClientId {
        self.thin.mark.client
    }

    /// The world as the client's host sees it: its clock, network and randomness.
    #[must_use]
    pub const fn env(&self) -> SimEnv {
        self.thin.env
    }

    /// Random numbers of its own.
    pub const fn dice(&mut self) -> &mut Entropy {
        &mut self.thin.dice
    }

    /// Waits for a while.
    pub async fn sleep_ms(&self, ms: u64) {
        self.thin.pause(ms).await;
    }

    /// From its next call on it turns to this node and no other.
    pub fn turn_to(&mut self, node: NodeId) {
        self.thin.hang_up();
        self.thin.route.stay_at(node);
    }

    /// What it answers from now on to every question that a tool asks it.
    ///
    /// # Panics
    /// Where it cannot be JSON.
    pub fn answer_with(&mut self, result: &impl Serialize) {
        let result = Raw::encode(result).expect("an answer must be JSON");
        self.thin.answer = Cow::Owned(result.as_str().to_owned());
    }

    /// Notes something for the checks, at this moment.
    ///
    /// # Panics
    /// Where it cannot be JSON.
    pub fn note(&self, what: &impl Serialize) {
        let what = Raw::encode(what).expect("what is noted must be JSON");
        self.thin.history.note(Fact::Noted { by: Who::Client(self.id()), what });
    }

    /// Calls a tool once, and waits for what comes of it. A stream that breaks is resumed where its revision knows how; nothing is
    /// called again. A client of the stateful era opens its session first, as often as that takes.
    ///
    /// # Panics
    /// Where the arguments cannot be JSON.
    pub async fn call(&mut self, tool: &str, arguments: &impl Serialize) -> Answer {
        let arguments = Raw::encode(arguments).expect("arguments must be JSON");
        let mut attempt = 0;
        while self.thin.writer.era() == Era::Stateful && self.thin.session.is_none() {
            if self.thin.open_session().await != Outcome::Ok {
                self.thin.back_off(attempt).await;
                attempt += 1;
            }
        }
        self.thin.mark.call += 1;
        let (client, history) = (self.id(), self.thin.history.clone());
        history.note(Fact::Called { client, tool: tool.to_owned(), arguments: arguments.clone() });
        let reply = self.thin.call(Errand::Own, tool, arguments.as_str()).await;
        let answer =
            Answer { outcome: reply.outcome, node: self.thin.route.last(), said: reply.said.clone() };
        history.note(Fact::Returned { client, answer: answer.clone() });
        self.thin.settle(&reply).await;
        answer
    }
}
