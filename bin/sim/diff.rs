//! `sim diff`: the first thing that two runs did differently. Both are run once, each remembering its trace hash now and then;
//! where these part, both are run again, and what they did from there on is compared line by line.

use std::process::ExitCode;

use clap::Args;
use switchboard_sim::scenario::Report;
use switchboard_sim::{CHECKPOINT_MARKS, Line};

use crate::choice::{NoSubject, Size, Subject};
use crate::{DIFFERENT, refuse};

#[derive(Args)]
pub(crate) struct DiffArgs {
    /// A run: `SCENARIO:SEED`, or a file that holds a case.
    one: String,
    /// Another.
    other: String,
    #[command(flatten)]
    size: Size,
}

/// Lines that both have in common, shown before those that differ.
const COMMON_SHOWN: usize = 6;
/// Lines of each run, shown from where they differ.
const DIFFERENT_SHOWN: usize = 4;
/// A mark may come with a line or two that say more of it.
const LINES_PER_MARK: usize = 3;

/// Compares two runs. Ends with 13 where they differ.
pub(crate) fn diff(args: &DiffArgs) -> ExitCode {
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
    let from = part_at(&first, &second);
    let lines = |subject: &Subject| {
        let lines_max = usize::try_from(CHECKPOINT_MARKS).unwrap_or(usize::MAX) * LINES_PER_MARK;
        let subject =
            subject.with(|wishes| (wishes.log_from, wishes.log_lines_max) = (Some(from), lines_max));
        subject.play().log
    };
    println!("the same up to the {from}th thing that the simulator did; from there on:");
    tell(&lines(one), &lines(other));
    true
}

/// The number of marks up to which both are known to be the same.
fn part_at(first: &Report, second: &Report) -> u64 {
    let both = first.checkpoints.iter().zip(&second.checkpoints);
    let same = both.take_while(|(first, second)| first == second).count();
    same as u64 * CHECKPOINT_MARKS
}

fn tell(one: &[Line], other: &[Line]) {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    for line in &one[same.saturating_sub(COMMON_SHOWN)..same] {
        println!("  both   {line}");
    }
    for (name, lines) in [("first ", one), ("second", other)] {
        for line in lines[same..].iter().take(DIFFERENT_SHOWN) {
            println!("  {name} {line}");
        }
        if lines.len() == same {
            println!("  {name} ended there, or what differs does not show in words");
        }
    }
}
