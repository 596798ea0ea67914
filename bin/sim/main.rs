//! The simulator's command line: list scenarios, run them under seeds, replay a failure, make it smaller, explain it on a page, find
//! where two runs part, keep a ledger, see how fast it goes.

mod batch;
mod bench;
mod case;
mod choice;
mod code;
mod coverage;
mod diff;
mod ended;
mod exit;
mod interrupt;
mod log;
mod object;
mod plan;
mod planted;
mod process;
mod record;
mod replay;
mod report;
mod run;
mod shrink;
mod sum;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use batch::BatchArgs;
use batch::ledger::Ledger;
use bench::BenchArgs;
use choice::{Size, scenarios};
use clap::Parser;
use diff::DiffArgs;
use exit::{PANICKED, PIPE_BROKE, USAGE};
use plan::PlanArgs;
use planted::PlantedArgs;
use replay::{HashArgs, ReplayArgs};
use report::ReportArgs;
use run::RunArgs;
use shrink::ShrinkArgs;
use switchboard::env::Panicked;
use switchboard_scenarios::{ALL, LARGE};

/// A run is millions of small allocations: a sixth of its time went there with the system's allocator. It asks for the time, of
/// which madsim has its own, and which it must not be asked for in the middle of its own work.
#[cfg(not(madsim))]
#[global_allocator]
static ALLOCATOR: switchboard_sim::Memory = switchboard_sim::Memory;

/// Runs seeded fault scenarios against the very node that is shipped, in virtual time. A seed says everything: the same
/// seed is the same run, bit for bit.
///
/// Exit codes: 0 passed, 2 wrong usage, 10 a safety promise broke, 11 a liveness promise broke, 12 something panicked,
/// 13 two runs of one seed differed, 14 a planned fault touched nothing, 15 a simulated task reached for something real, 16 all
/// passed, and no seed reached a point that some seed of the standard scenarios must, 17 a planted bug was not found, or only with
/// more than five faults, 130 Ctrl-C, 141 nobody reads what is printed. Of several runs the worst one counts, in this order: 10, 11,
/// 12, 13, 15, 14, 2.
#[derive(Parser)]
#[command(name = "sim")]
enum Program {
    /// Lists the scenarios.
    List,
    /// Runs a scenario, or all of them, under one seed or many.
    Run(RunArgs),
    /// Runs one seed or case again, tells everything about it, and checks that it is the same run twice.
    Replay(ReplayArgs),
    /// Runs one seed or case, and tells how fast its virtual time passes and what memory it takes.
    Bench(BenchArgs),
    /// Prints what is to go wrong in one seed or case, runs nothing, and may write it down as a case.
    Plan(PlanArgs),
    /// Prints the trace hash of one seed or case, and may write down what it was now and then.
    Hash(HashArgs),
    /// Makes a run that fails smaller for as long as it fails in the same way, and writes it down as a case.
    Shrink(ShrinkArgs),
    /// Writes a page that explains a run: nodes, faults, requests, messages and violations in time.
    Report(ReportArgs),
    /// Looks for every bug that can be planted, and makes what finds it smaller.
    Planted(PlantedArgs),
    /// Finds the first thing that two runs did differently.
    Diff(DiffArgs),
    /// Runs seeds of many scenarios, and keeps a ledger of them that the next batch goes on from.
    Batch(BatchArgs),
    /// Prints what a ledger says: seeds of each scenario that passed and failed, and on which code.
    Ledger {
        /// The file.
        file: PathBuf,
    },
}

/// How long memory that was freed is kept for what comes next.
#[cfg(not(madsim))]
const KEPT_MS: std::ffi::c_long = 20_000;

fn main() -> ExitCode {
    #[cfg(not(madsim))]
    switchboard_sim::Memory::give_back_after_ms(KEPT_MS);
    // Panics inside a world are part of the run: the report tells those that matter.
    std::panic::set_hook(Box::new(|_| {}));
    log::listen();
    match Panicked::catch(|| perform(Program::parse())) {
        Ok(code) => code,
        // Whoever read has had enough: there is nobody to tell anything.
        Err(Panicked(what)) if what.starts_with("failed printing to stdout") => ExitCode::from(PIPE_BROKE),
        Err(Panicked(what)) => {
            eprintln!("this program has a bug: {what}");
            ExitCode::from(PANICKED)
        }
    }
}

fn perform(program: Program) -> ExitCode {
    match program {
        Program::List => {
            for scenario in ALL.iter().chain(LARGE) {
                println!("{:<16} {}", scenario.name, scenario.description);
            }
            ExitCode::SUCCESS
        }
        Program::Run(args) => run::run(&args),
        Program::Replay(args) => replay::replay(&args),
        Program::Bench(args) => bench::bench(&args),
        Program::Plan(args) => plan::plan(&args),
        Program::Hash(args) => replay::hash(&args),
        Program::Shrink(args) => shrink::shrink(&args),
        Program::Report(args) => report::report(&args),
        Program::Planted(args) => planted::planted(&args),
        Program::Diff(args) => diff::diff(&args),
        Program::Batch(args) => {
            match scenarios(&args.scenario, Size { nodes: args.nodes, ..Size::default() }) {
                Ok(scenarios) => {
                    batch::run(&args, &scenarios).unwrap_or_else(|error| refuse(&error.to_string()))
                }
                Err(why) => refuse(&why),
            }
        }
        Program::Ledger { file } => match Ledger::read(&file) {
            Ok(ledger) => {
                print!("{ledger}");
                ExitCode::SUCCESS
            }
            Err(error) => refuse(&error.to_string()),
        },
    }
}

pub(crate) fn refuse(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(USAGE)
}
