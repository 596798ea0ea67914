//! Many seeds in a test, and what a test says of the one that fails.

use std::fmt;

use super::{Trail, Trial};
use crate::check::Violation;
use crate::page::in_words;
use crate::scenario::{Case, End, Finding, Report, shrink};

/// The environment variable that names the one seed that a trial is to run.
pub const SEED_VARIABLE: &str = "SWITCHBOARD_SEED";

/// So many runs at most make a failure smaller.
const RUNS_MAX: u32 = 40;

/// A seed that failed.
#[derive(Debug)]
pub struct Failure {
    /// What came out of it.
    pub report: Report,
    /// The same failure as small as it could be made, where that was asked for. It can be kept, and
    /// [run again](Trial::run_case).
    pub case: Case,
    /// After how many runs it was so small; 0 where it is as the seed made it.
    pub runs: u32,
}

impl Trial {
    /// Runs it under each of these seeds; under the one that [`SEED_VARIABLE`] names alone, where that is set.
    ///
    /// # Panics
    /// Under the first seed that fails, with what is to be known of it.
    pub fn for_seeds(&self, seeds: impl IntoIterator<Item = u64>) {
        let failure = match wanted_seed() {
            Some(seed) => self.explain(seed).err(),
            None => seeds.into_iter().find_map(|seed| self.pass(seed).err()),
        };
        if let Some(failure) = failure {
            panic!("{failure}");
        }
    }

    /// Runs it under a seed.
    ///
    /// # Errors
    /// It failed.
    pub fn pass(&self, seed: u64) -> Result<(), Box<Failure>> {
        let report = self.run(seed);
        let Some(finding) = report.finding() else { return Ok(()) };
        let setup = self.setup(seed);
        let case = Case { scenario: self.name.to_owned(), seed, flaw: None, finding: Some(finding), setup };
        Err(Box::new(Failure { report, case, runs: 0 }))
    }

    /// Runs it under a seed. Where it fails it is run again, to see that it is the same run, and made smaller.
    ///
    /// # Errors
    /// It failed.
    ///
    /// # Panics
    /// Where two runs of the seed differ: something got in that is not the seed's.
    pub fn explain(&self, seed: u64) -> Result<(), Box<Failure>> {
        let Err(mut failure) = self.pass(seed) else { return Ok(()) };
        let again = self.run(seed).trace_hash;
        assert_eq!(failure.report.trace_hash, again, "seed {seed} must be the same run twice");
        let (case, runs) = (&mut failure.case, &mut failure.runs);
        let smaller = shrink(case.setup.clone(), &mut |candidate| {
            *runs += 1;
            let found = || Finding::all(&self.perform(seed, candidate.clone()));
            (*runs <= RUNS_MAX)
                .then(|| case.finding.as_ref().is_some_and(|finding| found().contains(finding)))
        });
        case.setup = smaller;
        Err(failure)
    }
}

/// So much of what led to a failure is shown.
const SHOWN: usize = 20;

/// The last of what happened up to the first violation: calls, notes and faults.
pub(super) fn story(report: &Report) -> Vec<String> {
    let Some(Violation { at: end, .. }) = report.violations.first() else { return Vec::new() };
    let told = report.history.iter().filter(|entry| Trail::tells(&entry.fact));
    let told = told.map(|entry| (entry.at, in_words(&entry.fact)));
    let faults = report.faults.iter().map(|fired| (fired.at, format!("{:?}", fired.fault)));
    let mut steps: Vec<(u64, String)> = faults.chain(told).filter(|(at, _)| at <= end).collect();
    steps.sort_by_key(|(at, _)| *at);
    let last = steps.split_off(steps.len().saturating_sub(SHOWN));
    last.into_iter().map(|(at, text)| format!("{:>6} ms  {text}", at / 1_000_000)).collect()
}

#[expect(clippy::disallowed_methods, reason = "whoever replays says so here, before any world begins")]
fn wanted_seed() -> Option<u64> {
    let text = std::env::var(SEED_VARIABLE).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{SEED_VARIABLE} must be a number, and is {text:?}")))
}

/// The command that runs one seed of a trial alone. In a test it knows the test's own name.
pub(super) fn command(name: &str, seed: u64) -> String {
    let thread = std::thread::current();
    let test = thread.name().filter(|name| *name != "main").unwrap_or(name);
    format!("{SEED_VARIABLE}={seed} cargo test {test}")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { report, case, runs } = self;
        writeln!(f, "{} seed {}: {}", report.scenario, case.seed, report.end.name())?;
        match &report.end {
            End::Passed => {}
            End::Crash(what) | End::Idle(what) => writeln!(f, "  {what}")?,
            End::Safety(violation) | End::Liveness(violation) => {
                let ms = violation.at / 1_000_000;
                writeln!(f, "  `{}` was broken at {ms} ms: {}", violation.check, violation.what)?;
                for line in &report.led_to_it {
                    writeln!(f, "    {line}")?;
                }
            }
        }
        if *runs > 0 {
            let clients = case.setup.clients();
            writeln!(f, "  it takes no more ({runs} runs) than {clients} clients, and this to go wrong:")?;
        } else {
            writeln!(f, "  what the seed made go wrong:")?;
        }
        for step in &case.setup.faults.steps {
            writeln!(f, "    {step}")?;
        }
        if *runs > 0 {
            write!(f, "  as a case, to keep: {}", case.write())?;
        }
        writeln!(f, "  trace hash {}", report.trace_hash)?;
        writeln!(f, "  replay: {}", report.replay)
    }
}
