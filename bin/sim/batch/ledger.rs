//! The ledger of seeds: which were run, on how many nodes, on which code, and how they ended. One line of JSON for a few
//! seeds, appended and never changed, so that whoever goes on later, or after a kill, goes on where it stops.
//!
//! The last word on a seed counts: one that failed stays failed until a later line says that it passes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use switchboard_sim::scenario::Wishes;

use crate::coverage::Coverage;

/// A ledger could not be used. What was in it still is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// A line that is not the ledger's.
    #[error("{0}, line {1}: {2}")]
    Line(PathBuf, usize, serde_json::Error),
}

/// A few seeds that were run one after the other.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) scenario: String,
    /// How many nodes were asked for; the scenario's own number where it is `None`.
    pub(crate) nodes: Option<u32>,
    /// The first of them,
    pub(crate) first: u64,
    /// and the first that is none of them.
    pub(crate) end: u64,
    pub(crate) passed: u64,
    pub(crate) failed: Vec<Failed>,
    /// On which code.
    pub(crate) code: String,
    pub(crate) virtual_s: f64,
    pub(crate) real_s: f64,
    /// What they reached; nothing is known of seeds that were run before it was counted.
    #[serde(default, skip_serializing_if = "Coverage::is_empty")]
    pub(crate) coverage: Coverage,
}

impl Line {
    /// No seed yet.
    pub(crate) fn empty(scenario: &str, nodes: Option<u32>, first: u64, code: &str) -> Self {
        Self {
            scenario: scenario.to_owned(),
            nodes,
            first,
            end: first,
            passed: 0,
            failed: Vec::new(),
            code: code.to_owned(),
            virtual_s: 0.0,
            real_s: 0.0,
            coverage: Coverage::default(),
        }
    }
}

/// For people.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, first, end, passed, real_s, .. } = self;
        let (nodes, failed) = (shown(self.nodes), self.failed.len());
        write!(
            f,
            "{scenario} ({nodes} nodes) {first}..{end}: {passed} passed, {failed} failed, {real_s:.1} s"
        )
    }
}

/// A number of nodes that was asked for.
fn shown(nodes: Option<u32>) -> String {
    nodes.map_or_else(|| "own".to_owned(), |nodes| nodes.to_string())
}

/// A seed that did not pass.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Failed {
    pub(crate) seed: u64,
    pub(crate) outcome: String,
}

/// What is known of one scenario on so many nodes.
#[derive(Default)]
pub(crate) struct Row {
    seeds: BTreeMap<u64, Verdict>,
    virtual_s: f64,
    real_s: f64,
}

/// The last word on a seed.
struct Verdict {
    /// `None` where it passed.
    failure: Option<String>,
    code: String,
}

/// See the [module](self) page.
pub(crate) struct Ledger {
    path: PathBuf,
    rows: BTreeMap<(String, Option<u32>), Row>,
    coverage: Coverage,
}

impl Ledger {
    /// Reads what is there; nothing where there is no file.
    ///
    /// # Errors
    /// [`LedgerError`]. A last line that a kill cut short is passed over, and cut off by the next line that is appended.
    pub(crate) fn open(path: &Path) -> Result<Self, LedgerError> {
        let mut ledger = Self { path: path.to_owned(), rows: BTreeMap::new(), coverage: Coverage::default() };
        for (number, line) in (1..).zip(ledger.whole()?.lines()) {
            let line = serde_json::from_str(line);
            ledger.take(&line.map_err(|error| LedgerError::Line(path.to_owned(), number, error))?);
        }
        Ok(ledger)
    }

