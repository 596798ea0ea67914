//! `sim run`: a scenario, or all of them, under one seed or many.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use switchboard_sim::scenario::{Report, Scenario, Wishes};

use crate::choice::{Size, is_standard, scenarios};
use crate::coverage::{Coverage, Reached};
use crate::world::World;
use crate::{USAGE, process, refuse};

#[derive(Args)]
pub(crate) struct RunArgs {
    /// The name of a scenario, or `all`.
    name: String,
    /// The seed.
    #[arg(long, default_value_t = 1, conflicts_with = "seeds")]
    seed: u64,
    /// A range of seeds, the last one left out: `0..100`.
    #[arg(long, value_parser = parse_range)]
    seeds: Option<(u64, u64)>,
    #[command(flatten)]
    size: Size,
    /// In which world. One that cannot do what the scenario needs refuses it.
    #[arg(long, value_enum, default_value_t)]
    world: World,
    /// Run so many seeds at a time, each in a process of its own: one that dies takes no other with it.
    #[arg(long, conflicts_with = "world")]
    jobs: Option<usize>,
    /// End each run with one line of JSON.
    #[arg(long)]
    json: bool,
}

fn parse_range(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("a range is written 0..100")?;
    let parse = |number: &str| number.parse::<u64>().map_err(|error| format!("{number:?}: {error}"));
    let (from, to) = (parse(from)?, parse(to)?);
    if from < to { Ok((from, to)) } else { Err("a range must hold at least one seed".to_owned()) }
}

/// Runs what was asked for; the exit code is that of the worst run.
pub(crate) fn run(args: &RunArgs) -> ExitCode {
    let scenarios = match scenarios(&args.name, args.size) {
        Ok(scenarios) => scenarios,
        Err(why) => return refuse(&why),
    };
    let (from, to) = args.seeds.unwrap_or((args.seed, args.seed + 1));
    let runs = (to - from) * scenarios.len() as u64;
    let bar = if runs > 1 && !args.json { ProgressBar::new(runs) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut sum = Sum::default();
    for scenario in scenarios {
        let wishes = (from..to).map(|seed| args.size.wishes(seed));
        bar.set_message(scenario.name);
        let result = match args.jobs {
            None => {
                wishes.for_each(|wishes| sum.count(run_here(args, scenario, &wishes, &bar)));
                Ok(())
            }
            Some(jobs) => run_elsewhere(scenario, wishes, (jobs, args.json), &bar, &mut sum),
        };
        if let Err(error) = result {
            return refuse(&format!("a run could not be started: {error}"));
        }
    }
    bar.finish_and_clear();
    if runs > 1 {
        if args.json { println!("{}", sum.coverage.to_json()) } else { print!("{}", sum.coverage) }
    }
    ExitCode::from(sum.code(is_standard(&args.name)))
}

/// What several runs come to.
#[derive(Default)]
pub(crate) struct Sum {
    worst: u8,
    pub(crate) coverage: Coverage,
}

impl Sum {
    /// Counts one run more, by its exit code and what it reached.
    pub(crate) fn count(&mut self, (code, reached): (u8, Reached)) {
        self.worst = self.worst.max(code);
        self.coverage.count(&reached);
    }

    /// What to exit with.
    pub(crate) fn code(&self, is_standard: bool) -> u8 {
        if is_standard { self.coverage.code(self.worst) } else { self.worst }
    }
}

/// Runs a seed in this process, and gives its exit code and what it reached. A world that refuses it says so.
fn run_here(args: &RunArgs, scenario: &Scenario, wishes: &Wishes, bar: &ProgressBar) -> (u8, Reached) {
    let start = Instant::now();
    let ended = match args.world.play(scenario, wishes) {
        Ok(report) => {
            bar.suspend(|| tell(&report, start.elapsed(), args.json));
            (report.end.code(), reached(&report))
        }
        Err(refused) => {
            bar.suspend(|| eprintln!("{}: {refused}", scenario.name));
            (USAGE, Reached::new())
        }
    };
    bar.inc(1);
    ended
}

/// Runs each seed in a process of its own, so many at a time.
fn run_elsewhere(
    scenario: &Scenario,
    wishes: impl Iterator<Item = Wishes>,
    (jobs, json): (usize, bool),
    bar: &ProgressBar,
    sum: &mut Sum,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut runs = std::pin::pin!(process::play(scenario, wishes, jobs));
        while let Some(ended) = runs.next().await {
            let ended = ended?;
            let summary = ended.summary();
            let passed = || format!("{} seed {}: {}\n", scenario.name, ended.seed, summary.outcome);
            let told = match ended.code {
                _ if json => ended.told.clone(),
                0 => passed(),
                _ => ended.report(),
            };
            bar.suspend(|| print!("{told}"));
            bar.inc(1);
            sum.count((ended.code, summary.reached));
        }
        Ok(())
    })
}

fn reached(report: &Report) -> Reached {
    report.reached.iter().map(|(point, times)| (point.name().to_owned(), *times)).collect()
}

fn tell(report: &Report, real: Duration, json: bool) {
    if json {
        if !report.is_passed() {
            print!("{report}");
        }
        println!("{}", to_json(report, real));
        return;
    }
    print!("{report}");
    let ratio = report.virtual_time.as_secs_f64() / real.as_secs_f64();
    println!("  {:.2} real seconds: {ratio:.0} virtual seconds a second", real.as_secs_f64());
}

fn to_json(report: &Report, real: Duration) -> serde_json::Value {
    serde_json::json!({
        "scenario": report.scenario,
        "seed": report.wishes.seed,
        "nodes": report.wishes.nodes,
        "outcome": report.end.name(),
        "trace_hash": report.trace_hash.to_string(),
        "virtual_s": report.virtual_time.as_secs_f64(),
        "busy_s": report.busy_time.as_secs_f64(),
        "real_s": real.as_secs_f64(),
        "waits_ms": { "p50": report.waits.percentile_ms(50), "p99": report.waits.percentile_ms(99), "max": report.waits.percentile_ms(100) },
        "requests": report.requests,
        "outcomes": report.outcomes,
        "reached": reached(report),
        "quirks": report.quirks,
        "replay": report.replay,
    })
}
