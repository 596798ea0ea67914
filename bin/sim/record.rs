//! A run written down, so that it can be compared with one of another process, another build or another machine: its trace hash,
//! what that was now and then, and, where asked for, what the simulator did from some point on.

use std::path::Path;

use serde::{Deserialize, Serialize};
use switchboard_sim::Line;
use switchboard_sim::scenario::{Parting, Report, same_marks};

/// A name that ends like this is that of a record.
pub(crate) const SUFFIX: &str = ".trace";

/// See the [module](self) page.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    run: String,
    trace_hash: String,
    checkpoints: Vec<String>,
    log_from: Option<u64>,
    log: Vec<Line>,
}

impl Record {
    pub(crate) fn new(report: &Report) -> Self {
        Self {
            run: format!("{} {}", report.scenario, report.wishes),
            trace_hash: report.trace_hash.to_string(),
            checkpoints: report.checkpoints.iter().map(ToString::to_string).collect(),
            log_from: report.wishes.log_from,
            log: report.log.clone(),
        }
    }

    /// # Errors
    /// Why it cannot be written, in words.
    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        let text = serde_json::to_string(self).map_err(|error| error.to_string())?;
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// # Errors
    /// Why it cannot be read, in words.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Says where two runs part. Whether they do.
    pub(crate) fn show(&self, other: &Self) -> bool {
        for record in [self, other] {
            println!("{}: trace hash {}", record.run, record.trace_hash);
        }
        if self.trace_hash == other.trace_hash {
            println!("they are the same run, bit for bit");
            return false;
        }
        let from = same_marks(&self.checkpoints, &other.checkpoints);
        println!("the same up to the {from}th thing that the simulator did");
        if [self, other].iter().all(|record| record.log_from == Some(from)) {
            print!("{}", Parting::new(&self.log, &other.log));
        } else {
            println!("to see what they did from there on, write both down again with --log-from {from}");
        }
        true
    }
}