    /// Reads a file that must be there.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub(crate) fn read(path: &Path) -> Result<Self, LedgerError> {
        File::open(path).map_err(|error| LedgerError::File(path.to_owned(), error))?;
        Self::open(path)
    }

    /// Whether lines can be appended: what is run and cannot be written down is run for nothing.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub(crate) fn check_writable(&self) -> Result<(), LedgerError> {
        let file = OpenOptions::new().create(true).append(true).open(&self.path);
        file.map(drop).map_err(|error| LedgerError::File(self.path.clone(), error))
    }

    /// The whole lines of the file.
    fn whole(&self) -> Result<String, LedgerError> {
        let mut text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(LedgerError::File(self.path.clone(), error)),
        };
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        Ok(text)
    }

    fn take(&mut self, line: &Line) {
        let row = self.rows.entry((line.scenario.clone(), line.nodes)).or_default();
        self.coverage.add(&line.coverage);
        row.virtual_s += line.virtual_s;
        row.real_s += line.real_s;
        for seed in line.first..line.end {
            let failed = line.failed.iter().find(|failed| failed.seed == seed);
            let failure = failed.map(|failed| failed.outcome.clone());
            row.seeds.insert(seed, Verdict { failure, code: line.code.clone() });
        }
    }

    /// Appends a line, and returns once it is in the file.
    ///
    /// # Errors
    /// [`LedgerError`]: how much of the line is in the file is unknown.
    pub(crate) fn append(&mut self, line: &Line) -> Result<(), LedgerError> {
        let whole = self.whole()?.len() as u64;
        let write = || {
            let mut file: File = OpenOptions::new().create(true).append(true).open(&self.path)?;
            file.set_len(whole)?;
            file.write_all(format!("{}\n", serde_json::to_string(line)?).as_bytes())?;
            file.sync_data()
        };
        write().map_err(|error| LedgerError::File(self.path.clone(), error))?;
        self.take(line);
        Ok(())
    }

    /// What all seeds reached together.
    pub(crate) const fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// What is known of a scenario on so many nodes.
    pub(crate) fn row(&mut self, scenario: &str, nodes: Option<u32>) -> &Row {
        self.rows.entry((scenario.to_owned(), nodes)).or_default()
    }
}

impl Row {
    /// How many seeds passed.
    pub(crate) fn passed(&self) -> u64 {
        self.seeds.values().filter(|verdict| verdict.failure.is_none()).count() as u64
    }

    /// How many seeds were run.
    pub(crate) fn len(&self) -> u64 {
        self.seeds.len() as u64
    }

    /// The seeds to run next, `most` of them: one that failed on other code than this, or those behind the last.
    pub(crate) fn next(&self, code: &str, most: u64) -> Range<u64> {
        let again = self.seeds.iter().find(|(_, verdict)| verdict.failure.is_some() && verdict.code != code);
        let first = self.seeds.last_key_value().map_or(0, |(last, _)| last + 1);
        again.map_or(first..first + most, |(seed, _)| *seed..seed + 1)
    }

    fn failures(&self) -> impl Iterator<Item = (u64, &str, &str)> {
        self.seeds
            .iter()
            .filter_map(|(seed, verdict)| Some((*seed, verdict.failure.as_deref()?, &*verdict.code)))
    }
}

