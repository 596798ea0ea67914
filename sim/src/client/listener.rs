//! A client's standing stream, on which the server speaks by itself: opened, read, and opened again wherever it breaks,
//! from the last event on where events have ids.

use switchboard::env::{Entropy, Env, deadline};
use switchboard::protocol::name;

use super::link::Link;
use super::outcome::{Errand, Outcome};
use super::pending::Pending;
use super::reading::Message;
use super::route::Route;
use super::sse::SseEvent;
use super::thin::back_off_ms;
use super::writer::{self, Era, Writer};
use crate::check::{Fact, Heard, History, Mark, Matter, TWIN};

/// See the [module](self) page.
pub(crate) struct Listener<E: Env> {
    pub(crate) env: E,
    pub(crate) history: History,
    pub(crate) route: Route,
    pub(crate) patience_ms: u64,
    pub(crate) era: Era,
    /// Whose it is; its call is 0, or that of a second reader.
    pub(crate) reader: Mark,
    pub(crate) session: Option<Box<str>>,
    /// Milliseconds without a byte after which it takes the server for dead: those write comments more often.
    pub(crate) silence_ms: u64,
    pub(crate) dice: Entropy,
}

impl<E: Env> Listener<E> {
    /// Listens until the session is gone, or for ever.
    pub(crate) async fn listen(mut self) {
        let mut writer = Writer::new(self.era, self.route.name());
        let mut cursor = None;
        let mut failures = 0;
        loop {
            let errand = if cursor.is_some() { Errand::Resume } else { Errand::Listen };
            let pending = Pending::new(&self.history, self.reader, errand);
            let (env, due) = (self.env.clone(), self.env.now().after_ms(self.patience_ms));
            let opened = deadline(&env, due, self.open(&mut writer, cursor)).await;
            let opened = opened.unwrap_or(Err(Outcome::Timeout));
            pending.end(opened.as_ref().err().copied().unwrap_or(Outcome::Ok), &self.route);
            match opened {
                Ok(mut link) => {
                    failures = 0;
                    self.read(&mut link, &mut cursor).await;
                    // Without ids there is no way back to what came meanwhile.
                    if self.era == Era::Stateless {
                        self.note(Heard::Break);
                    }
                }
                Err(Outcome::Http(404)) => return,
                // What followed the cursor is no longer kept: all that is left is to go on from now.
                Err(Outcome::Http(400)) => {
                    cursor = None;
                    self.note(Heard::Break);
                }
                Err(_) => {
                    failures += 1;
                    self.route.failed();
                }
            }
            let ms = back_off_ms(&mut self.dice, failures);
            self.env.sleep_until(self.env.now().after_ms(ms)).await;
        }
    }

    async fn open(
        &mut self,
        writer: &mut Writer,
        cursor: Option<(u64, u64)>,
    ) -> Result<Link<E::Stream>, Outcome> {
        match self.era {
            Era::Stateful => writer.bodiless("GET", self.session.as_deref(), cursor),
            Era::Stateless => {
                let members = r#""notifications":{"resourceSubscriptions":["note://board"],"resourcesListChanged":true}"#;
                let message = writer::Message {
                    method: "subscriptions/listen",
                    name: None,
                    id: Some(1),
                    members,
                    progress: false,
                    tasks: false,
                };
                writer.post(None, &message);
            }
        }
        let mut link = Link::open(&self.env, self.route.next()).await?;
        link.send(writer.bytes()).await?;
        let head = link.head().await?;
        if head.status == 200 && head.events { Ok(link) } else { Err(Outcome::Http(head.status)) }
    }

    /// Reads events until the stream ends, in whichever way.
    async fn read(&self, link: &mut Link<E::Stream>, cursor: &mut Option<(u64, u64)>) {
        loop {
            let before = link.bytes_read();
            let due = self.env.now().after_ms(self.silence_ms);
            match deadline(&self.env, due, link.event()).await {
                Ok(Ok(Some(event))) => self.take(&event, cursor),
                Ok(_) => return,
                Err(_) if link.bytes_read() == before => return,
                // Comments.
                Err(_) => {}
            }
        }
    }

    /// Takes one event.
    fn take(&self, event: &SseEvent, cursor: &mut Option<(u64, u64)>) {
        let Mark { client, session, call } = self.reader;
        let (primes, twin) = (event.data.is_empty(), call == TWIN);
        if let Some((stream, sequence)) = event.id {
            let fact = Fact::event((client, session), (stream, sequence), &event.data, false, twin);
            self.history.note(fact);
            *cursor = event.id;
        }
        if primes {
            return;
        }
        match Message::read(&event.data, self.reader, &self.history) {
            Ok(message) => match message.method.as_deref() {
                Some(name::SUBSCRIPTIONS_ACKNOWLEDGED) => self.note(Heard::Acknowledged),
                Some(name::RESOURCES_UPDATED) => self.note(Heard::News(Matter::Board)),
                Some(name::RESOURCES_LIST_CHANGED) => self.note(Heard::News(Matter::Resources)),
                _ => {}
            },
            Err(_) => {
                let what = "an event on the standing stream is no message".to_owned();
                self.history.note(Fact::Note(client, what));
            }
        }
    }

    fn note(&self, what: Heard) {
        self.history.note(Fact::Heard { reader: self.reader, what });
    }
}

impl<E: Env> Drop for Listener<E> {
    fn drop(&mut self) {
        self.note(Heard::End);
    }
}
