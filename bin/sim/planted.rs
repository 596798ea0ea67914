//! `sim planted`: every bug that can be planted, found by the scenario and the checker that are there for it, replayed from its
//! seed, and made smaller. What the simulator is worth, as a table.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use switchboard::probe::Flaw;
use switchboard_scenarios::planted::{HUNTS, Hunt};
use switchboard_sim::scenario::Report;

use crate::choice::{Subject, parse_flaw};
use crate::exit::NOT_FOUND;
use crate::shrink::{Patience, Smallest, search};

#[derive(Args)]
pub(crate) struct PlantedArgs {
    /// Look for this bug alone.
    #[arg(long, value_parser = parse_flaw)]
    only: Option<Flaw>,
    /// How many seeds may pass before a bug counts as one that is not found.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// How many minutes to spend on making each smaller; none for 0.
    #[arg(long, default_value_t = 5)]
    minutes: u64,
}

/// So many faults a bug may still need once its failure was made smaller.
const FAULTS_MAX: usize = 5;

/// Looks for all of them, and says how each was found.
pub(crate) fn planted(args: &PlantedArgs) -> ExitCode {
    println!(
        "{:<18} {:<14} {:>5}  {:<18} {:>6} {:>5} {:>5} {:>6}  replay",
        "bug", "scenario", "seeds", "found by", "faults", "least", "runs", "s"
    );
    let mut code = 0;
    for hunt in HUNTS.iter().filter(|hunt| args.only.is_none_or(|only| only == hunt.flaw)) {
        let begun = Instant::now();
        let Some((seed, report)) = first(hunt, args.seeds) else {
            println!("{:<18} {:<14} not found by {} seeds", hunt.flaw.name(), hunt.scenario.name, args.seeds);
            code = NOT_FOUND;
            continue;
        };
        let again = hunt.run(seed);
        if again.trace_hash != report.trace_hash || !hunt.is_found_in(&again) {
            println!(
                "{:<18} {:<14} seed {seed} is not the same run twice",
                hunt.flaw.name(),
                hunt.scenario.name
            );
            code = NOT_FOUND;
            continue;
        }
        let least = tell(hunt, seed, &report, args.minutes, begun);
        if args.minutes > 0 && least > FAULTS_MAX {
            println!("{:<18} {least} faults are left, and {FAULTS_MAX} may be", hunt.flaw.name());
            code = NOT_FOUND;
        }
    }
    ExitCode::from(code)
}

/// The first seed that finds it.
fn first(hunt: &Hunt, seeds: u64) -> Option<(u64, Report)> {
    (0..seeds).map(|seed| (seed, hunt.run(seed))).find(|(_, report)| hunt.is_found_in(report))
}

/// Makes it smaller, and says everything of it. How many faults are left.
fn tell(hunt: &'static Hunt, seed: u64, report: &Report, minutes: u64, begun: Instant) -> usize {
    let subject = Subject::of_seed(&hunt.scenario, hunt.wishes(seed));
    let before = subject.setup();
    let faults = before.faults.steps.len();
    let least = match hunt.finding(report) {
        Some(finding) if minutes > 0 => {
            let patience = Patience { due: Instant::now() + Duration::from_secs(60 * minutes), tries: 1 };
            search(&subject, &finding, before, &patience, &mut |_, _| ())
        }
        _ => Smallest { setup: before, seed, runs: 0 },
    };
    let left = least.setup.faults.steps.len();
    println!(
        "{:<18} {:<14} {:>5}  {:<18} {faults:>6} {left:>5} {:>5} {:>6.0}  cargo sim replay {} {}",
        hunt.flaw.name(),
        hunt.scenario.name,
        seed + 1,
        hunt.check,
        least.runs,
        begun.elapsed().as_secs_f64(),
        hunt.scenario.name,
        hunt.wishes(seed)
    );
    left
}
