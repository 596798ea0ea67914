//! `sim replay` and `sim hash`: one run again, and everything about it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use switchboard_sim::scenario::WINDOW_LINES;

use crate::choice::OneRun;
use crate::exit::DIFFERENT;
use crate::record::Record;
use crate::{object, refuse};

#[derive(Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    run: OneRun,
    /// Also print the last so many things that the simulator did.
    #[arg(long, default_value_t = 0)]
    log: usize,
    /// Also print everything that happened to clients and nodes.
    #[arg(long)]
    history: bool,
    /// Say nothing but one line of JSON: that of `run`, and whether a second run was the same.
    #[arg(long, conflicts_with_all = ["log", "history"])]
    json: bool,
}

#[derive(Args)]
pub(crate) struct HashArgs {
    #[command(flatten)]
    run: OneRun,
    /// Write it down in this file, for `sim diff ONE.trace OTHER.trace`.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Also write down what the simulator did from this mark on.
    #[arg(long, requires = "out")]
    log_from: Option<u64>,
}

/// Runs it twice, and ends as the run did.
pub(crate) fn replay(args: &ReplayArgs) -> ExitCode {
    let subject = match args.run.subject() {
        Ok(subject) => subject,
        Err(why) => return refuse(&why.to_string()),
    };
    let subject =
        subject.with(|wishes| (wishes.log_lines_max, wishes.keeps_history) = (args.log, args.history));
    let start = Instant::now();
    let report = subject.play();
    if args.json {
        let mut object = object::of(&report, start.elapsed());
        let is_same = subject.play().trace_hash == report.trace_hash;
        object["is_reproducible"] = is_same.into();
        println!("{object}");
        return ExitCode::from(if is_same { report.end.code() } else { DIFFERENT });
    }
    for line in &report.log {
        println!("{line}");
    }
    for entry in &report.history {
        println!("{entry}");
    }
    print!("{}", object::text(&report));
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
pub(crate) fn hash(args: &HashArgs) -> ExitCode {
    let subject = match args.run.subject() {
        Ok(subject) => subject,
        Err(why) => return refuse(&why.to_string()),
    };
    let log_lines_max = if args.log_from.is_some() { WINDOW_LINES } else { 0 };
    let report = subject
        .with(|wishes| (wishes.log_from, wishes.log_lines_max) = (args.log_from, log_lines_max))
        .play();
    println!("{}", report.trace_hash);
    let written = args.out.as_ref().map_or(Ok(()), |out| Record::new(&report).write(out));
    written.map_or_else(|why| refuse(&why), |()| ExitCode::from(report.end.code()))
}
