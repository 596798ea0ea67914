//! One run as a file: everything that shapes it, and what it is known to end with. A seed says the same in one number, but
//! only as long as the code that draws from it stays as it was; a case outlives that, and can be edited by hand.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchboard::probe::Flaw;

use super::report::{End, Report};
use super::setup::Setup;
use crate::check::Violation;

/// See the [module](self) page.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The scenario whose tools the nodes have.
    pub scenario: String,
    /// The root of all randomness.
    pub seed: u64,
    /// A bug that is planted in every node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flaw: Option<Flaw>,
    /// What it fails with; nothing where it passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// Everything else. What it does not name is as in a [calm](Setup::calm) run of one node.
    pub setup: Setup,
}

/// A case that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("this is not a case: {0}")]
pub struct NoCase(#[from] serde_json::Error);

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// [`NoCase`] says at which line it is none.
    pub fn read(text: &str) -> Result<Self, NoCase> {
        Ok(serde_json::from_str(text)?)
    }

    /// The case as text, without what goes without saying.
    #[must_use]
    pub fn write(&self) -> String {
        let to_value = |value: &Setup| serde_json::to_value(value).expect("a setup must encode");
        let mut case = serde_json::to_value(self).expect("a case must encode");
        leave_out(&mut case["setup"], &to_value(&Setup::default()));
        let mut text = serde_json::to_string_pretty(&case).expect("a value must encode");
        text.push('\n');
        text
    }
}

/// Takes out of an object whatever stands in another one too.
fn leave_out(value: &mut Value, known: &Value) {
    let (Value::Object(members), Value::Object(known)) = (value, known) else { return };
    members.retain(|key, value| {
        let Some(known) = known.get(key) else { return true };
        // Only what is read back with the same defaults may lack members.
        if key == "limits" {
            leave_out(value, known);
        }
        value != known && *value != Value::Object(serde_json::Map::new())
    });
}

/// What a run failed with, told apart from any other failure: the check that was broken and what it says, or the panic,
/// whatever times and numbers stand in it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The kind of [`End`].
    pub end: String,
    /// The check; empty for a panic.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub check: String,
    /// What was said, each number in it being `#`.
    pub what: String,
}

/// The tail of what a check says may name any number of things; the first sentence names the failure.
const SENTENCE_END: char = ';';

impl Finding {
    fn of_violation(violation: &Violation) -> Self {
        let what = violation.what.split(SENTENCE_END).next().unwrap_or_default();
        let end = violation.breach.name().to_owned();
        Self { end, check: violation.check.to_owned(), what: without_numbers(what) }
    }

    /// Everything that a run failed with, the first of it first.
    #[must_use]
    pub fn all(report: &Report) -> Vec<Self> {
        let of_end = |what: &str| {
            let (end, check) = (report.end.name().to_owned(), String::new());
            vec![Self { end, check, what: without_numbers(what) }]
        };
        match &report.end {
            End::Passed => Vec::new(),
            End::Crash(what) | End::Idle(what) => of_end(what),
            End::Safety(_) | End::Liveness(_) => report.violations.iter().map(Self::of_violation).collect(),
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.end)?;
        if !self.check.is_empty() {
            write!(f, " `{}`", self.check)?;
        }
        write!(f, ": {}", self.what)
    }
}

fn without_numbers(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '0'..='9' if plain.ends_with('#') => {}
            '0'..='9' => plain.push('#'),
            // Numbers with a point in them count as one.
            '.' if plain.ends_with('#') => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::node::NodeId;

    #[test]
    fn what_was_written_reads_back_and_says_only_what_differs() {
        let mut setup = Setup::cluster(5, 20);
        setup.limits.sessions_max = 7;
        setup.groups = Setup::on_cluster(3, 20, &[]);
        setup.fault(9_000, Fault::Kill(NodeId(2)));
        let finding = Finding { end: "safety".into(), check: "answered".into(), what: "r# was lost".into() };
        let case = Case { scenario: "calm".into(), seed: 9, flaw: None, finding: Some(finding), setup };
        let text = case.write();
        assert_eq!(Case::read(&text).unwrap(), case);
        assert!(text.contains("sessions_max") && !text.contains("tasks_max"), "{text}");
    }

    #[test]
    fn a_mistake_in_a_case_is_named_with_its_line() {
        let error =
            Case::read("{\n\"scenario\": \"calm\", \"seed\": 1, \"setup\": { \"node\": 3 } }").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn failures_that_differ_in_numbers_alone_are_one_and_the_same() {
        assert_eq!(without_numbers("r304 of ~31.0.3~ after 12.5 ms"), "r# of ~#~ after # ms");
    }
}
