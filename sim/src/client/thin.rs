//! The thin client: what one client does on the wire, in either era, at the cost of a few buffers.
//!
//! `Thin` sends one request at a time on a connection that it keeps, and brings each to exactly one outcome: an answer, or
//! the reason why there is none. A stateful call whose stream breaks is resumed by `Last-Event-ID`; a stateless one is
//! not, because its break cancelled it.

use std::borrow::Cow;

use switchboard::env::{Entropy, Env, deadline};
use switchboard::protocol::fault::code;

use super::answering::Answering;
use super::doubting::Doubting;
use super::link::Link;
use super::outcome::{Errand, Outcome};
use super::pending::{Pending, Reply};
use super::reading::Message;
use super::response::Head;
use super::route::Route;
use super::sse::SseEvent;
use super::writer::{self, Era, Writer};
use crate::check::{ClientId, Fact, History, Mark};

/// See the [module](self) page.
pub(crate) struct Thin<E: Env> {
    pub(crate) env: E,
    pub(crate) history: History,
    pub(crate) route: Route,
    pub(crate) patience_ms: u64,
    pub(crate) dice: Entropy,
    pub(crate) writer: Writer,
    /// Whose it is now: its client, its session and its call.
    pub(crate) mark: Mark,
    pub(crate) session: Option<Box<str>>,
    /// Whether it comes back to a stream behind an earlier event than the last, as a client does that kept no better note of
    /// how far it was: it must be told the same again.
    pub(crate) rereads: bool,
    /// Milliseconds that it reads nothing once an answer has begun to stream; 0 for a client that reads as it should.
    pub(crate) nap_ms: u64,
    /// Whether it wants to know what it is answered, and not only how.
    pub(crate) is_curious: bool,
    /// What it answers to every question of a tool.
    pub(crate) answer: Cow<'static, str>,
    /// Tasks of this session that it looks after: whose they are, and their names.
    pub(crate) tasks: Vec<(Mark, String)>,
    /// See [`other_hand`](Self::other_hand).
    other: Option<Box<Self>>,
    link: Option<Link<E::Stream>>,
    last_id: u32,
}

/// Where the request ids of the other hand begin.
const OTHER_IDS: u32 = 1 << 31;
/// A tool may ask in so many rounds.
const ROUNDS_MAX: u32 = 4;
/// So many events at most are read again.
const REREAD_MAX: u64 = 3;

/// Waits between attempts to get back, doubled each time.
const BACK_OFF_MS: (u64, u64) = (100, 3_200);

/// How long to wait before the next attempt: longer each time, and never as long as everybody else.
pub(crate) fn back_off_ms(dice: &mut Entropy, attempt: u32) -> u64 {
    let most = (BACK_OFF_MS.0 << attempt.min(5)).min(BACK_OFF_MS.1);
    most / 2 + dice.below(most / 2 + 1)
}

impl<E: Env> Thin<E> {
    pub(crate) fn new(
        env: E,
        history: History,
        client: ClientId,
        era: Era,
        route: Route,
        patience_ms: u64,
    ) -> Self {
        let dice = env.entropy(&format!("client {}", client.0));
        Self {
            env,
            history,
            patience_ms,
            dice,
            writer: Writer::new(era, route.name()),
            route,
            mark: Mark { client, session: 0, call: 0 },
            session: None,
            rereads: false,
            nap_ms: 0,
            is_curious: false,
            answer: Cow::Borrowed(super::ANSWER),
            tasks: Vec::new(),
            other: None,
            link: None,
            last_id: 0,
        }
    }

    /// The client's other hand: the same client in the same session, over connections of its own to another node, so that
    /// two nodes are asked at once. `None` where there is but one node.
    pub(crate) fn other_hand(&mut self) -> Option<Box<Self>> {
        if !self.route.has_choice() {
            return None;
        }
        let mut other = self.other.take().unwrap_or_else(|| {
            let label = format!("other hand of client {}", self.mark.client.0);
            let route = Route::new(&self.env, self.route.servers(), &label, self.route.roams());
            let (client, era) = (self.mark.client, self.writer.era());
            let other =
                Self::new(self.env.clone(), self.history.clone(), client, era, route, self.patience_ms);
            // No id is used twice in a session.
            Box::new(Self { last_id: OTHER_IDS, ..other })
        });
        other.session.clone_from(&self.session);
        other.route.go_elsewhere(&self.route);
        Some(other)
    }

