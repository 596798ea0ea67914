//! A run that is over: in this process, or in one of its own.

use std::process::Output;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use switchboard_sim::TRAPPED;
use switchboard_sim::scenario::{Report, Scenario, Wishes};

use crate::coverage::Reached;
use crate::exit::{CRASH, USAGE};
use crate::world::World;
use crate::{code, object};

/// What a process that died without a word counts as.
const DIED: &str = "died";
/// What one counts as in which a simulated task reached for something real.
const NOT_DETERMINISTIC: &str = "determinism";
/// What one counts as that a world does not run.
const REFUSED: &str = "refused";

/// See the [module](self) page.
pub(crate) struct Ended {
    pub(crate) seed: u64,
    /// What a program ends with that ran it alone.
    pub(crate) code: u8,
    /// All of it, for machines.
    pub(crate) object: Value,
    /// The same for people.
    pub(crate) text: String,
}

/// What a sum of runs is made of.
#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct Summary {
    pub(crate) outcome: String,
    pub(crate) virtual_s: f64,
    pub(crate) reached: Reached,
}

impl Default for Summary {
    fn default() -> Self {
        Self { outcome: DIED.to_owned(), virtual_s: 0.0, reached: Reached::new() }
    }
}

impl Ended {
    /// It was run here.
    pub(crate) fn here(report: &Report, real: Duration) -> Self {
        let seconds = real.as_secs_f64();
        let ratio = report.virtual_time.as_secs_f64() / seconds;
        let speed = format!("  {seconds:.2} real seconds: {ratio:.0} virtual seconds a second\n");
        let (seed, code, text) = (report.wishes.seed, report.end.code(), object::text(report) + &speed);
        Self { seed, code, object: object::of(report, real), text }
    }

    /// A world refused it.
    pub(crate) fn refused(scenario: &Scenario, wishes: &Wishes, why: &str) -> Self {
        let (name, seed) = (scenario.name, wishes.seed);
        let object = json!({ "scenario": name, "seed": seed, "outcome": REFUSED, "message": why });
        Self { seed, code: USAGE, object, text: format!("{name}: {why}\n") }
    }

    /// It was run in a process that wrote this, the object last.
    pub(crate) fn elsewhere(world: World, scenario: &Scenario, wishes: &Wishes, output: &Output) -> Self {
        let (name, seed, replay) = (scenario.name, wishes.seed, world.replay(scenario, wishes));
        let code = output.status.code().and_then(|code| u8::try_from(code).ok());
        let told = String::from_utf8_lossy(&output.stdout);
        let object = told.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
        if let (Some(code), Some(object)) = (code.filter(|code| *code != TRAPPED), object) {
            let of = |key: &str| object[key].as_str().unwrap_or_default();
            let text = match code {
                0 => format!("{name} seed {seed}: {}\n", of("outcome")),
                USAGE => format!("{name}: {}\n", of("message")),
                _ => of("report").to_owned(),
            };
            return Self { seed, code, object, text };
        }
        let (outcome, how) = match code {
            Some(TRAPPED) => (NOT_DETERMINISTIC, "it is no function of its seed".to_owned()),
            _ => (DIED, format!("the process died, {}", output.status)),
        };
        let last_words = String::from_utf8_lossy(&output.stderr);
        let message = last_words.lines().find(|line| !line.is_empty()).unwrap_or(&how);
        let text = format!("{last_words}{name} seed {seed}: {how}\n  replay: {replay}\n");
        let plan = scenario.setup(&world.wishes(wishes)).faults;
        let object = json!({
            "scenario": name,
            "seed": seed,
            "outcome": outcome,
            "message": message,
            "plan": plan,
            "commit": code::commit(),
            "replay": replay,
            "report": text,
        });
        Self { seed, code: code.filter(|code| *code != 0).unwrap_or(CRASH), object, text }
    }

    /// What it adds to a sum.
    pub(crate) fn summary(&self) -> Summary {
        serde_json::from_value(self.object.clone()).unwrap_or_default()
    }
}
