//! What came out of a run, for people and for machines.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use switchboard::probe::{Point, Quirk};

use super::case::Finding;
use super::setup::Setup;
use super::waits::Waits;
use super::wishes::Wishes;
use crate::check::{self, Breach, Checker, Entry, Fact, Violation};
use crate::client::Outcome;
use crate::fault::Fired;
use crate::life::Turned;
use crate::net::Carried;
use crate::plan::Plan;
use crate::trace::{Line, TraceHash};

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// Everything held.
    Passed,
    /// Something panicked that must not.
    Crash(String),
    /// Something happened that must never happen; the first of these.
    Safety(Violation),
    /// Something did not happen in time; the first of these.
    Liveness(Violation),
    /// A planned fault touched nothing, or what the run is about never happened: it proved nothing.
    Idle(String),
}

impl End {
    /// Its name in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Crash(_) => "crash",
            Self::Safety(_) => "safety",
            Self::Liveness(_) => "liveness",
            Self::Idle(_) => "idle_fault",
        }
    }

    /// The exit code of a program that ran it.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Safety(_) => 10,
            Self::Liveness(_) => 11,
            Self::Crash(_) => 12,
            Self::Idle(_) => 14,
        }
    }
}

/// What came out of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The scenario's name.
    pub scenario: &'static str,
    /// What was asked for.
    pub wishes: Wishes,
    /// The one command that runs it again.
    pub replay: String,
    /// What the seed made of it, in words.
    pub setup: String,
    /// What was to go wrong, and when.
    pub plan: Plan,
    /// How it ended.
    pub end: End,
    /// The digest of the run.
    pub trace_hash: TraceHash,
    /// How long it took in the world.
    pub virtual_time: Duration,
    /// How much of it clients worked; after that the node only closes.
    pub busy_time: Duration,
    /// How many requests there were.
    pub requests: u64,
    /// How they ended, by name.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// What they were for, by name.
    pub errands: BTreeMap<&'static str, u64>,
    /// How long clients went without service.
    pub waits: Waits,
    /// Everything that was broken, earliest first.
    pub violations: Vec<Violation>,
    /// What happened to whom the first violation concerns, up to it.
    pub led_to_it: Vec<String>,
    /// The last things that the kernel did, where they were asked for.
    pub log: Vec<Line>,
    /// The trace hash after every [`CHECKPOINT_MARKS`](crate::CHECKPOINT_MARKS) things that the kernel did.
    pub checkpoints: Vec<TraceHash>,
    /// The whole history, where it was asked for.
    pub history: Vec<Entry>,
    /// What became of each planned fault.
    pub faults: Vec<Fired>,
    /// What became of nodes, in the order of time.
    pub lives: Vec<Turned>,
    /// What the network carried, where and when that was asked for.
    pub carried: Vec<Carried>,
    /// How many nodes served, and on how many hosts clients lived: the nodes come first, then a clock, then these hosts.
    pub servers_and_hosts: (u32, u32),
    /// How often each point was reached that was.
    pub reached: BTreeMap<Point, u64>,
    /// How often each quirk showed that did.
    pub quirks: BTreeMap<Quirk, u64>,
}

/// So many of the entries that led to a violation are shown,
const SHOWN: usize = 24;
/// so many bytes of each: what a node says of a large cluster is a page.
const SHOWN_BYTES: usize = 400;

impl Report {
    pub(crate) fn new(scenario: &'static str, wishes: &Wishes, setup: &Setup) -> Self {
        Self {
            scenario,
            wishes: *wishes,
            replay: format!("cargo sim replay {scenario} {wishes}"),
            setup: format!("{setup:?}"),
            plan: setup.faults.clone(),
            end: End::Passed,
            trace_hash: TraceHash(0),
            virtual_time: Duration::ZERO,
            busy_time: Duration::from_millis(setup.busy_ms()),
            requests: 0,
            outcomes: BTreeMap::new(),
            errands: BTreeMap::new(),
            waits: Waits::default(),
            violations: Vec::new(),
            led_to_it: Vec::new(),
            log: Vec::new(),
            checkpoints: Vec::new(),
            history: Vec::new(),
            faults: Vec::new(),
            lives: Vec::new(),
            carried: Vec::new(),
            servers_and_hosts: (setup.nodes, setup.hosts),
            reached: BTreeMap::new(),
            quirks: BTreeMap::new(),
        }
    }

