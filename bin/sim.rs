//! The simulator's command line: list scenarios, run them under seeds, replay a failure, print a hash, keep a ledger.

mod batch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use batch::choice::{Size, scenarios};
use batch::ledger::Ledger;
use batch::{BatchArgs, process};
use clap::{Args, Parser};
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use switchboard_scenarios::ALL;
use switchboard_sim::scenario::{Report, Scenario, Wishes, run};

/// Runs seeded fault scenarios against the very node that is shipped, in virtual time. A seed says everything: the same
/// seed is the same run, bit for bit.
///
/// Exit codes: 0 passed, 2 wrong usage, 10 a safety promise broke, 11 a liveness promise broke, 12 something panicked,
/// 13 two runs of one seed differed, 14 a planned fault touched nothing.
#[derive(Parser)]
#[command(name = "sim")]
enum Program {
    /// Lists the scenarios.
    List,
    /// Runs a scenario, or all of them, under one seed or many.
    Run(RunArgs),
    /// Runs one seed again, tells everything about it, and checks that it is the same run twice.
    Replay(OneArgs),
    /// Prints the trace hash of one seed.
    Hash(OneArgs),
    /// Runs seeds of many scenarios, and keeps a ledger of them that the next batch goes on from.
    Batch(BatchArgs),
    /// Prints what a ledger says: seeds of each scenario that passed and failed, and on which code.
    Ledger {
        /// The file.
        file: PathBuf,
    },
}

#[derive(Args)]
struct RunArgs {
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
    /// Run so many seeds at a time, each in a process of its own: one that dies takes no other with it.
    #[arg(long)]
    jobs: Option<usize>,
    /// End each run with one line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct OneArgs {
    /// The name of a scenario.
    name: String,
    /// The seed.
    #[arg(long)]
    seed: u64,
    #[command(flatten)]
    size: Size,
    /// Also print the last so many things that the simulator did.
    #[arg(long, default_value_t = 0)]
    log: usize,
}

/// What a command ends with that makes no sense, or that could not be carried out.
const USAGE: u8 = 2;
/// What two runs of one seed that differ end with.
const DIFFERENT: u8 = 13;

fn main() -> ExitCode {
    // Panics inside a world are part of the run: the report tells those that matter.
    std::panic::set_hook(Box::new(|_| {}));
    match Program::parse() {
        Program::List => {
            for scenario in ALL {
                println!("{:<16} {}", scenario.name, scenario.description);
            }
            ExitCode::SUCCESS
        }
        Program::Run(args) => run_many(&args),
        Program::Replay(args) => replay(&args),
        Program::Hash(args) => hash(&args),
        Program::Batch(args) => {
            match scenarios(&args.scenario, Size { nodes: args.nodes, ..Size::default() }) {
                Ok(scenarios) => {
                    batch::run(&args, &scenarios).unwrap_or_else(|error| refuse(&error.to_string()))
                }
                Err(why) => refuse(&why),
            }
        }
        Program::Ledger { file } => match Ledger::open(&file) {
            Ok(ledger) => {
                print!("{ledger}");
                ExitCode::SUCCESS
            }
            Err(error) => refuse(&error.to_string()),
        },
    }
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(USAGE)
}

fn parse_range(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("a range is written 0..100")?;
    let parse = |number: &str| number.parse::<u64>().map_err(|error| format!("{number:?}: {error}"));
    let (from, to) = (parse(from)?, parse(to)?);
    if from < to { Ok((from, to)) } else { Err("a range must hold at least one seed".to_owned()) }
}

fn timed(scenario: &Scenario, wishes: &Wishes) -> (Report, Duration) {
    let start = Instant::now();
    let report = run(scenario, wishes);
    (report, start.elapsed())
}

fn run_many(args: &RunArgs) -> ExitCode {
    let scenarios = match scenarios(&args.name, args.size) {
        Ok(scenarios) => scenarios,
        Err(why) => return refuse(&why),
    };
    let (from, to) = args.seeds.unwrap_or((args.seed, args.seed + 1));
    let runs = (to - from) * scenarios.len() as u64;
    let bar = if runs > 1 && !args.json { ProgressBar::new(runs) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut worst = 0;
    for scenario in scenarios {
        let wishes = (from..to).map(|seed| args.size.wishes(seed, 0));
        bar.set_message(scenario.name);
        let result = match args.jobs {
            None => {
                wishes.for_each(|wishes| worst = worst.max(run_here(scenario, &wishes, args.json, &bar)));
                Ok(())
            }
            Some(jobs) => run_elsewhere(scenario, wishes, (jobs, args.json), &bar, &mut worst),
        };
        if let Err(error) = result {
            return refuse(&format!("a run could not be started: {error}"));
        }
    }
    bar.finish_and_clear();
    ExitCode::from(worst)
}

/// Runs a seed in this process, and gives its exit code.
fn run_here(scenario: &Scenario, wishes: &Wishes, json: bool, bar: &ProgressBar) -> u8 {
    let (report, real) = timed(scenario, wishes);
    bar.suspend(|| tell(&report, real, json));
    bar.inc(1);
    report.end.code()
}

/// Runs each seed in a process of its own, so many at a time.
fn run_elsewhere(
    scenario: &Scenario,
    wishes: impl Iterator<Item = Wishes>,
    (jobs, json): (usize, bool),
    bar: &ProgressBar,
    worst: &mut u8,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut runs = std::pin::pin!(process::play(scenario, wishes, jobs, json));
        while let Some(ended) = runs.next().await {
            let ended = ended?;
            *worst = (*worst).max(ended.code);
            bar.suspend(|| print!("{}", ended.told));
            bar.inc(1);
        }
        Ok(())
    })
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
        "replay": report.replay(),
    })
}

fn one(args: &OneArgs) -> Result<(&'static Scenario, Report), ExitCode> {
    let scenario = scenarios(&args.name, args.size).map_err(|why| refuse(&why))?[0];
    Ok((scenario, run(scenario, &args.size.wishes(args.seed, args.log))))
}

fn replay(args: &OneArgs) -> ExitCode {
    let (scenario, report) = match one(args) {
        Ok(played) => played,
        Err(code) => return code,
    };
    for line in &report.log {
        println!("{line}");
    }
    print!("{report}");
    let again = run(scenario, &args.size.wishes(args.seed, args.log));
    if again.trace_hash != report.trace_hash {
        println!("  NOT REPRODUCIBLE: a second run has trace hash {}", again.trace_hash);
        return ExitCode::from(DIFFERENT);
    }
    println!("  a second run is the same, bit for bit");
    ExitCode::from(report.end.code())
}

fn hash(args: &OneArgs) -> ExitCode {
    match one(args) {
        Ok((_, report)) => {
            println!("{}", report.trace_hash);
            ExitCode::from(report.end.code())
        }
        Err(code) => code,
    }
}
