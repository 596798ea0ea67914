//! Two servers under the same load in turns, as ratios: processor time per call and rate, or memory per idle connection.
//!
//! Figures of a shared machine move by a third within minutes; ratios of neighbouring runs hardly move. So the servers
//! take turns in pairs, the order within a pair alternates, and the median over the pairs is the result; pairs during
//! which others used the machine are shown and left out. Both run here, on loopback, as children of this program, and
//! end with it.
//!
//! ```text
//! cargo run --release --example compare -- \
//!   --a "target/release/switchboard serve" --a-url http://127.0.0.1:8080/mcp \
//!   --b "target/release/examples/bare_hyper --listen 127.0.0.1:9000" --b-url http://127.0.0.1:9000/mcp
//! ```

mod idle;
mod server;
mod throughput;

use std::process::ExitCode;

use clap::Parser;
use serde_json::{Value, json};
use switchboard_bin::load::{self, LoadOptions};

use server::{Problem, Server};

/// Compare two servers: A relative to B.
#[derive(Parser, Clone)]
struct Args {
    /// The command that starts server A; split at blanks.
    #[arg(long, value_name = "COMMAND")]
    a: String,
    /// Where A answers.
    #[arg(long, value_name = "URL")]
    a_url: String,
    /// The command that starts server B, the yardstick.
    #[arg(long, value_name = "COMMAND")]
    b: String,
    /// Where B answers.
    #[arg(long, value_name = "URL")]
    b_url: String,
    /// Pairs of runs.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Length of one run, after a second of ramp.
    #[arg(long, default_value_t = 5.0)]
    duration_s: f64,
    /// Connections under load.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Requests a second of the run at a fixed rate; 0 leaves it out.
    #[arg(long, default_value_t = 40_000.0)]
    rate: f64,
    /// Measure memory between 2,000 and 8,000 idle connections instead.
    #[arg(long)]
    idle: bool,
    /// Revision to speak: 2025, 2026 or both.
    #[arg(long, default_value = "2026")]
    era: String,
    /// The tool to call.
    #[arg(long, default_value = "echo")]
    tool: String,
    /// Its arguments, a JSON object.
    #[arg(long, default_value = r#"{"text":"hello"}"#)]
    args: String,
    /// End with one line of JSON instead of the table.
    #[arg(long)]
    json: bool,
}

impl Args {
    /// What a run of the load generator does with these further options.
    fn load(&self, url: &str, further: &[String]) -> Result<LoadOptions, Problem> {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            args: load::Args,
        }
        let own = ["load", "--url", url, "--era", &self.era, "--tool", &self.tool, "--args", &self.args];
        let words = own.into_iter().map(str::to_owned).chain(further.iter().cloned());
        let line = Line::try_parse_from(words).map_err(|error| Problem(error.to_string()))?;
        line.args.check().map_err(|error| Problem(error.to_string()))
    }

    fn start_a(&self) -> Result<Server, Problem> {
        Server::start(&self.a, &self.load(&self.a_url, &[])?)
    }

    fn start_b(&self) -> Result<Server, Problem> {
        Server::start(&self.b, &self.load(&self.b_url, &[])?)
    }
}

/// One figure of both servers, from neighbouring runs.
struct Pair {
    a: f64,
    b: f64,
    /// Share of the machine that others took meanwhile, in the worse of both runs.
    others: f64,
}

/// One figure of both servers, measured in turns.
struct Comparison {
    name: &'static str,
    unit: &'static str,
    pairs: Vec<Pair>,
}

/// With more of the machine taken by others, a pair says nothing about rate and latency.
const OTHERS_MAX: f64 = 0.1;

impl Comparison {
    /// The pairs of a quiet machine; all of them where it never was quiet.
    fn valid(&self) -> (bool, Vec<&Pair>) {
        let quiet: Vec<&Pair> = self.pairs.iter().filter(|pair| pair.others <= OTHERS_MAX).collect();
        if quiet.is_empty() { (false, self.pairs.iter().collect()) } else { (true, quiet) }
    }

    fn median(&self, pick: fn(&Pair) -> f64) -> f64 {
        median(self.valid().1.into_iter().map(pick).collect())
    }

    fn print(&self) {
        println!("{} ({})", self.name, self.unit);
        for Pair { a, b, others } in &self.pairs {
            let busy = if *others > OTHERS_MAX { "   others used the machine" } else { "" };
            println!("  A {a:>12.2}   B {b:>12.2}   A/B {:>7.3}{busy}", a / b);
        }
        let (quiet, valid) = self.valid();
        let warning = if quiet { "" } else { "; the machine was never quiet, so this is no result" };
        println!("  median A/B {:.3} of {} pairs{warning}", self.median(|pair| pair.a / pair.b), valid.len());
    }

    fn to_json(&self) -> Value {
        let pairs =
            self.pairs.iter().map(|Pair { a, b, others }| json!({ "a": a, "b": b, "others": others }));
        json!({
            "unit": self.unit, "quiet": self.valid().0,
            "ratio": self.median(|pair| pair.a / pair.b),
            "a": self.median(|pair| pair.a), "b": self.median(|pair| pair.b),
            "pairs": pairs.collect::<Vec<_>>(),
        })
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(low), values.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let compared = runtime.map_err(Problem::from).and_then(|runtime| {
        runtime.block_on(async {
            if args.idle { idle::compare(&args).await } else { throughput::compare(&args).await }
        })
    });
    match compared {
        Ok(comparisons) if args.json => {
            let all = comparisons.iter().map(|one| (one.name.replace(' ', "_"), one.to_json()));
            println!("{}", Value::Object(all.collect()));
        }
        Ok(comparisons) => comparisons.iter().for_each(Comparison::print),
        Err(problem) => {
            eprintln!("compare: {problem}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
