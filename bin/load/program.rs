//! `switchboard load` in a terminal: progress while it runs, the report at its end.

use std::io::{self, IsTerminal, stderr};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::Args;
use super::options::LoadOptions;
use super::report::Report;
use super::{Progress, run};

/// Runs `switchboard load`. Ctrl-C ends the run early, with its report; a second one ends the program.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let options = match args.check() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(run_in_terminal(options))) {
        Ok(report) if args.json => println!("{}", report.to_json()),
        Ok(report) => print!("{report}"),
        Err(error) => {
            eprintln!("error: the load generator could not start: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn run_in_terminal(options: LoadOptions) -> io::Result<Report> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        }
    });
    let bar = stderr().is_terminal().then(|| bar(&options));
    let duration = options.duration;
    let report = run(options, |progress| {
        if let Some(bar) = &bar {
            show(bar, progress, duration);
        }
        if interrupted.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    report
}

fn bar(options: &LoadOptions) -> ProgressBar {
    let length = match (options.duration, options.requests) {
        (Some(duration), _) => u64::try_from((options.ramp + duration).as_millis()).unwrap_or(u64::MAX),
        (None, requests) => requests.unwrap_or(1),
    };
    let style = ProgressStyle::with_template("{bar:30} {msg}").expect("the template must be valid");
    ProgressBar::new(length).with_style(style)
}

fn show(bar: &ProgressBar, progress: Progress, duration: Option<Duration>) {
    let Progress { opened, opened_of, running, sent, ok } = progress;
    let at = if duration.is_some() {
        running.map_or(0, |running| u64::try_from(running.as_millis()).unwrap_or(u64::MAX))
    } else {
        sent
    };
    bar.set_position(at);
    bar.set_message(format!("{opened}/{opened_of} open, {sent} sent, {} not ok", sent - ok));
}
