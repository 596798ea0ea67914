//! One seed in a process of its own: this very program, told to run it. Whatever breaks there (an abort, a stack that is too
//! deep, memory that is not there) breaks that run alone, and several at a time keep every core busy.

use std::io;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use switchboard_sim::TRAPPED;
use switchboard_sim::scenario::{Scenario, Wishes};
use tokio::process::Command;

use crate::coverage::Reached;

/// What a process that died without a word counts as.
const DIED: &str = "died";
/// What one counts as in which a simulated task reached for something real.
const NOT_DETERMINISTIC: &str = "determinism";
/// The exit code of a run in which something panicked.
const CRASH_CODE: u8 = 12;

/// A run that is over.
pub(crate) struct Ended {
    pub(crate) seed: u64,
    /// What it wrote.
    pub(crate) told: String,
    /// What it exited with.
    pub(crate) code: u8,
}

/// The line of JSON that a run ends with, as far as others care.
#[derive(Deserialize)]
pub(crate) struct Summary {
    pub(crate) outcome: String,
    pub(crate) virtual_s: f64,
    pub(crate) reached: Reached,
}

impl Ended {
    fn new(scenario: &Scenario, wishes: &Wishes, output: &Output) -> Self {
        let mut told = String::from_utf8_lossy(&output.stdout).into_owned();
        let code = output.status.code().and_then(|code| u8::try_from(code).ok());
        let how = match code {
            None => Some(format!("the process died, {}", output.status)),
            Some(TRAPPED) => Some("it is no function of its seed".to_owned()),
            Some(_) => None,
        };
        if let Some(how) = how {
            told.push_str(&String::from_utf8_lossy(&output.stderr));
            let (name, seed) = (scenario.name, wishes.seed);
            told.push_str(&format!(
                "{name} seed {seed}: {how}\n  replay: cargo sim replay {name} {wishes}\n"
            ));
        }
        Self { seed: wishes.seed, told, code: code.unwrap_or(CRASH_CODE) }
    }

    /// Its summary; that of a process that died, where there is none.
    pub(crate) fn summary(&self) -> Summary {
        let outcome = if self.code == TRAPPED { NOT_DETERMINISTIC } else { DIED };
        let died = || Summary { outcome: outcome.to_owned(), virtual_s: 0.0, reached: Reached::new() };
        self.told.lines().rev().find_map(|line| serde_json::from_str(line).ok()).unwrap_or_else(died)
    }

    /// What it wrote for people.
    pub(crate) fn report(&self) -> String {
        let lines = self.told.lines().filter(|line| !line.starts_with('{'));
        lines.flat_map(|line| [line, "\n"]).collect()
    }
}

/// Runs seeds, so many at a time, and gives them in their order.
pub(crate) fn play<'a>(
    scenario: &'a Scenario,
    wishes: impl Iterator<Item = Wishes> + 'a,
    jobs: usize,
) -> impl Stream<Item = io::Result<Ended>> + 'a {
    stream::iter(wishes).map(move |wishes| play_one(scenario, wishes)).buffered(jobs.max(1))
}

async fn play_one(scenario: &Scenario, wishes: Wishes) -> io::Result<Ended> {
    let mut command = Command::new(program()?);
    command.args(["run", scenario.name]).args(wishes.to_string().split(' ')).arg("--json");
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    Ok(Ended::new(scenario, &wishes, &output))
}

/// This program, as it was when it started: a build that ends meanwhile must not change what a batch runs.
fn program() -> io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}
