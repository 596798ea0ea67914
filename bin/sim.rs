//! The simulator's command line: list scenarios, run them under seeds, replay a failure, print a hash.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser};
use indicatif::{ProgressBar, ProgressStyle};
use switchboard_scenarios::{ALL, find};
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

#[derive(Args, Clone, Copy)]
struct Size {
    /// How many clients, instead of the scenario's own number.
    #[arg(long)]
    clients: Option<u32>,
    /// For how many virtual seconds they work, instead of the scenario's own number.
    #[arg(long)]
    seconds: Option<u64>,
}

impl Size {
    fn wishes(self, seed: u64, log_lines_max: usize) -> Wishes {
        Wishes { seed, clients: self.clients, seconds: self.seconds, plant: None, log_lines_max }
    }
}

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
    }
}

fn parse_range(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("a range is written 0..100")?;
    let parse = |number: &str| number.parse::<u64>().map_err(|error| format!("{number:?}: {error}"));
    let (from, to) = (parse(from)?, parse(to)?);
    if from < to { Ok((from, to)) } else { Err("a range must hold at least one seed".to_owned()) }
}

fn scenarios(name: &str) -> Result<Vec<&'static Scenario>, ExitCode> {
    if name == "all" {
        return Ok(ALL.iter().collect());
    }
    find(name).map(|scenario| vec![scenario]).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
        eprintln!("there is no scenario {name:?}; there are: {}, and all", names.join(", "));
        ExitCode::from(2)
    })
}

fn timed(scenario: &Scenario, wishes: &Wishes) -> (Report, Duration) {
    let start = Instant::now();
    let report = run(scenario, wishes);
    (report, start.elapsed())
}

fn run_many(args: &RunArgs) -> ExitCode {
    let scenarios = match scenarios(&args.name) {
        Ok(scenarios) => scenarios,
        Err(code) => return code,
    };
    let (from, to) = args.seeds.unwrap_or((args.seed, args.seed + 1));
    let runs = (to - from) * scenarios.len() as u64;
    let bar = if runs > 1 && !args.json { ProgressBar::new(runs) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut worst = 0;
    for scenario in scenarios {
        for seed in from..to {
            bar.set_message(format!("{} {seed}", scenario.name));
            let (report, real) = timed(scenario, &args.size.wishes(seed, 0));
            worst = worst.max(report.end.code());
            bar.suspend(|| tell(&report, real, args.json));
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    ExitCode::from(worst)
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
    let scenario = scenarios(&args.name)?[0];
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