    /// Whether everything held.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.end == End::Passed
    }

    /// What it failed with, where it failed.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        Finding::all(self).into_iter().next()
    }

    /// Says how the run ended, of which this is the history. What became of its faults must be known by then.
    pub(crate) fn judge(
        &mut self,
        entries: Vec<Entry>,
        setup: &Setup,
        mut checkers: Vec<Box<dyn Checker>>,
        panics: Vec<String>,
    ) {
        for entry in &entries {
            match &entry.fact {
                Fact::Sent { errand, .. } => {
                    self.requests += 1;
                    *self.errands.entry(errand.name()).or_default() += 1;
                }
                Fact::Ended { outcome, .. } => {
                    *self.outcomes.entry(Outcome::name(*outcome)).or_default() += 1;
                }
                _ => {}
            }
        }
        self.waits = Waits::of(&entries);
        let end = setup.end_ms * 1_000_000;
        self.violations = check::check(&entries, end, &mut checkers);
        let idle = self.idle(setup);
        self.end = if let Some(panic) = panics.into_iter().next() {
            End::Crash(panic)
        } else if let Some(first) = self.violations.first() {
            self.led_to_it = led_to(&entries, first);
            match first.breach {
                Breach::Safety => End::Safety(first.clone()),
                Breach::Liveness => End::Liveness(first.clone()),
            }
        } else if let Some(idle) = idle {
            End::Idle(idle)
        } else {
            End::Passed
        };
        if self.wishes.keeps_history {
            self.history = entries;
        }
    }

    /// What was planned and had no effect.
    fn idle(&self, setup: &Setup) -> Option<String> {
        let (planned, applied) = (setup.faults.steps.len(), self.faults.len());
        if applied < planned {
            return Some(format!(
                "{applied} of {planned} faults were applied: the others come after the end"
            ));
        }
        let fired = self.faults.iter().find(|fired| fired.touched == 0);
        let reached = |name: &str| self.reached.keys().any(|point| point.name() == name);
        let met =
            |name: &str| self.outcomes.contains_key(name) || self.errands.contains_key(name) || reached(name);
        let missed = setup.must_meet.iter().find(|name| !met(name));
        fired.map(|fired| format!("this fault touched nothing: {:?}", fired.fault)).or_else(|| {
            missed.map(|name| format!("not a request was, or ended with, {name}, and no node came to it"))
        })
    }
}

/// The last entries up to a violation that concern its client, or all where it concerns none.
fn led_to(entries: &[Entry], violation: &Violation) -> Vec<String> {
    let concerned = entries
        .iter()
        .filter(|entry| entry.at <= violation.at)
        .filter(|entry| violation.client.is_none_or(|client| entry.fact.client() == Some(client)));
    let all: Vec<&Entry> = concerned.collect();
    all[all.len().saturating_sub(SHOWN)..]
        .iter()
        .map(|entry| shortened(entry.to_string(), SHOWN_BYTES))
        .collect()
}

/// So many bytes of a text at most, and where some were left out, a sign of it.
pub(crate) fn shortened(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
        text.push('…');
    }
    text
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.virtual_time.as_secs_f64();
        writeln!(f, "{} seed {}: {}", self.scenario, self.wishes.seed, self.end.name())?;
        writeln!(f, "  {} requests in {seconds:.1} virtual seconds: {:?}", self.requests, self.outcomes)?;
        let [half, most, longest] = [50, 99, 100].map(|percent| self.waits.percentile_ms(percent));
        writeln!(f, "  without service for: p50 {half} ms, p99 {most} ms, longest {longest} ms")?;
        if !self.quirks.is_empty() {
            let quirks = self.quirks.iter().map(|(quirk, times)| format!("{} {times} times", quirk.name()));
            writeln!(f, "  quirks: {}", quirks.collect::<Vec<_>>().join(", "))?;
        }
        writeln!(f, "  trace hash {}", self.trace_hash)?;
        match &self.end {
            End::Passed => return Ok(()),
            End::Crash(panic) => writeln!(f, "  {panic}")?,
            End::Idle(fault) => writeln!(f, "  nothing was proved: {fault}")?,
            End::Safety(violation) | End::Liveness(violation) => {
                let ms = violation.at / 1_000_000;
                writeln!(f, "  check `{}`, broken at {ms} ms: {}", violation.check, violation.what)?;
                writeln!(f, "  ({} violations in all) what led to it:", self.violations.len())?;
                for line in &self.led_to_it {
                    writeln!(f, "    {line}")?;
                }
            }
        }
        if !self.plan.steps.is_empty() {
            writeln!(f, "  planned:")?;
        }
        for step in &self.plan.steps {
            writeln!(f, "    {step}")?;
        }
        writeln!(f, "  replay: {}", self.replay)
    }
}
