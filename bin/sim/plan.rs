//! `sim plan`: what is to go wrong in a run, before anything is run, and the run as a case.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::choice::OneRun;
use crate::shrink::size;
use crate::{case, refuse};

#[derive(Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    run: OneRun,
    /// Also write the case to this file, to be edited and replayed.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Prints it, and runs nothing.
pub(crate) fn plan(args: &PlanArgs) -> ExitCode {
    let subject = match args.run.subject_or_first() {
        Ok(subject) => subject,
        Err(why) => return refuse(&why.to_string()),
    };
    let setup = subject.setup();
    let (name, seed) = (subject.scenario.name, subject.wishes.seed);
    println!("{name} seed {seed}: {}", size(&setup));
    for step in &setup.faults.steps {
        println!("  {step}");
    }
    let Some(out) = &args.out else { return ExitCode::SUCCESS };
    if let Err(why) = case::keep(&subject.case(seed, None, setup), out) {
        return refuse(&why);
    }
    println!("  replay: cargo sim replay {}", out.display());
    ExitCode::SUCCESS
}
