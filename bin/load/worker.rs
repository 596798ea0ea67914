//! One thread of the generator: a single-threaded runtime with its share of the clients. Nothing moves between threads,
//! so nothing is locked that another thread waits for.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::client::Client;
use super::link::{Desk, Link};
use super::options::{Idle, LoadOptions, Operation};
use super::outcome::Outcome;
use super::plan::Plan;
use super::tally::Tally;

/// Connections that open at the same time. More would overflow the accept queue of most servers, and measure that.
const OPENING_MAX: usize = 128;
/// A client that is done has this long to say so.
const LEAVE: Duration = Duration::from_secs(2);

/// What all threads share.
#[derive(Debug)]
pub(super) struct Run {
    pub options: Arc<LoadOptions>,
    pub plan: Arc<Plan>,
    pub began: Instant,
    pub opening: Semaphore,
}

impl Run {
    pub(super) fn new(options: Arc<LoadOptions>, plan: Arc<Plan>) -> Self {
        Self { options, plan, began: Instant::now(), opening: Semaphore::new(OPENING_MAX) }
    }
}

/// One thread's share.
#[derive(Clone)]
pub(super) struct Worker {
    run: Arc<Run>,
    desk: Arc<Desk>,
    tally: Arc<Mutex<Tally>>,
}

impl Worker {
    pub(super) fn new(run: &Arc<Run>, tally: &Arc<Mutex<Tally>>) -> Self {
        Self { run: run.clone(), desk: Arc::new(Desk::new()), tally: tally.clone() }
    }

    /// Runs every client whose number falls to this thread.
    pub(super) async fn work(self, thread: usize) {
        let LoadOptions { connections, streams, threads, idle, .. } = *self.run.options;
        let mut tasks = Vec::new();
        for index in (thread..connections + streams).step_by(threads) {
            let worker = self.clone();
            tasks.push(match idle {
                _ if index >= connections => tokio::spawn(worker.hold_stream(index)),
                Some(Idle::Stream) => tokio::spawn(worker.idle_stream(index)),
                Some(Idle::Connection) => tokio::spawn(worker.idle_connection(index)),
                None => tokio::spawn(worker.send(index)),
            });
        }
        for task in tasks {
            task.await.expect("a client must not panic");
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().expect("no holder of a tally may panic")
    }

    /// Opens a connection in its turn.
    async fn arrive(&self, index: usize) -> Client {
        let Run { options, began, .. } = &*self.run;
        let all = u32::try_from((options.connections + options.streams).max(1)).unwrap_or(u32::MAX);
        let share = options.ramp / all * u32::try_from(index).unwrap_or(u32::MAX);
        tokio::time::sleep_until((*began + share).into()).await;
        Client::new(options, &self.desk, index)
    }

    /// Sends requests as the plan has turns.
    async fn send(self, index: usize) {
        let mut client = self.arrive(index).await;
        {
            let _permit = self.run.opening.acquire().await.expect("it is never closed");
            let opened = client.open().await;
            let mut tally = self.tally();
            tally.opened += 1;
            tally.opening_failures += u64::from(opened.is_err());
        }
        if let Some(pause) = client.back_off() {
            tokio::time::sleep(pause).await;
        }
        while let Some(turn) = self.run.plan.take().await {
            if turn.taken >= turn.due + self.run.options.timeout {
                // Whoever asked has gone: no connection was free in all that time.
                self.expire();
                continue;
            }
            let operation = self.run.options.mix.pick(turn.ordinal);
            self.request(&mut client, operation, turn.due).await;
            if let Some(pause) = client.back_off() {
                tokio::time::sleep(pause).await;
            }
        }
        self.part(client).await;
    }

    /// Does one request and counts how it ended.
    async fn request(&self, client: &mut Client, operation: Operation, due: Instant) {
        self.tally().sent += 1;
        let outcome = client.perform(operation, due).await;
        let answered = Instant::now();
        let plan = &self.run.plan;
        let mut tally = self.tally();
        tally.counts.add(outcome);
        if outcome == Outcome::Ok && plan.is_measured(due) {
            tally.measure(due, answered, plan.is_before_end(answered));
        }
    }

    fn expire(&self) {
        let mut tally = self.tally();
        tally.sent += 1;
        tally.counts.add(Outcome::Timeout);
    }

    async fn part(&self, mut client: Client) {
        client.leave_within(LEAVE).await;
        self.tally().reconnects += client.reconnects;
    }

    /// Holds one stream until the end of the run, and opens it again whenever it is lost.
    async fn hold_stream(self, index: usize) {
        let mut client = self.arrive(index).await;
        self.stream_until_end(&mut client).await;
        self.part(client).await;
    }

    /// Holds a session with its stream, then makes one call while the stream is still open.
    async fn idle_stream(self, index: usize) {
        let mut client = self.arrive(index).await;
        let stream = self.stream_until_end(&mut client).await;
        let permit = self.run.opening.acquire().await.expect("it is never closed");
        self.request(&mut client, Operation::Call, Instant::now()).await;
        drop(stream);
        self.part(client).await;
        drop(permit);
    }

    /// Makes one call, holds the connection, and calls again on what is left of it.
    async fn idle_connection(self, index: usize) {
        let mut client = self.arrive(index).await;
        {
            let _permit = self.run.opening.acquire().await.expect("it is never closed");
            self.request(&mut client, Operation::Call, Instant::now()).await;
            self.tally().opened += 1;
        }
        self.run.plan.released().await;
        let permit = self.run.opening.acquire().await.expect("it is never closed");
        self.request(&mut client, Operation::Call, Instant::now()).await;
        self.part(client).await;
        drop(permit);
    }

    /// Gives the stream back open where it was open at the end of the run.
    async fn stream_until_end(&self, client: &mut Client) -> Option<Link> {
        let plan = &self.run.plan;
        let mut last_event: Option<String> = None;
        let mut first = true;
        while !plan.is_released() {
            let opened = {
                let _permit = self.run.opening.acquire().await.expect("it is never closed");
                client.open_stream(last_event.as_deref()).await
            };
            self.on_stream_opened(opened.is_ok(), std::mem::take(&mut first));
            let Ok(mut stream) = opened else {
                // A refusal is no lost connection, but to ask again at once would be the storm that it fends off.
                let pause = client.back_off().unwrap_or(Duration::from_secs(1));
                tokio::select! { biased; () = plan.released() => {}, () = tokio::time::sleep(pause) => {} }
                continue;
            };
            loop {
                let event = tokio::select! {
                    biased;
                    () = plan.released() => return Some(stream),
                    event = client.next_event(&mut stream) => event,
                };
                let Some(event) = event else { break };
                self.tally().streams.messages += u64::from(!event.data.is_empty());
                last_event = event.id.or(last_event);
            }
            self.tally().streams.lost += 1;
        }
        None
    }

    fn on_stream_opened(&self, opened: bool, first: bool) {
        let mut tally = self.tally();
        tally.opened += u64::from(first);
        tally.streams.opened += u64::from(opened);
        tally.streams.failed += u64::from(!opened);
    }
}
