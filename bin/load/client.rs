//! One client: its session, the connection it has at the moment, and the requests it repeats.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::alarm::Alarm;
use super::answer::Event;
use super::link::{Answer, Desk, Link};
use super::options::{LoadOptions, Operation, scramble};
use super::outcome::Outcome;
use super::request::{Era, Ids, Request, Target, Writer};

/// A connection that was idle for longer may have been closed by the server, and one looks before sending.
const FRESH: Duration = Duration::from_millis(500);
const BACK_OFF_MS_MIN: u64 = 50;
const BACK_OFF_MS_MAX: u64 = 2_000;

/// A client. Whatever fails, the next request mends: it connects, and opens a session, where there is none.
pub(super) struct Client {
    options: Arc<LoadOptions>,
    desk: Arc<Desk>,
    index: usize,
    era: Era,
    /// `initialize` was answered. A server may give no session id and have sessions all the same.
    greeted: bool,
    session: Option<Box<str>>,
    link: Option<Link>,
    used: Instant,
    alarm: Alarm,
    ids: Ids,
    call: Option<Request>,
    list: Option<Request>,
    /// Requests in a row that lost their connection.
    failures: u32,
    /// Times that it went on to the next server.
    hops: usize,
    /// It had a connection and did not give it up itself.
    bereft: bool,
    /// Connections that replaced a lost one.
    pub reconnects: u64,
}

impl Client {
    pub(super) fn new(options: &Arc<LoadOptions>, desk: &Arc<Desk>, index: usize) -> Self {
        Self {
            options: options.clone(),
            desk: desk.clone(),
            index,
            era: options.eras[index % options.eras.len()],
            greeted: false,
            session: None,
            link: None,
            used: Instant::now(),
            alarm: Alarm::new(),
            ids: Ids::new(),
            call: None,
            list: None,
            failures: 0,
            hops: 0,
            bereft: false,
            reconnects: 0,
        }
    }

    /// Connects, and opens a session where the era has them.
    pub(super) async fn open(&mut self) -> Result<(), Outcome> {
        self.alarm.set(Instant::now() + self.options.timeout);
        let ready = self.ready().await;
        self.settle(ready.err().unwrap_or(Outcome::Ok));
        ready
    }

    /// Does one request that was due at `due`.
    pub(super) async fn perform(&mut self, operation: Operation, due: Instant) -> Outcome {
        self.alarm.set(due + self.options.timeout);
        if operation == Operation::Churn {
            self.leave().await;
        }
        let outcome = match self.ready().await {
            Ok(()) => self.send(operation).await,
            Err(outcome) => outcome,
        };
        self.settle(outcome);
        outcome
    }

    /// How long to wait after the last failure; `None` where the last request kept its connection.
    pub(super) fn back_off(&self) -> Option<Duration> {
        let doublings = self.failures.checked_sub(1)?.min(10);
        let longest_ms = (BACK_OFF_MS_MIN << doublings).min(BACK_OFF_MS_MAX);
        // Spread over half of it, or all clients of a lost server come back in the same instant.
        let spread_ms = scramble((self.index as u64) << 32 | u64::from(self.failures)) % (longest_ms / 2);
        Some(Duration::from_millis(longest_ms - spread_ms))
    }

    /// Ends the session, as a client should that needs it no more, and the connection. Waits at most this long.
    pub(super) async fn leave_within(&mut self, limit: Duration) {
        self.alarm.set(Instant::now() + limit);
        self.leave().await;
    }

    /// Opens the stream of this client on its connection, which then serves nothing else.
    pub(super) async fn open_stream(&mut self, last_event: Option<&str>) -> Result<Link, Outcome> {
        self.open().await?;
        let mut link = self.link.take().expect("a ready client must have a connection");
        self.bereft = false;
        let mut request = self.writer().stream(last_event);
        request.number(self.ids.next());
        let opened = link.open_stream(&request, &self.desk, &mut self.alarm).await;
        self.settle(opened.err().unwrap_or(Outcome::Ok));
        opened.map(|()| link)
    }

    /// The next event of a stream that this client opened; `None` at its end.
    pub(super) async fn next_event(&self, stream: &mut Link) -> Option<Event> {
        stream.next_event(&self.desk).await
    }

    async fn leave(&mut self) {
        if self.session.is_some() && self.link.is_some() {
            let request = self.writer().delete();
            self.exchange(&request).await;
        }
        self.forget_session();
        (self.link, self.bereft) = (None, false);
    }

    async fn ready(&mut self) -> Result<(), Outcome> {
        if let Some(link) = &mut self.link
            && self.used.elapsed() > FRESH
            && link.is_stale(&self.desk).await
        {
            self.link = None;
        }
        if self.era == Era::Stateful && !self.greeted {
            self.greet().await?;
        }
        self.connect().await.map(|_| ())
    }

    async fn greet(&mut self) -> Result<(), Outcome> {
        let mut hello = self.writer().initialize();
        hello.number(self.ids.next());
        let answer = self.exchange(&hello).await;
        if answer.outcome != Outcome::Ok {
            return Err(answer.outcome);
        }
        self.session = answer.session;
        let initialized = self.writer().initialized();
        let answer = self.exchange(&initialized).await;
        if answer.outcome != Outcome::Ok {
            self.forget_session();
            return Err(answer.outcome);
        }
        self.greeted = true;
        Ok(())
    }

    async fn send(&mut self, operation: Operation) -> Outcome {
        let kept = self.slot(operation).take();
        let mut request = kept.unwrap_or_else(|| self.writer().operation(operation));
        request.number(self.ids.next());
        let answer = self.exchange(&request).await;
        *self.slot(operation) = Some(request);
        answer.outcome
    }

    fn slot(&mut self, operation: Operation) -> &mut Option<Request> {
        match operation {
            Operation::Call | Operation::Churn => &mut self.call,
            Operation::List => &mut self.list,
        }
    }

    async fn exchange(&mut self, request: &Request) -> Answer {
        if let Err(outcome) = self.connect().await {
            return Answer { outcome, session: None, reusable: false };
        }
        let link = self.link.as_mut().expect("it was just opened");
        let answer = link.exchange(request, &self.desk, &mut self.alarm).await;
        if !answer.reusable {
            self.link = None;
        }
        answer
    }

    async fn connect(&mut self) -> Result<(), Outcome> {
        if self.link.is_none() {
            let target = target(&self.options, self.index + self.hops);
            self.link = Some(Link::open(target, &mut self.alarm).await?);
            self.reconnects += u64::from(self.bereft);
            self.bereft = true;
        }
        Ok(())
    }

    /// Draws the consequences of an outcome.
    fn settle(&mut self, outcome: Outcome) {
        self.used = Instant::now();
        if outcome.loses_connection() {
            self.link = None;
            self.failures = self.failures.saturating_add(1);
            // Another node can serve this session as well; requests are written anew for its host name.
            self.hops += 1;
            (self.call, self.list) = (None, None);
        } else {
            self.failures = 0;
        }
        // 404 for a session means: start a new one. Other refusals may mean it too, and a new session does no harm.
        if outcome == Outcome::Http4xx {
            self.forget_session();
        }
    }

    fn forget_session(&mut self) {
        (self.session, self.greeted, self.call, self.list) = (None, false, None, None);
    }

    fn writer(&self) -> Writer<'_> {
        Writer {
            era: self.era,
            target: target(&self.options, self.index + self.hops),
            ask: &self.options.ask,
            session: self.session.as_deref(),
        }
    }
}

fn target(options: &LoadOptions, turn: usize) -> &Target {
    &options.targets[turn % options.targets.len()]
}
