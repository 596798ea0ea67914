//! The load generator: what clients of a server see, measured from outside.
//!
//! It must be cheaper than what it measures, since on one machine its own work is the limit of every figure. So it is
//! no MCP client: it sends bytes that were written once (`request`), recognises the answers that it expects by
//! comparing them (`response`, `answer`), and knows nothing of futures that could be pooled or traced.
//!
//! - `plan` says when requests are due; latency counts from there.
//! - `worker` is a thread with its clients, `client` one client, `link` one connection.
//! - [`Outcome`] is how a request can end; every request ends in exactly one way.
//! - [`Args`] is the command line, [`LoadOptions`] what it means, [`Report`] what was found.

mod alarm;
mod answer;
mod args;
mod client;
mod link;
mod options;
mod outcome;
mod plan;
mod program;
mod report;
mod request;
mod response;
mod tally;
pub mod usage;
mod worker;

pub use args::{Args, WrongOption};
pub use options::{Idle, LoadOptions, Mix, Operation, Pace};
pub use outcome::{Counts, Outcome};
pub use program::main;
pub use report::{Latency, Report};
pub use request::{Ask, Era, Target};
pub use tally::Streams;

use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use plan::Plan;
use tally::Tally;
use worker::{Run, Worker};

/// How a run stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Connections and streams that are open, or failed to.
    pub opened: usize,
    /// How many there shall be.
    pub opened_of: usize,
    /// Time since the connections were open.
    pub running: Option<Duration>,
    /// Requests so far.
    pub sent: u64,
    /// Those that ended well.
    pub ok: u64,
}

/// How often a run looks after itself and tells how it stands.
const TICK: Duration = Duration::from_millis(50);

/// Runs to its end, or until `progress` says to stop; what is under way is then still waited for and counted.
///
/// # Errors
/// A thread or its runtime could not be started.
pub async fn run(
    options: LoadOptions,
    mut progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> io::Result<Report> {
    let options = Arc::new(options);
    // What only holds has nothing to ramp up but its connections.
    let ramp = if options.idle.is_some() { Duration::ZERO } else { options.ramp };
    let plan = Plan::new(options.pace, ramp, options.requests);
    let _guard = CloseOnDrop(plan.clone());
    let run = Arc::new(Run::new(options.clone(), plan.clone()));
    let cpu_before = usage::processor_time(std::process::id());
    let mut threads = start(&run)?;

    if !ramp.is_zero() {
        plan.start(options.duration);
    }
    loop {
        let finished = tokio::time::timeout(TICK, all_done(&mut threads)).await.is_ok();
        let tally = sum(&threads, Tally::merge_counts);
        let opened = usize::try_from(tally.opened).unwrap_or(usize::MAX);
        let opened_of = options.connections + options.streams;
        if plan.window_start().is_none() && opened >= opened_of {
            plan.start(options.duration);
        }
        if finished {
            break;
        }
        let running = plan.window_start().map(|start| start.elapsed());
        let now = Progress { opened, opened_of, running, sent: tally.sent, ok: tally.counts.of(Outcome::Ok) };
        if progress(now).is_break() {
            plan.close();
        }
        if plan.is_exhausted() {
            plan.release();
        }
    }
    let tally = sum(&threads, Tally::merge);
    let own_cpu = usage::processor_time(std::process::id()).zip(cpu_before).map(|(now, before)| now - before);
    Ok(Report::new(&tally, window(&plan, &tally), own_cpu))
}

/// A thread of the generator, as the run sees it.
struct Thread {
    tally: Arc<Mutex<Tally>>,
    done: oneshot::Receiver<()>,
}

fn start(run: &Arc<Run>) -> io::Result<Vec<Thread>> {
    let mut threads = Vec::new();
    for index in 0..run.options.threads {
        let tally = Arc::new(Mutex::new(Tally::new()));
        let worker = Worker::new(run, &tally);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (ended, done) = oneshot::channel();
        thread::Builder::new().name(format!("load-{index}")).spawn(move || {
            runtime.block_on(worker.work(index));
            // Nobody listens where the run itself was dropped.
            let _ = ended.send(());
        })?;
        threads.push(Thread { tally, done });
    }
    let plan = run.plan.clone();
    thread::Builder::new().name("load-pace".to_owned()).spawn(move || plan.pace())?;
    Ok(threads)
}

/// Waits for all threads; may be dropped and called again.
async fn all_done(threads: &mut [Thread]) {
    for thread in threads {
        if !thread.done.is_terminated() {
            (&mut thread.done).await.expect("a thread of the generator must not panic");
        }
    }
}

fn sum(threads: &[Thread], merge: fn(&mut Tally, &Tally)) -> Tally {
    let mut sum = Tally::new();
    for thread in threads {
        merge(&mut sum, &thread.tally.lock().expect("no holder of a tally may panic"));
    }
    sum
}

/// The time in which measured answers came.
fn window(plan: &Plan, tally: &Tally) -> Duration {
    let Some(start) = plan.window_start() else { return Duration::ZERO };
    let end = plan.end().or(tally.last_ok).unwrap_or(start);
    end.saturating_duration_since(start)
}

/// Whoever drops a run wants it to end.
struct CloseOnDrop(Arc<Plan>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
        self.0.release();
    }
}
