//! What several runs come to.

use std::collections::BTreeMap;
use std::fmt;

use crate::coverage::Coverage;
use crate::ended::Ended;
use crate::exit::worse;

/// See the [module](self) page.
#[derive(Default)]
pub(crate) struct Sum {
    worst: u8,
    /// How many ended in which way.
    outcomes: BTreeMap<String, u64>,
    coverage: Coverage,
}

impl Sum {
    /// Counts one run more.
    pub(crate) fn count(&mut self, ended: &Ended) {
        let summary = ended.summary();
        self.worst = worse(self.worst, ended.code);
        *self.outcomes.entry(summary.outcome).or_default() += 1;
        self.coverage.count(&summary.reached);
    }

    /// What to exit with.
    pub(crate) fn code(&self, is_standard: bool) -> u8 {
        if is_standard { self.coverage.code(self.worst) } else { self.worst }
    }

    /// For machines.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let mut object = self.coverage.to_json();
        object["outcomes"] = serde_json::json!(self.outcomes);
        object
    }
}

/// The points, and in the end how many runs ended in which way.
impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcomes: Vec<String> =
            self.outcomes.iter().map(|(outcome, runs)| format!("{runs} {outcome}")).collect();
        writeln!(f, "{}{} runs: {}", self.coverage, self.outcomes.values().sum::<u64>(), outcomes.join(", "))
    }
}
