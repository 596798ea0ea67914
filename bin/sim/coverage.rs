//! Which points of the code of a node the seeds of a batch reached, and which none of them did: those are what the batch did not
//! try, however many of its seeds passed.

use std::collections::BTreeMap;
use std::fmt;
use std::io::IsTerminal;

use serde::{Deserialize, Serialize};
use switchboard::probe::Point;

use crate::exit::NOT_EVERYWHERE;

/// How many seeds reached which points.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Coverage {
    /// How many seeds were looked at.
    pub(crate) seeds: u64,
    /// How many of them reached a point, by its name: points come and go, and a ledger outlives them.
    pub(crate) reached: BTreeMap<String, u64>,
}

/// How often a run reached each point that it did, by the name of that.
pub(crate) type Reached = BTreeMap<String, u64>;

impl Coverage {
    pub(crate) const fn is_empty(&self) -> bool {
        self.seeds == 0
    }

    /// Counts one seed more.
    pub(crate) fn count(&mut self, reached: &Reached) {
        self.seeds += 1;
        for name in reached.keys() {
            *self.reached.entry(name.clone()).or_default() += 1;
        }
    }

    /// Counts the seeds of another.
    pub(crate) fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        for (name, seeds) in &other.reached {
            *self.reached.entry(name.clone()).or_default() += seeds;
        }
    }

    /// The points that no seed reached.
    pub(crate) fn missed(&self) -> Vec<Point> {
        Point::ALL.iter().copied().filter(|point| !self.reached.contains_key(point.name())).collect()
    }

    /// What to exit with where the worst run of all scenarios ended with this: their seeds must have gone everywhere together.
    pub(crate) fn code(&self, worst: u8) -> u8 {
        if worst == 0 && !self.missed().is_empty() { NOT_EVERYWHERE } else { worst }
    }

    /// For machines.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let missed: Vec<&str> = self.missed().into_iter().map(Point::name).collect();
        serde_json::json!({ "coverage": self, "missed": missed })
    }
}

/// A line for each point, those that no seed reached last, and red where somebody looks.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<24} reached by so many of {} seeds", "point", self.seeds)?;
        for point in Point::ALL {
            if let Some(seeds) = self.reached.get(point.name()) {
                writeln!(f, "{:<24} {seeds:>7}  {}", point.name(), point.what())?;
            }
        }
        let (red, plain) = if std::io::stdout().is_terminal() { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
        for point in self.missed() {
            writeln!(f, "{red}{:<24} {:>7}  {}{plain}", point.name(), "never", point.what())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_seed_reached_is_named() {
        let (first, second) = (Point::ALL[0], Point::ALL[1]);
        let mut coverage = Coverage::default();
        coverage.count(&BTreeMap::from([(first.name().to_owned(), 3)]));
        coverage.count(&BTreeMap::from([(first.name().to_owned(), 1), ("of_old".to_owned(), 1)]));
        assert_eq!((coverage.seeds, coverage.reached[first.name()]), (2, 2));
        assert_eq!(coverage.missed()[..], Point::ALL[1..]);
        let told = coverage.to_string();
        let line =
            told.lines().find(|line| line.starts_with(second.name())).expect("it must be in the table");
        assert!(line.contains("never") && line.contains(second.what()), "{line}");
        assert!(!told.contains("of_old"), "a point that is no more is nobody's business");
    }
}
