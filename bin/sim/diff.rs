//! `sim diff`: the first thing that two runs did differently. Both are run once, each remembering its trace hash now and then;
//! where these part, both are run again, and what they did from there on is compared line by line. Runs of other processes and
//! builds are compared by their records.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use switchboard_sim::scenario::{Parting, WINDOW_LINES, same_marks};

use crate::choice::{NoSubject, Size, Subject};
use crate::record::{Record, SUFFIX};
use crate::{DIFFERENT, refuse};

#[derive(Args)]
pub(crate) struct DiffArgs {
    /// A run: `SCENARIO:SEED`, a file that holds a case, or one that `sim hash --out NAME.trace` wrote.
    one: String,
    /// Another.
    other: String,
    #[command(flatten)]
    size: Size,
}

/// Compares two runs. Ends with 13 where they differ.
pub(crate) fn diff(args: &DiffArgs) -> ExitCode {
    if [&args.one, &args.other].iter().all(|name| name.ends_with(SUFFIX)) {
        let [one, other] = [&args.one, &args.other].map(|name| Record::read(Path::new(name)));
        return match (one, other) {
            (Ok(one), Ok(other)) => ExitCode::from(if one.show(&other) { DIFFERENT } else { 0 }),
            (Err(why), _) | (_, Err(why)) => refuse(&why),
        };
    }
    match (subject(&args.one, args.size), subject(&args.other, args.size)) {
        (Ok(one), Ok(other)) => ExitCode::from(if show(&one, &other) { DIFFERENT } else { 0 }),
        (Err(why), _) | (_, Err(why)) => refuse(&why.to_string()),
    }
}

fn subject(text: &str, size: Size) -> Result<Subject, NoSubject> {
    match text.rsplit_once(':') {
        Some((name, seed)) => Subject::new(name, seed.parse().ok(), size),
        None => Subject::new(text, None, size),
    }
}

/// Says where two runs part. Whether they do.
pub(crate) fn show(one: &Subject, other: &Subject) -> bool {
    let (first, second) = (one.play(), other.play());
    for report in [&first, &second] {
        println!(
            "{} seed {}: {}, trace hash {}",
            report.scenario,
            report.wishes.seed,
            report.end.name(),
            report.trace_hash
        );
    }
    if first.trace_hash == second.trace_hash {
        println!("they are the same run, bit for bit");
        return false;
    }
    let from = same_marks(&first.checkpoints, &second.checkpoints);
    let log = |subject: &Subject| {
        let window = (Some(from), WINDOW_LINES);
        subject.with(|wishes| (wishes.log_from, wishes.log_lines_max) = window).play().log
    };
    println!("the same up to the {from}th thing that the simulator did; from there on:");
    print!("{}", Parting::new(&log(one), &log(other)));
    true
}