/// A table of scenarios and numbers of nodes, and what failed.
impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut totals: BTreeMap<Option<u32>, (u64, u64, f64)> = BTreeMap::new();
        writeln!(
            f,
            "{:<18} {:>5} {:>7} {:>7} {:>9}  code",
            "scenario", "nodes", "passed", "failed", "virtual"
        )?;
        for ((scenario, nodes), row) in &self.rows {
            let (passed, failed) = (row.passed(), row.len() - row.passed());
            let codes: BTreeSet<&str> = row.seeds.values().map(|verdict| &*verdict.code).collect();
            let codes = codes.into_iter().collect::<Vec<_>>().join(" ");
            let hours = row.virtual_s / 3_600.0;
            let nodes_shown = shown(*nodes);
            writeln!(f, "{scenario:<18} {nodes_shown:>5} {passed:>7} {failed:>7} {hours:>7.1} h  {codes}")?;
            let total = totals.entry(*nodes).or_default();
            *total = (total.0 + passed, total.1 + failed, total.2 + row.real_s);
        }
        for (nodes, (passed, failed, real_s)) in totals {
            let hours = real_s / 3_600.0;
            writeln!(f, "{} nodes: {passed} passed, {failed} failed, in {hours:.1} h", shown(nodes))?;
        }
        for ((scenario, nodes), row) in &self.rows {
            for (seed, outcome, code) in row.failures() {
                let wishes = Wishes { seed, nodes: *nodes, ..Wishes::default() };
                writeln!(f, "{outcome} on {code}: cargo sim replay {scenario} {wishes}")?;
            }
        }
        if !self.coverage.is_empty() {
            write!(f, "{}", self.coverage)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(first: u64, end: u64, failed: &[u64], code: &str) -> Line {
        let failed: Vec<Failed> =
            failed.iter().map(|seed| Failed { seed: *seed, outcome: "safety".to_owned() }).collect();
        let passed = end - first - failed.len() as u64;
        Line { end, passed, failed, ..Line::empty("leader_crash", Some(5), first, code) }
    }

    fn file(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("switchboard-{name}-{}.ndjson", std::process::id()));
        // There is none, unless a process of this number left one behind.
        let _ = std::fs::remove_file(&path);
        path
    }

    #[test]
    fn a_later_batch_goes_on_where_the_ledger_stops_also_behind_a_line_that_a_kill_cut_short() {
        let path = file("cut");
        Ledger::open(&path)
            .expect("no file is an empty ledger")
            .append(&line(0, 4, &[], "a"))
            .expect("must be kept");
        let half = b"{\"scenario\":\"leader_crash\",\"nodes\":5,\"fi";
        let mut torn = OpenOptions::new().append(true).open(&path).expect("the ledger must be there");
        torn.write_all(half).expect("must be written");
        let mut ledger = Ledger::open(&path).expect("half a line must do no harm");
        assert_eq!(ledger.row("leader_crash", Some(5)).next("a", 4), 4..8);
        ledger.append(&line(4, 8, &[], "a")).expect("must be kept");
        let mut ledger = Ledger::open(&path).expect("the half line must be gone");
        assert_eq!(ledger.row("leader_crash", Some(5)).passed(), 8);
        assert_eq!(
            ledger.row("leader_crash", Some(30)).next("a", 4),
            0..4,
            "another number of nodes is another row"
        );
        std::fs::remove_file(&path).expect("must be removed");
    }

    #[test]
    fn a_failed_seed_stays_failed_until_it_passes_and_is_run_again_on_other_code() {
        let path = file("failed");
        let mut ledger = Ledger::open(&path).expect("no file is an empty ledger");
        ledger.append(&line(0, 4, &[2], "a")).expect("must be kept");
        let row = ledger.row("leader_crash", Some(5));
        assert_eq!((row.passed(), row.len()), (3, 4));
        assert_eq!(row.next("a", 4), 4..8, "on the same code it would fail again");
        assert_eq!(row.next("b", 4), 2..3);
        let told = ledger.to_string();
        assert!(told.contains("safety on a: cargo sim replay leader_crash --seed 2 --nodes 5"), "{told}");
        ledger.append(&line(2, 3, &[], "b")).expect("must be kept");
        let mut ledger = Ledger::open(&path).expect("the ledger must read back");
        assert_eq!(ledger.row("leader_crash", Some(5)).passed(), 4);
        assert!(!ledger.to_string().contains("replay"), "{ledger}");
        std::fs::remove_file(&path).expect("must be removed");
    }

    #[test]
    fn what_was_reached_adds_up_over_batches_and_old_lines_say_nothing_of_it() {
        let path = file("reached");
        let mut ledger = Ledger::open(&path).expect("no file is an empty ledger");
        ledger.append(&line(0, 4, &[], "a")).expect("must be kept");
        assert!(!ledger.to_string().contains("never"), "nothing is known: {ledger}");
        for first in [4, 5] {
            let mut line = line(first, first + 1, &[], "b");
            line.coverage.count(&BTreeMap::from([("group_split".to_owned(), 2)]));
            ledger.append(&line).expect("must be kept");
        }
        let ledger = Ledger::open(&path).expect("the ledger must read back");
        assert_eq!((ledger.coverage().seeds, ledger.coverage().reached["group_split"]), (2, 2));
        assert!(ledger.to_string().contains("never"), "{ledger}");
        std::fs::remove_file(&path).expect("must be removed");
    }

    #[test]
    fn a_line_of_something_else_is_refused_with_its_number() {
        let path = file("foreign");
        std::fs::write(&path, "{\"scenario\":1}\n").expect("must be written");
        let error = Ledger::open(&path).err().expect("this is no ledger");
        assert!(error.to_string().contains("line 1"), "{error}");
        std::fs::remove_file(&path).expect("must be removed");
    }
}
