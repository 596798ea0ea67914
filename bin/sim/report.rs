//! `sim report`: a run as one page that explains it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use switchboard_sim::page;

use crate::choice::OneRun;
use crate::exit::DIFFERENT;
use crate::{code, refuse};

#[derive(Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    run: OneRun,
    /// Where to write the page; `SCENARIO-SEED.html` where nothing is said.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Show the messages from this virtual millisecond on; where nothing is said, those that came before the violation.
    #[arg(long, requires = "to_ms")]
    from_ms: Option<u64>,
    /// Show them up to this virtual millisecond.
    #[arg(long, requires = "from_ms")]
    to_ms: Option<u64>,
    /// The page may have so many MiB: the farther from the violation something is, the sooner it is left out.
    #[arg(long, default_value_t = page::BYTES_MAX / MIB)]
    mib_max: usize,
}

const MIB: usize = 1024 * 1024;

/// Runs it, and once more to write down its messages; writes the page, and ends as the run did.
pub(crate) fn report(args: &ReportArgs) -> ExitCode {
    let asked_ms = args.from_ms.zip(args.to_ms);
    if let Some((from_ms, to_ms)) = asked_ms.filter(|(from_ms, to_ms)| from_ms > to_ms) {
        return refuse(&format!("there is nothing from {from_ms} to {to_ms} ms"));
    }
    let subject = match args.run.subject() {
        Ok(subject) => subject.with(|wishes| wishes.keeps_history = true),
        Err(why) => return refuse(&why.to_string()),
    };
    let first = subject.play();
    let span = asked_ms.unwrap_or_else(|| page::messages_ms(&first));
    let report = subject.with(|wishes| wishes.carried_ms = Some(span)).play();
    if report.trace_hash != first.trace_hash {
        println!("NOT REPRODUCIBLE: trace hash {}, then {}", first.trace_hash, report.trace_hash);
        return ExitCode::from(DIFFERENT);
    }
    let page = match page::page(&report, code::commit(), args.mib_max * MIB) {
        Ok(page) => page,
        Err(why) => return refuse(&why.to_string()),
    };
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}-{}.html", report.scenario, report.wishes.seed)));
    if let Err(error) = std::fs::write(&out, &page) {
        return refuse(&format!("{}: {error}", out.display()));
    }
    println!("{} seed {}: {}", report.scenario, report.wishes.seed, report.end.name());
    println!(
        "  {} ({:.1} MiB), with the messages of {} to {} ms",
        out.display(),
        page.len() as f64 / MIB as f64,
        span.0,
        span.1
    );
    ExitCode::from(report.end.code())
}
