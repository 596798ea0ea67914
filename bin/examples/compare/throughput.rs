//! Rate and processor time per call, as fast as it goes and at a fixed rate.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use switchboard_bin::load::{Outcome, run, usage};

use crate::server::{Problem, Server};
use crate::{Args, Comparison, Pair};

/// What one run found.
#[derive(Clone, Copy)]
struct Figures {
    cpu_us: f64,
    rate: f64,
    p99_ms: f64,
    /// Share of the machine that neither the server nor the generator used.
    others: f64,
}

pub(crate) async fn compare(args: &Args) -> Result<Vec<Comparison>, Problem> {
    let (mut a, mut b) = (args.start_a()?, args.start_b()?);
    let mut comparisons = Vec::new();
    let closed = pairs(args, &mut a, &mut b, None).await?;
    comparisons.push(of("saturated cpu", "us a call", &closed, |run| run.cpu_us));
    comparisons.push(of("saturated rate", "calls a second", &closed, |run| run.rate));
    if args.rate > 0.0 {
        let open = pairs(args, &mut a, &mut b, Some(args.rate)).await?;
        comparisons.push(of("fixed rate cpu", "us a call", &open, |run| run.cpu_us));
        comparisons.push(of("fixed rate rate", "calls a second", &open, |run| run.rate));
        comparisons.push(of("fixed rate p99", "ms", &open, |run| run.p99_ms));
    }
    Ok(comparisons)
}

fn of(
    name: &'static str,
    unit: &'static str,
    pairs: &[(Figures, Figures)],
    pick: fn(&Figures) -> f64,
) -> Comparison {
    let pair = |(a, b): &(Figures, Figures)| Pair { a: pick(a), b: pick(b), others: a.others.max(b.others) };
    Comparison { name, unit, pairs: pairs.iter().map(pair).collect() }
}

async fn pairs(
    args: &Args,
    a: &mut Server,
    b: &mut Server,
    rate: Option<f64>,
) -> Result<Vec<(Figures, Figures)>, Problem> {
    let mut pairs = Vec::new();
    for pair in 0..args.pairs {
        // Whoever comes second finds a warmer machine.
        let figures = if pair % 2 == 0 {
            let of_a = measure(args, a, &args.a_url, rate).await?;
            (of_a, measure(args, b, &args.b_url, rate).await?)
        } else {
            let of_b = measure(args, b, &args.b_url, rate).await?;
            (measure(args, a, &args.a_url, rate).await?, of_b)
        };
        let kind = if rate.is_some() { "fixed rate" } else { "saturated" };
        let (Figures { cpu_us: cpu_a, rate: rate_a, .. }, Figures { cpu_us: cpu_b, rate: rate_b, .. }) =
            figures;
        eprintln!("{kind} {}: A {cpu_a:.2} us, {rate_a:.0}/s; B {cpu_b:.2} us, {rate_b:.0}/s", pair + 1);
        pairs.push(figures);
    }
    Ok(pairs)
}

async fn measure(args: &Args, server: &mut Server, url: &str, rate: Option<f64>) -> Result<Figures, Problem> {
    let mut further = vec![
        format!("--connections={}", args.connections),
        format!("--duration-s={}", args.duration_s),
        "--ramp-s=1".to_owned(),
    ];
    further.extend(rate.map(|rate| format!("--rate={rate}")));
    let options = args.load(url, &further)?;
    let (begin, before) = (Instant::now(), Spent::now(server)?);
    let report = run(options, |_| ControlFlow::Continue(())).await?;
    let (elapsed, after) = (begin.elapsed(), Spent::now(server)?);
    if report.counts.of(Outcome::Ok) != report.sent {
        return Err(Problem(format!("{url} did not answer all calls well, so nothing compares:\n{report}")));
    }
    let server_s = (after.server - before.server).as_secs_f64();
    let others_s =
        (after.machine - before.machine).as_secs_f64() - server_s - (after.own - before.own).as_secs_f64();
    let cores = std::thread::available_parallelism()?.get();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a run has far fewer than 2⁵³ requests, a machine fewer cores"
    )]
    let (sent, capacity_s) = (report.sent as f64, elapsed.as_secs_f64() * cores as f64);
    Ok(Figures {
        cpu_us: server_s * 1e6 / sent,
        rate: report.rps,
        p99_ms: report.latency.p99_ms,
        others: (others_s / capacity_s).max(0.0),
    })
}

/// Processor time until now.
struct Spent {
    server: Duration,
    own: Duration,
    machine: Duration,
}

impl Spent {
    fn now(server: &mut Server) -> Result<Self, Problem> {
        let untold = || Problem("/proc tells no processor time".to_owned());
        Ok(Self {
            server: server.processor_time()?,
            own: usage::processor_time(std::process::id()).ok_or_else(untold)?,
            machine: usage::machine_time().ok_or_else(untold)?,
        })
    }
}
