//! `sim shrink`: a failure, made as small as it can be, as a file that can be replayed, edited and kept.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use switchboard_sim::scenario::{Finding, Setup, run_setup, shrink as make_smaller};

use crate::choice::{OneRun, Subject};
use crate::{case, refuse};

#[derive(Args)]
pub(crate) struct ShrinkArgs {
    #[command(flatten)]
    run: OneRun,
    /// Where to write the case; `SCENARIO-SEED.json` where nothing is said. Each smaller one that is found takes its place there, so
    /// that Ctrl-C leaves the smallest so far.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Try nothing more after so many minutes.
    #[arg(long, default_value_t = 20)]
    minutes: u64,
    /// A candidate is run under so many seeds before it counts as one that passes: with less going on, things come in
    /// another order, and the failure may take another seed.
    #[arg(long, default_value_t = 3)]
    tries: u64,
}

/// Makes it smaller, and writes it down.
pub(crate) fn shrink(args: &ShrinkArgs) -> ExitCode {
    let subject = match args.run.subject() {
        Ok(subject) => subject,
        Err(why) => return refuse(&why.to_string()),
    };
    let report = subject.play();
    let Some(finding) = report.finding() else {
        return refuse("it passes: there is nothing to make smaller");
    };
    println!("{finding}");
    let (before, scenario) = (subject.setup(), subject.scenario.name);
    let out =
        args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{scenario}-{}.json", subject.wishes.seed)));
    let keep =
        |setup: &Setup, seed| case::keep(&subject.case(seed, Some(finding.clone()), setup.clone()), &out);
    if let Err(why) = keep(&before, subject.wishes.seed) {
        return refuse(&why);
    }
    let due = Instant::now() + Duration::from_secs(args.minutes * 60);
    let patience = Patience { due, tries: args.tries };
    let mut better = |setup: &Setup, seed| {
        // Where a disk is full, the last word is that of the smallest.
        let _ = keep(setup, seed);
    };
    let Smallest { setup, seed, runs } = search(&subject, &finding, before.clone(), &patience, &mut better);
    println!("{runs} runs: {} became {}", size(&before), size(&setup));
    for step in &setup.faults.steps {
        println!("  {step}");
    }
    if let Err(why) = keep(&setup, seed) {
        return refuse(&why);
    }
    println!("  replay: cargo sim replay {}", out.display());
    ExitCode::SUCCESS
}

/// How long to look for something smaller.
pub(crate) struct Patience {
    /// Nothing more is tried after that.
    pub(crate) due: Instant,
    /// Under so many seeds a candidate is run before it counts as one that passes.
    pub(crate) tries: u64,
}

/// What was found.
pub(crate) struct Smallest {
    /// The smallest setup that fails so,
    pub(crate) setup: Setup,
    /// under which seed,
    pub(crate) seed: u64,
    /// and how many runs that took.
    pub(crate) runs: u64,
}

/// Looks for the smallest setup that fails in the same way. `better` is told of each smaller one that is found, and under which seed
/// it fails.
pub(crate) fn search(
    subject: &Subject,
    finding: &Finding,
    before: Setup,
    patience: &Patience,
    better: &mut dyn FnMut(&Setup, u64),
) -> Smallest {
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {pos} runs, {elapsed}: {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_message(size(&before));
    let (mut seed, mut runs) = (subject.wishes.seed, 0);
    let mut fails = |setup: &Setup| {
        for candidate in [seed]
            .into_iter()
            .chain((0..).filter(|other| *other != seed))
            .take(patience.tries.max(1) as usize)
        {
            if Instant::now() >= patience.due {
                return None;
            }
            runs += 1;
            bar.inc(1);
            let wishes = subject.with(|wishes| wishes.seed = candidate).wishes;
            if Finding::all(&run_setup(subject.scenario, &wishes, setup.clone())).contains(finding) {
                seed = candidate;
                bar.set_message(size(setup));
                better(setup, seed);
                return Some(true);
            }
        }
        Some(false)
    };
    let setup = make_smaller(before, &mut fails);
    bar.finish_and_clear();
    Smallest { setup, seed, runs }
}

/// How large a setup is, in words.
pub(crate) fn size(setup: &Setup) -> String {
    let (Setup { nodes, faults, .. }, clients) = (setup, setup.clients());
    let (faults, seconds) = (faults.steps.len(), setup.end_ms as f64 / 1_000.0);
    format!("{nodes} nodes, {clients} clients, {faults} faults, {seconds:.1} s")
}