    /// Rests the other hand until it is needed again.
    pub(crate) fn rest(&mut self, mut other: Box<Self>) {
        other.hang_up();
        self.other = Some(other);
    }

    /// Sends a message that expects an answer.
    pub(crate) async fn ask(
        &mut self,
        errand: Errand,
        method: &str,
        name: Option<&str>,
        members: &str,
    ) -> Reply {
        self.last_id += 1;
        let id = Some(self.last_id);
        let progress = matches!(errand, Errand::Slow(_));
        let tasks = errand.concerns_task();
        let message = writer::Message { method, name, id, members, progress, tasks };
        self.writer.post(self.session.as_deref(), &message);
        self.exchange(errand, id).await
    }

    /// The id of what it asks next.
    pub(super) const fn id_next(&self) -> u32 {
        self.last_id + 1
    }

    /// Calls a tool, in as many rounds as it has questions.
    pub(crate) async fn call(&mut self, errand: Errand, tool: &str, arguments: &str) -> Reply {
        let members = format!(r#""name":"{tool}","arguments":{arguments}"#);
        let mut reply = self.ask(errand, "tools/call", Some(tool), &members).await;
        let mut rounds = 0;
        while let Some(again) = reply.again.take() {
            rounds += 1;
            if rounds > ROUNDS_MAX {
                return Outcome::Garbled.into();
            }
            let answer = &self.answer;
            let answers: Vec<String> =
                again.questions.iter().map(|key| format!(r#""{key}":{answer}"#)).collect();
            let (answers, state) = (answers.join(","), again.state);
            let members = format!(r#"{members},"inputResponses":{{{answers}}},"requestState":"{state}""#);
            reply = self.ask(errand, "tools/call", Some(tool), &members).await;
        }
        reply
    }

    /// Sends a notification.
    pub(crate) async fn tell(&mut self, errand: Errand, method: &str) -> Reply {
        let message =
            writer::Message { method, name: None, id: None, members: "", progress: false, tasks: false };
        self.writer.post(self.session.as_deref(), &message);
        self.exchange(errand, None).await
    }

    /// Ends the session.
    pub(crate) async fn delete(&mut self) -> Reply {
        self.writer.bodiless("DELETE", self.session.as_deref(), None);
        self.exchange(Errand::Delete, None).await
    }

    /// Hangs up.
    pub(crate) fn hang_up(&mut self) {
        self.link = None;
    }

    pub(crate) fn pause(&self, ms: u64) -> E::Sleep {
        self.env.sleep_until(self.env.now().after_ms(ms))
    }

    pub(crate) async fn pause_between(&mut self, (from, to): (u64, u64)) {
        let ms = from + self.dice.below(to.saturating_sub(from) + 1);
        self.pause(ms).await;
    }

    pub(crate) async fn back_off(&mut self, attempt: u32) {
        let ms = back_off_ms(&mut self.dice, attempt);
        self.pause(ms).await;
    }

    /// Sends what was written, and waits for its outcome.
    async fn exchange(&mut self, errand: Errand, id: Option<u32>) -> Reply {
        let pending = Pending::new(&self.history, self.mark, errand);
        let (env, due) = (self.env.clone(), self.env.now().after_ms(self.patience_ms));
        let reply = match deadline(&env, due, self.converse(id)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(outcome)) => {
                self.link = None;
                self.route.failed();
                outcome.into()
            }
            Err(_) => {
                self.link = None;
                self.route.failed();
                Outcome::Timeout.into()
            }
        };
        self.link.iter_mut().for_each(Link::rest);
        self.writer.rest();
        self.note_task(errand, &pending, &reply);
        if let (Some(request), Some(words)) = (pending.request(), reply.words) {
            self.history.said(request, words);
        }
        pending.end(reply.outcome, &self.route);
        reply
    }

    /// Notes what the answer to a request said of a task.
    fn note_task(&self, errand: Errand, pending: &Pending, reply: &Reply) {
        let is_missing = errand == Errand::Look && reply.outcome == Outcome::RpcError(code::INVALID_PARAMS);
        let status = match &reply.task {
            Some(task) => Some(task.status),
            None if is_missing => None,
            None => return,
        };
        if let Some(request) = pending.request() {
            self.history.note(Fact::Task { request, mark: self.mark, status });
        }
    }

    async fn converse(&mut self, id: Option<u32>) -> Result<Reply, Outcome> {
        if self.route.roams() {
            self.link = None;
        }
        if let Some(link) = &mut self.link
            && link.is_stale().await
        {
            self.link = None;
        }
        let link = match &mut self.link {
            Some(link) => link,
            empty => empty.insert(Link::open(&self.env, self.route.next()).await?),
        };
        link.send(self.writer.bytes()).await?;
        let head = link.head().await?;
        let mut reply = if head.status >= 400 {
            link.body().await?;
            // Whoever is turned away must be told when to come back.
            if head.status == 503 && head.retry_after_s.is_none() {
                return Err(Outcome::Garbled);
            }
            Outcome::Http(head.status).into()
        } else if head.events {
            let Some(id) = id else { return Err(Outcome::Garbled) };
            self.follow(id).await?
        } else {
            self.answer(id).await?
        };
        if !head.reusable {
            self.link = None;
        }
        if matches!(head.status, 429 | 503) {
            self.route.failed();
        }
        Head { session: reply.session, retry_after_s: reply.retry_after_s, .. } = head;
        Ok(reply)
    }

    /// Reads an answer that is a single message, or none at all.
    async fn answer(&mut self, id: Option<u32>) -> Result<Reply, Outcome> {
        let Some(link) = &mut self.link else { return Err(Outcome::Closed) };
        let body = link.body().await?;
        let Some(id) = id else {
            return Ok(if body.is_empty() { Outcome::Ok } else { Outcome::Garbled }.into());
        };
        let message = Message::read(body, self.mark, &self.history)?;
        if !message.answers(id) {
            return Err(Outcome::Garbled);
        }
        Ok(Reply::read(&message, self.is_curious))
    }

    /// Reads the events of a call until its answer, over as many connections as that takes.
    async fn follow(&mut self, id: u32) -> Result<Reply, Outcome> {
        let (mut cursor, mut seen) = (None, None);
        let mut retry_ms = 0;
        self.pause(self.nap_ms).await;
        loop {
            let next = match &mut self.link {
                Some(link) => link.event().await,
                None => Err(Outcome::Closed),
            };
            match next {
                Ok(Some(event)) => {
                    cursor = event.id.or(cursor);
                    retry_ms = event.retry_ms.unwrap_or(retry_ms);
                    let is_known = event.id.is_some() && event.id <= seen;
                    seen = seen.max(event.id);
                    if let Some(reply) = self.hear(event, id, is_known).await? {
                        if let Some(link) = &mut self.link
                            && link.event().await != Ok(None)
                        {
                            self.link = None;
                        }
                        return Ok(reply);
                    }
                }
                end => {
                    let why = end.err().unwrap_or(Outcome::Closed);
                    self.link = None;
                    let last = self.reread(cursor.ok_or(why)?);
                    self.pause(retry_ms).await;
                    self.come_back(last).await?;
                }
            }
        }
    }

    /// Behind which event it comes back, that was given everything up to `last`.
    fn reread(&mut self, (stream, last): (u64, u64)) -> (u64, u64) {
        if !self.rereads {
            return (stream, last);
        }
        let after = last.saturating_sub(self.dice.below(REREAD_MAX + 1));
        let Mark { client, session, .. } = self.mark;
        self.history.note(Fact::Reread { client, session, stream, after });
        (stream, after)
    }

    /// Takes one event of a call. Its answer ends the call. What is known was taken before, and is only to be the same.
    async fn hear(&mut self, event: SseEvent, id: u32, is_known: bool) -> Result<Option<Reply>, Outcome> {
        let Mark { client, session, .. } = self.mark;
        let primes = event.data.is_empty();
        let message = if primes || is_known {
            None
        } else {
            Some(Message::read(&event.data, self.mark, &self.history)?)
        };
        let answers = message.as_ref().is_some_and(|message| message.answers(id));
        if let Some((stream, sequence)) = event.id {
            let fact = Fact::event((client, session), (stream, sequence), &event.data, answers, false);
            self.history.note(fact);
        }
        let Some(message) = message else { return Ok(None) };
        message.note_progress(self.mark, &self.history);
        if answers {
            let reply = Reply::read(&message, self.is_curious);
            if let (Outcome::RpcError(code::INTERNAL_ERROR), Some(last)) = (reply.outcome, event.id) {
                self.doubt(last);
            }
            return Ok(Some(reply));
        }
        if let (Some(question), Some(_)) = (message.id, &message.method) {
            self.reply_to(question.get());
        }
        Ok(None)
    }

    /// Answers a question of the server's beside reading on: on a connection and in a task of its own.
    fn reply_to(&mut self, question: &str) {
        self.writer.answer(self.session.as_deref(), question, &self.answer);
        let reply = self.beside(Errand::Answer, "an answer");
        let dice = self.env.entropy("answer");
        self.env.spawn("answer of a client", reply.send(dice));
    }

    /// What was just written, to be sent beside everything else on a way of its own, of this label.
    pub(super) fn beside(&self, errand: Errand, label: &str) -> Answering<E> {
        Answering {
            env: self.env.clone(),
            history: self.history.clone(),
            route: Route::new(&self.env, self.route.servers(), label, false),
            patience_ms: self.patience_ms,
            mark: self.mark,
            errand,
            bytes: self.writer.bytes().to_vec(),
        }
    }

    /// Comes back after the answer, much later, in a task of its own.
    fn doubt(&mut self, last: (u64, u64)) {
        self.writer.bodiless("GET", self.session.as_deref(), Some(last));
        let doubting = Doubting {
            env: self.env.clone(),
            history: self.history.clone(),
            route: Route::new(&self.env, self.route.servers(), "a doubt", false),
            patience_ms: self.patience_ms,
            reader: self.mark,
            bytes: self.writer.bytes().to_vec(),
        };
        let dice = self.env.entropy("doubt");
        self.env.spawn("doubt of a client", doubting.doubt(dice));
    }

    /// Comes back to a stream after its last event, however often that takes.
    async fn come_back(&mut self, last: (u64, u64)) -> Result<(), Outcome> {
        for attempt in 0.. {
            let pending = Pending::new(&self.history, self.mark, Errand::Resume);
            match self.open_stream(Some(last)).await {
                Ok(()) => {
                    pending.end(Outcome::Ok, &self.route);
                    break;
                }
                Err(outcome) => {
                    pending.end(outcome, &self.route);
                    self.link = None;
                    self.route.failed();
                    // The session, or what followed that event, is gone for good.
                    if matches!(outcome, Outcome::Http(400..=499)) {
                        return Err(outcome);
                    }
                    self.back_off(attempt).await;
                }
            }
        }
        Ok(())
    }

    async fn open_stream(&mut self, last: Option<(u64, u64)>) -> Result<(), Outcome> {
        self.writer.bodiless("GET", self.session.as_deref(), last);
        let mut link = Link::open(&self.env, self.route.next()).await?;
        link.send(self.writer.bytes()).await?;
        let head = link.head().await?;
        if head.status != 200 || !head.events {
            return Err(Outcome::Http(head.status));
        }
        self.link = Some(link);
        Ok(())
    }
}
