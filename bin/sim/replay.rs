//! `sim replay` and `sim hash`: one run again, and everything about it.

use std::process::ExitCode;

use clap::Args;

use crate::choice::{Size, Subject};
use crate::{DIFFERENT, refuse};

#[derive(Args)]
pub(crate) struct ReplayArgs {
    /// The name of a scenario, or a file that holds a case.
    what: String,
    /// The seed of a scenario.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    size: Size,
    /// Also print the last so many things that the simulator did.
    #[arg(long, default_value_t = 0)]
    log: usize,
    /// Also print everything that happened to clients and nodes.
    #[arg(long)]
    history: bool,
}

impl ReplayArgs {
    fn subject(&self) -> Result<Subject, ExitCode> {
        let subject =
            Subject::new(&self.what, self.seed, self.size).map_err(|why| refuse(&why.to_string()))?;
        Ok(subject.with(|wishes| (wishes.log_lines_max, wishes.keeps_history) = (self.log, self.history)))
    }
}

/// Runs it twice, and ends as the run did.
pub(crate) fn replay(args: &ReplayArgs) -> ExitCode {
    let subject = match args.subject() {
        Ok(subject) => subject,
        Err(code) => return code,
    };
    let report = subject.play();
    for line in &report.log {
        println!("{line}");
    }
    for entry in &report.history {
        println!("{entry}");
    }
    print!("{report}");
    let again = subject.play();
    if again.trace_hash != report.trace_hash {
        println!("  NOT REPRODUCIBLE: a second run has trace hash {}", again.trace_hash);
        crate::diff::show(&subject, &subject);
        return ExitCode::from(DIFFERENT);
    }
    println!("  a second run is the same, bit for bit");
    ExitCode::from(report.end.code())
}

/// Prints its trace hash, and ends as the run did.
pub(crate) fn hash(args: &ReplayArgs) -> ExitCode {
    let report = match args.subject() {
        Ok(subject) => subject.play(),
        Err(code) => return code,
    };
    println!("{}", report.trace_hash);
    ExitCode::from(report.end.code())
}
