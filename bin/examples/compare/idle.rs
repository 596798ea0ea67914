//! Memory of an idle kept-alive connection that has made one call: the slope between two populations, so that what the
//! server needs for itself does not count. Each measurement is of a fresh process: allocators keep what they had.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use switchboard_bin::load::{Outcome, Report, run};
use tokio::task::JoinHandle;

use crate::server::{Problem, Server};
use crate::{Args, Comparison, Pair};

const FEW: usize = 2_000;
const MANY: usize = 8_000;
/// After the last call, for memory to come to rest.
const SETTLE: Duration = Duration::from_secs(2);
const OPEN_MAX: Duration = Duration::from_secs(60);

pub(crate) async fn compare(args: &Args) -> Result<Vec<Comparison>, Problem> {
    let mut pairs = Vec::new();
    for pair in 0..args.pairs {
        let bytes = if pair % 2 == 0 {
            let of_a = slope(args, args.start_a()?, &args.a_url).await?;
            (of_a, slope(args, args.start_b()?, &args.b_url).await?)
        } else {
            let of_b = slope(args, args.start_b()?, &args.b_url).await?;
            (slope(args, args.start_a()?, &args.a_url).await?, of_b)
        };
        eprintln!("idle {}: A {:.0} bytes, B {:.0} bytes", pair + 1, bytes.0, bytes.1);
        // Memory is the same on a busy machine.
        pairs.push(Pair { a: bytes.0, b: bytes.1, others: 0.0 });
    }
    Ok(vec![Comparison { name: "idle connection", unit: "bytes", pairs }])
}

async fn slope(args: &Args, mut server: Server, url: &str) -> Result<f64, Problem> {
    let few = Population::open(args, url, FEW).await?;
    tokio::time::sleep(SETTLE).await;
    let before = server.resident_bytes()?;
    let more = Population::open(args, url, MANY - FEW).await?;
    tokio::time::sleep(SETTLE).await;
    let after = server.resident_bytes()?;
    for population in [few, more] {
        let report = population.close().await?;
        // Each called once before it idled and once after: a connection that the server dropped weighs nothing.
        if report.counts.of(Outcome::Ok) != report.sent || report.reconnects > 0 {
            return Err(Problem(format!(
                "{url} did not hold all connections, so nothing compares:\n{report}"
            )));
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2⁵³ bytes")]
    let slope = (after as f64 - before as f64) / (MANY - FEW) as f64;
    Ok(slope)
}

/// Connections that are held open.
struct Population {
    stop: Arc<AtomicBool>,
    run: JoinHandle<std::io::Result<Report>>,
}

impl Population {
    /// Opens so many, and waits until each has had its first answer.
    async fn open(args: &Args, url: &str, connections: usize) -> Result<Self, Problem> {
        let further = [
            "--idle=connection".to_owned(),
            format!("--connections={connections}"),
            "--duration-s=300".to_owned(),
        ];
        let options = args.load(url, &further)?;
        let (stop, open) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (stopped, opened) = (stop.clone(), open.clone());
        let run = tokio::spawn(run(options, move |progress| {
            opened.fetch_or(progress.opened >= progress.opened_of, Ordering::Relaxed);
            if stopped.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }));
        let begin = Instant::now();
        while !open.load(Ordering::Relaxed) {
            if run.is_finished() || begin.elapsed() > OPEN_MAX {
                return Err(Problem(format!("{connections} connections to {url} could not be opened")));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { stop, run })
    }

    async fn close(self) -> Result<Report, Problem> {
        self.stop.store(true, Ordering::Relaxed);
        Ok(self.run.await.map_err(|error| Problem(error.to_string()))??)
    }
}
