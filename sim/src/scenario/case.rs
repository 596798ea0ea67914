//! One run as a file: everything that shapes it, and what it is known to end with. A seed says the same in one number, but
//! only as long as the code that draws from it stays as it was; a case outlives that, and can be edited by hand.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchboard::probe::Flaw;

use super::report::{End, Report};
use super::setup::Setup;
use crate::check::Violation;
use crate::node::NodeId;

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

/// A case that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum NoCase {
    /// It cannot be read.
    #[error("this is not a case: {0}")]
    Unread(#[from] serde_json::Error),
    /// Something is to happen to a node that is not there.
    #[error("{what} names {node}, and there are n0 to {last}")]
    NoNode {
        /// What.
        what: String,
        /// The node.
        node: NodeId,
        /// The last that there is.
        last: NodeId,
    },
    /// Nobody serves, or there is nowhere to call from.
    #[error("a case needs a node that serves and a host that clients live on")]
    NoHost,
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// [`NoCase`] says at which line it is none, or which step of it nothing can run.
    pub fn read(text: &str) -> Result<Self, NoCase> {
        let case: Self = serde_json::from_str(text)?;
        case.setup.check_nodes()?;
        Ok(case)
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

impl Setup {
    /// Whether every node that something is to happen to is there.
    fn check_nodes(&self) -> Result<(), NoCase> {
        if self.nodes == 0 || self.hosts == 0 {
            return Err(NoCase::NoHost);
        }
        // The clock has a host as well, between the nodes and the clients.
        let last = NodeId(self.nodes.saturating_add(self.hosts));
        for (number, step) in (1..).zip(&self.faults.steps) {
            let mut stranger = None;
            step.fault.clone().each_node(&mut |node| stranger = stranger.or((*node > last).then_some(*node)));
            if let Some(node) = stranger {
                return Err(NoCase::NoNode {
                    what: format!("step {number} ({:?} at {} ms)", step.fault, step.at_ms),
                    node,
                    last,
                });
            }
        }
        let last = NodeId(self.nodes - 1);
        let lists = [("joins", &self.joins), ("restarts", &self.restarts), ("leaves", &self.leaves)];
        for (name, list) in lists {
            if let Some((node, at_ms)) = list.iter().find(|(node, _)| *node > last) {
                return Err(NoCase::NoNode { what: format!("`{name}` at {at_ms} ms"), node: *node, last });
            }
        }
        Ok(())
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

    #[test]
    fn what_is_to_happen_to_a_node_that_is_not_there_is_named() {
        let host = Setup::default().client_host(7);
        let cut = |b: &str| {
            format!(r#""faults": [{{"at_ms": 5, "fault": {{"Partition": {{"a": [0], "b": [{b}]}}}}}}]"#)
        };
        for (setup, said) in [
            (cut(&host.0.to_string()), None),
            (cut("10"), Some("step 1")),
            (
                r#""restarts": [[1, 400]]"#.to_owned(),
                Some("`restarts` at 400 ms names n1, and there are n0 to n0"),
            ),
            (r#""hosts": 0"#.to_owned(), Some("a host")),
        ] {
            let read = Case::read(&format!(r#"{{"scenario": "calm", "seed": 1, "setup": {{{setup}}}}}"#));
            match (read, said) {
                (Ok(_), None) => {}
                (Err(why), Some(said)) => assert!(why.to_string().contains(said), "{setup}: {why}"),
                (read, _) => panic!("{setup}: {read:?}"),
            }
        }
    }
}
