//! What a run found, for a reader and for a program.

use std::fmt;
use std::time::Duration;

use serde_json::json;

use super::outcome::{Counts, Outcome};
use super::tally::{Streams, Tally};

/// The result of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// Requests that were due. Each ended in exactly one outcome.
    pub sent: u64,
    /// How they ended.
    pub counts: Counts,
    /// Good answers a second, after the ramp and before the end.
    pub rps: f64,
    /// Latency of good answers after the ramp, in milliseconds; counted from when a request was due.
    pub latency: Latency,
    /// The time that `rps` and `latency` are of.
    pub window: Duration,
    /// Connections that replaced a lost one.
    pub reconnects: u64,
    /// Clients that could not connect, or open their session, at the beginning.
    pub opening_failures: u64,
    /// Streams held open beside the requests.
    pub streams: Streams,
    /// Processor time of this process during the run, by request: if it nears a thread's share, the generator is what
    /// was measured.
    pub own_cpu_us: Option<f64>,
}

/// Percentiles in milliseconds; zero where nothing was measured.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Latency {
    /// Half were faster.
    pub p50_ms: f64,
    /// 95 % were.
    pub p95_ms: f64,
    /// 99 % were.
    pub p99_ms: f64,
    /// All were.
    pub max_ms: f64,
}

impl Report {
    /// # Panics
    /// When a request has no outcome, or two: the generator is broken, and so would be every figure.
    pub(super) fn new(tally: &Tally, window: Duration, own_cpu: Option<Duration>) -> Self {
        assert_eq!(tally.sent, tally.counts.total(), "every request must end in exactly one outcome");
        let seconds = window.as_secs_f64();
        Self {
            sent: tally.sent,
            counts: tally.counts,
            rps: if seconds > 0.0 { real(tally.measured) / seconds } else { 0.0 },
            latency: Latency {
                p50_ms: real(tally.latency_us.value_at_quantile(0.50)) / 1e3,
                p95_ms: real(tally.latency_us.value_at_quantile(0.95)) / 1e3,
                p99_ms: real(tally.latency_us.value_at_quantile(0.99)) / 1e3,
                max_ms: real(tally.latency_us.max()) / 1e3,
            },
            window,
            reconnects: tally.reconnects,
            opening_failures: tally.opening_failures,
            streams: tally.streams,
            own_cpu_us: own_cpu
                .filter(|_| tally.sent > 0)
                .map(|cpu| cpu.as_secs_f64() * 1e6 / real(tally.sent)),
        }
    }

    /// One line: a flat object, in the order of the table.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Latency { p50_ms, p95_ms, p99_ms, max_ms } = self.latency;
        let Streams { opened, lost, failed, messages } = self.streams;
        let mut fields = vec![("sent", json!(self.sent))];
        fields.extend(Outcome::ALL.map(|outcome| (outcome.name(), json!(self.counts.of(outcome)))));
        fields.extend([
            ("rps", json!(rounded(self.rps))),
            ("p50_ms", json!(p50_ms)),
            ("p95_ms", json!(p95_ms)),
            ("p99_ms", json!(p99_ms)),
            ("max_ms", json!(max_ms)),
            ("window_s", json!(rounded(self.window.as_secs_f64()))),
            ("streams_opened", json!(opened)),
            ("streams_lost", json!(lost)),
            ("streams_failed", json!(failed)),
            ("stream_messages", json!(messages)),
            ("reconnects", json!(self.reconnects)),
            ("opening_failures", json!(self.opening_failures)),
            ("own_cpu_us", json!(self.own_cpu_us.map(rounded))),
        ]);
        // By hand, because a map of serde_json sorts: `sent` and `ok` would be somewhere in the middle.
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency { p50_ms, p95_ms, p99_ms, max_ms } = self.latency;
        writeln!(f, "{:<18}{:>12}", "sent", self.sent)?;
        for outcome in Outcome::ALL {
            let count = self.counts.of(outcome);
            if count > 0 || outcome == Outcome::Ok {
                let share = 100.0 * real(count) / real(self.sent.max(1));
                writeln!(f, "  {:<16}{count:>12}  {share:.3} %", outcome.name())?;
            }
        }
        writeln!(
            f,
            "{:<18}{:>12.0}  good answers a second, over {:.1} s",
            "rate",
            self.rps,
            self.window.as_secs_f64()
        )?;
        writeln!(f, "{:<18}{p50_ms:>12.3}  ms", "latency p50")?;
        writeln!(f, "{:<18}{p95_ms:>12.3}  ms", "        p95")?;
        writeln!(f, "{:<18}{p99_ms:>12.3}  ms", "        p99")?;
        writeln!(f, "{:<18}{max_ms:>12.3}  ms", "        max")?;
        if self.streams != Streams::default() {
            let Streams { opened, lost, failed, messages } = self.streams;
            writeln!(
                f,
                "{:<18}{opened:>12}  opened, {lost} lost, {failed} failed, {messages} messages",
                "streams"
            )?;
        }
        if self.reconnects > 0 || self.opening_failures > 0 {
            let failures = self.opening_failures;
            writeln!(
                f,
                "{:<18}{:>12}  and {failures} failures at the beginning",
                "reconnects", self.reconnects
            )?;
        }
        if let Some(cpu_us) = self.own_cpu_us {
            writeln!(f, "{:<18}{cpu_us:>12.2}  µs of processor time a request, here", "generator")?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2⁵³")]
fn real(count: u64) -> f64 {
    count as f64
}

/// Three digits behind the point are more than any of these figures is good for.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
