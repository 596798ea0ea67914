//! Batches of seeds. A batch looks at its [ledger](ledger), runs what was run least, writes down each few seeds, and ends
//! when every scenario has enough or time is up; the next one goes on from there.

pub(crate) mod ledger;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use futures_util::StreamExt;
use switchboard_sim::scenario::{Scenario, Wishes};

use crate::choice::{NODES, is_standard};
use crate::exit::{INTERRUPTED, worse};
use crate::interrupt::Interrupt;
use crate::world::World;
use crate::{code, process};
use ledger::{Failed, Ledger, LedgerError, Line};

/// Which seeds to run, and when to stop.
#[derive(Args)]
pub(crate) struct BatchArgs {
    /// The file that says what was run: made where there is none, continued where there is one.
    #[arg(long)]
    ledger: PathBuf,
    /// The name of a scenario, `all-cluster`, or `all`.
    #[arg(long, default_value = "all-cluster")]
    pub(crate) scenario: String,
    /// How many nodes, instead of each scenario's own number.
    #[arg(long, value_parser = value_parser!(u32).range(NODES))]
    pub(crate) nodes: Option<u32>,
    /// How many seeds of each scenario must have passed, those of earlier batches counted.
    #[arg(long, default_value_t = 60)]
    at_least: u64,
    /// Begin no run after so many minutes.
    #[arg(long)]
    minutes: Option<u64>,
    /// How many runs at a time.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
}

/// Seeds of one line of the ledger, for each run at a time: a kill loses no more.
const SEEDS_PER_JOB: u64 = 4;
/// A scenario that failed so often in one batch is let be: more failures would say nothing new.
const FAILURES_MAX: u64 = 10;

/// A batch ended early. What was run until then is in the ledger.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BatchError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("a run could not be started: {0}")]
    Process(#[from] io::Error),
}

/// Runs a batch, until Ctrl-C at most; the exit code is that of the worst run. One of all scenarios that passes must have gone
/// everywhere, the batches that it goes on from counted in.
///
/// # Errors
/// [`BatchError`].
pub(crate) fn run(args: &BatchArgs, scenarios: &[&Scenario]) -> Result<ExitCode, BatchError> {
    let mut ledger = Ledger::open(&args.ledger)?;
    ledger.check_writable()?;
    let code = code::commit().unwrap_or("unknown");
    let interrupt = Interrupt::listen()?;
    let begun = Instant::now();
    let is_late = || args.minutes.is_some_and(|minutes| begun.elapsed() >= Duration::from_secs(60 * minutes));
    let is_over = || interrupt.came() || is_late();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut failures: BTreeMap<&str, u64> = BTreeMap::new();
    let mut worst = 0;
    while !is_over() {
        let mut wanting: Vec<&Scenario> = scenarios.to_vec();
        wanting.retain(|scenario| {
            let is_hopeless = failures.get(scenario.name).is_some_and(|failures| *failures >= FAILURES_MAX);
            !is_hopeless && ledger.row(scenario.name, args.nodes).passed() < args.at_least
        });
        let next = wanting.into_iter().min_by_key(|scenario| ledger.row(scenario.name, args.nodes).len());
        let Some(scenario) = next else { break };
        let row = ledger.row(scenario.name, args.nodes);
        let most = (SEEDS_PER_JOB * args.jobs.max(1) as u64).min(args.at_least - row.passed());
        let seeds = row.next(code, most);
        let mut line = Line::empty(scenario.name, args.nodes, seeds.start, code);
        let seeds = seeds.take_while(|_| !is_over());
        worst = worse(worst, runtime.block_on(play(&mut line, scenario, seeds, args.jobs, &interrupt))?);
        *failures.entry(scenario.name).or_default() += line.failed.len() as u64;
        if line.first < line.end {
            println!("{line}");
            ledger.append(&line)?;
        }
    }
    print!("{ledger}");
    if interrupt.came() {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    // A batch that ended early could not go everywhere.
    let is_whole = |scenario: &&Scenario| ledger.row(scenario.name, args.nodes).passed() >= args.at_least;
    if is_standard(&args.scenario) && scenarios.iter().all(is_whole) {
        worst = ledger.coverage().code(worst);
    }
    Ok(ExitCode::from(worst))
}

/// Plays seeds and puts them on a line; gives the worst exit code.
async fn play(
    line: &mut Line,
    scenario: &Scenario,
    seeds: impl Iterator<Item = u64>,
    jobs: usize,
    interrupt: &Interrupt,
) -> Result<u8, BatchError> {
    let (begun, nodes) = (Instant::now(), line.nodes);
    let wishes = seeds.map(|seed| Wishes { seed, nodes, ..Wishes::default() });
    let mut worst = 0;
    let mut runs = std::pin::pin!(process::play(World::Kernel, scenario, wishes, jobs, interrupt));
    while let Some(ended) = runs.next().await {
        let ended = ended?;
        let summary = ended.summary();
        worst = worse(worst, ended.code);
        line.virtual_s += summary.virtual_s;
        line.end = ended.seed + 1;
        line.coverage.count(&summary.reached);
        if ended.code == 0 {
            line.passed += 1;
        } else {
            print!("{}", ended.text);
            line.failed.push(Failed { seed: ended.seed, outcome: summary.outcome });
        }
    }
    line.real_s = begun.elapsed().as_secs_f64();
    Ok(worst)
}
