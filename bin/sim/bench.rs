//! `sim bench`: how fast virtual time passes, and what memory that takes: at each stage of a run, and while clients work.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use crate::choice::OneRun;
use crate::{object, refuse};

#[derive(Args)]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    run: OneRun,
    /// A line for so many virtual seconds.
    #[arg(long, default_value_t = 5)]
    every_s: u64,
    /// Say nothing but one line of JSON: that of `run`, and how fast it was and what memory it took while clients worked.
    #[arg(long)]
    json: bool,
}

/// A moment of a run.
#[derive(Clone, Copy)]
struct Moment {
    virtual_s: f64,
    real_s: f64,
}

impl Moment {
    /// Virtual seconds a second since an earlier moment.
    fn speed_since(self, earlier: Self) -> f64 {
        (self.virtual_s - earlier.virtual_s) / (self.real_s - earlier.real_s)
    }
}

const START: Moment = Moment { virtual_s: 0.0, real_s: 0.0 };

pub(crate) fn bench(args: &BenchArgs) -> ExitCode {
    let subject = match args.run.subject_or_first() {
        Ok(subject) => subject,
        Err(why) => return refuse(&why.to_string()),
    };
    if !args.json {
        println!("{:>9}  {:>8}  {:>10}  {:>10}", "virtual s", "real s", "virt/real", "memory MB");
    }
    let began = Instant::now();
    let busy_s = Duration::from_millis(subject.setup().busy_ms()).as_secs_f64();
    let (mut last, mut worked) = (START, START);
    let mut watch = |now: Duration| {
        let moment = Moment { virtual_s: now.as_secs_f64(), real_s: began.elapsed().as_secs_f64() };
        if moment.virtual_s <= busy_s {
            worked = moment;
        }
        if !args.json && now.as_secs().is_multiple_of(args.every_s.max(1)) {
            let (speed, memory) = (moment.speed_since(last), memory_mb("VmRSS:"));
            println!("{:>9.0}  {:>8.1}  {speed:>10.1}  {memory:>10}", moment.virtual_s, moment.real_s);
            last = moment;
        }
    };
    let report = subject.play_watched(&mut watch);
    let (speed, peak) = (worked.speed_since(START), memory_mb("VmHWM:"));
    if args.json {
        let mut object = object::of(&report, began.elapsed());
        object["worked"] = serde_json::json!({
            "virtual_s": worked.virtual_s,
            "real_s": worked.real_s,
            "virtual_per_real": speed,
            "memory_mb_max": peak,
        });
        println!("{object}");
        return ExitCode::from(report.end.code());
    }
    print!("{}", object::text(&report));
    println!(
        "  while clients worked: {:.1} virtual seconds in {:.1} real ones, {speed:.1} a second; {peak} MB at most",
        worked.virtual_s, worked.real_s
    );
    ExitCode::from(report.end.code())
}

/// What the system says of this process's memory; 0 where it says nothing.
fn memory_mb(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) / 1_024
}
