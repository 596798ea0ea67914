//! `sim diff`: the first thing that two runs did differently. Both are run once, each remembering its trace hash now and then;
//! where these part, both are run again, and what they did from there on is compared line by line. Runs of other processes and
//! builds are compared by their records, and a run that fails, said alone, with the nearest one that passes.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use switchboard_sim::scenario::{End, Parting, Report, WINDOW_LINES, nearest_passing, run_setup, same_marks};

use crate::choice::{NoSubject, Size, Subject, is_case};
use crate::exit::{DIFFERENT, NOT_FOUND};
use crate::record::{Record, SUFFIX};
use crate::refuse;

#[derive(Args)]
pub(crate) struct DiffArgs {
    /// A run: `SCENARIO:SEED`, a file that holds a case, or one that `sim hash --out NAME.trace` wrote.
    one: String,
    /// Another; where there is none, the first must fail, and is compared with the nearest run that passes: of the same seed, with
    /// one fault moved a little or left out, or another thing a little plainer.
    other: Option<String>,
    #[command(flatten)]
    size: Size,
    /// After so many runs no nearer one is looked for.
    #[arg(long, default_value_t = 60)]
    tries: u32,
}

/// Compares two runs. Ends with 13 where they differ.
pub(crate) fn diff(args: &DiffArgs) -> ExitCode {
    let Some(other) = &args.other else {
        return match subject(&args.one, args.size) {
            Ok(subject) => with_neighbour(&subject, args.tries),
            Err(why) => refuse(&why.to_string()),
        };
    };
    if [&args.one, other].iter().all(|name| name.ends_with(SUFFIX)) {
        let [one, other] = [&args.one, other].map(|name| Record::read(Path::new(name)));
        return match (one, other) {
            (Ok(one), Ok(other)) => ExitCode::from(if one.show(&other) { DIFFERENT } else { 0 }),
            (Err(why), _) | (_, Err(why)) => refuse(&why),
        };
    }
    match (subject(&args.one, args.size), subject(other, args.size)) {
        (Ok(one), Ok(other)) => ExitCode::from(if show(&one, &other) { DIFFERENT } else { 0 }),
        (Err(why), _) | (_, Err(why)) => refuse(&why.to_string()),
    }
}

fn subject(text: &str, size: Size) -> Result<Subject, NoSubject> {
    if is_case(text) {
        return Subject::new(text, None, size);
    }
    let run = text.rsplit_once(':').and_then(|(name, seed)| Some((name, seed.parse().ok()?)));
    let (name, seed) = run.ok_or_else(|| NoSubject::NoRun(text.to_owned()))?;
    Subject::new(name, Some(seed), size)
}

/// Compares a run that fails with the nearest one that passes.
fn with_neighbour(subject: &Subject, tries: u32) -> ExitCode {
    let (report, setup) = (subject.play(), subject.setup());
    let Some(finding) = report.finding() else {
        return refuse("it passes: there is nothing to compare it with");
    };
    let failed_ms = match &report.end {
        End::Safety(violation) | End::Liveness(violation) => violation.at / 1_000_000,
        _ => setup.end_ms,
    };
    println!("{} seed {} fails at {failed_ms} ms: {finding}", report.scenario, report.wishes.seed);
    let mut runs = 0;
    let found = nearest_passing(&setup, failed_ms, &mut |candidate| {
        runs += 1;
        (runs <= tries).then(|| run_setup(subject.scenario, &subject.wishes, candidate.clone()).is_passed())
    });
    let Some(change) = found else {
        println!("none of {} runs near it passes", runs.min(tries));
        return ExitCode::from(NOT_FOUND);
    };
    println!("the nearest that passes ({} runs): {change}", runs.min(tries));
    let passes = subject.made_of(change.applied(&setup));
    part((subject, &report), (&passes, &passes.play()), ["fails", "passes"]);
    ExitCode::from(DIFFERENT)
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
    part((one, &first), (other, &second), ["first", "second"]);
    true
}

/// Says where two runs that differ part, by these names.
fn part(one: (&Subject, &Report), other: (&Subject, &Report), names: [&str; 2]) {
    let from = same_marks(&one.1.checkpoints, &other.1.checkpoints);
    let log = |subject: &Subject| {
        let window = (Some(from), WINDOW_LINES);
        subject.with(|wishes| (wishes.log_from, wishes.log_lines_max) = window).play().log
    };
    println!("the same up to the {from}th thing that the simulator did; from there on:");
    let mut text = String::new();
    let told = Parting::new(&log(one.0), &log(other.0)).tell(names, &mut text);
    told.expect("memory takes all text");
    print!("{text}");
}
