//! `sim run`: a scenario, or all of them, under one seed or many.

use std::io;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, value_parser};
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use switchboard_sim::scenario::{Scenario, Wishes};

use crate::choice::{Size, is_standard, scenarios};
use crate::ended::Ended;
use crate::exit::{INTERRUPTED, USAGE};
use crate::interrupt::Interrupt;
use crate::sum::Sum;
use crate::world::World;
use crate::{process, refuse};

#[derive(Args)]
pub(crate) struct RunArgs {
    /// The name of a scenario, or `all`.
    name: String,
    /// The seed.
    #[arg(long, default_value_t = 1, conflicts_with = "seeds", value_parser = value_parser!(u64).range(..u64::MAX))]
    seed: u64,
    /// A range of seeds, the last one left out: `0..100`.
    #[arg(long, value_parser = parse_range)]
    seeds: Option<(u64, u64)>,
    #[command(flatten)]
    size: Size,
    /// In which world. One that cannot do what the scenario needs refuses it.
    #[arg(long, value_enum, default_value_t)]
    world: World,
    /// Run so many seeds at a time, each in a process of its own: one that dies takes no other with it. In turmoil several
    /// seeds are always run so.
    #[arg(long)]
    jobs: Option<usize>,
    /// Say nothing on standard output but a line of JSON for each run, and of several one more for all of them together.
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
    if args.jobs.is_some() && args.world == World::Madsim {
        return refuse("madsim runs in this process alone: no --jobs");
    }
    match run_all(args, &scenarios) {
        Ok(code) => ExitCode::from(code),
        Err(error) => refuse(&format!("a run could not be started: {error}")),
    }
}

fn run_all(args: &RunArgs, scenarios: &[&Scenario]) -> io::Result<u8> {
    let (from, to) = args.seeds.unwrap_or((args.seed, args.seed + 1));
    let runs = (to - from) * scenarios.len() as u64;
    let running = Running::new(args, runs)?;
    let mut sum = Sum::default();
    for scenario in scenarios {
        running.play(scenario, (from..to).map(|seed| args.size.wishes(seed)), &mut sum)?;
    }
    running.bar.finish_and_clear();
    if runs > 1 {
        if args.json { println!("{}", sum.to_json()) } else { print!("{sum}") }
    }
    Ok(if running.interrupt.came() { INTERRUPTED } else { sum.code(is_standard(&args.name)) })
}

/// Runs that are under way.
struct Running<'a> {
    args: &'a RunArgs,
    /// How many at a time, each in a process of its own; in this one where it is `None`.
    jobs: Option<usize>,
    bar: ProgressBar,
    interrupt: Interrupt,
}

impl<'a> Running<'a> {
    fn new(args: &'a RunArgs, runs: u64) -> io::Result<Self> {
        let jobs = args.jobs.or((runs > 1 && args.world.is_once_a_process()).then_some(1));
        let bar = if runs > 1 && !args.json { ProgressBar::new(runs) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        // A single run in this process has no sum that would be worth waiting for.
        let interrupt = if runs > 1 || jobs.is_some() { Interrupt::listen()? } else { Interrupt::never() };
        Ok(Self { args, jobs, bar, interrupt })
    }

    /// Runs seeds of a scenario.
    fn play(
        &self,
        scenario: &Scenario,
        wishes: impl Iterator<Item = Wishes>,
        sum: &mut Sum,
    ) -> io::Result<()> {
        self.bar.set_message(scenario.name);
        let Some(jobs) = self.jobs else {
            for wishes in wishes.take_while(|_| !self.interrupt.came()) {
                self.take(&self.play_here(scenario, &wishes), sum);
            }
            return Ok(());
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let runs = process::play(self.args.world, scenario, wishes, jobs, &self.interrupt);
            let mut runs = std::pin::pin!(runs);
            while let Some(ended) = runs.next().await {
                self.take(&ended?, sum);
            }
            Ok(())
        })
    }

    /// Runs a seed in this process.
    fn play_here(&self, scenario: &Scenario, wishes: &Wishes) -> Ended {
        let start = Instant::now();
        match self.args.world.play(scenario, wishes) {
            Ok(report) => Ended::here(&report, start.elapsed()),
            Err(why) => Ended::refused(scenario, wishes, &why),
        }
    }

    /// Tells how a run ended, and counts it.
    fn take(&self, ended: &Ended, sum: &mut Sum) {
        self.bar.suspend(|| match ended.code {
            _ if self.args.json => println!("{}", ended.object),
            USAGE => eprint!("{}", ended.text),
            _ => print!("{}", ended.text),
        });
        self.bar.inc(1);
        sum.count(ended);
    }
}
