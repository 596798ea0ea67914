//! The nearest run that passes. Of a run that fails one thing is changed, and as little as can be: a fault comes a little sooner or
//! later, or does not come at all, or the network, the nodes or the clients are a little plainer. The first change after which it
//! passes shows what the failure hangs on, and the first thing that both runs do differently, where it begins.

use std::fmt;

use super::setup::Setup;
use crate::fault::Fault;
use crate::net::NetOptions;
use crate::plan::{Plan, Step};

/// A fault is first moved by so many milliseconds, in either direction, and then by more.
const MOVES_MS: [u64; 4] = [1, 10, 100, 1_000];

/// One thing that is different.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// The fault of this number in the plan comes so much later, or sooner.
    Moved {
        /// Its number.
        number: usize,
        /// Milliseconds; fewer than none for sooner.
        ms: i64,
        /// The fault, and when it came before.
        step: Step,
    },
    /// What goes wrong does not, and nor is it put right again.
    LeftOut(Vec<Step>),
    /// Nodes have no quirks.
    NoQuirks,
    /// The network is like any other.
    PlainNet,
    /// There is a client less in the group of this number.
    ClientLess(usize),
}

impl Change {
    /// A setup with the change in it.
    #[must_use]
    pub fn applied(&self, setup: &Setup) -> Setup {
        let mut changed = setup.clone();
        match self {
            Self::Moved { number, ms, .. } => {
                let step = &mut changed.faults.steps[*number];
                step.at_ms = step.at_ms.saturating_add_signed(*ms);
            }
            Self::LeftOut(steps) => changed.faults.steps.retain(|step| !steps.contains(step)),
            Self::NoQuirks => changed.quirks = false,
            Self::PlainNet => changed.net = NetOptions::default(),
            Self::ClientLess(group) => changed.groups[*group].count -= 1,
        }
        changed
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved { ms, step: Step { at_ms, fault }, .. } => {
                let (by, how) = (ms.unsigned_abs(), if *ms < 0 { "sooner" } else { "later" });
                write!(f, "{fault:?} comes {by} ms {how} than at {at_ms} ms")
            }
            Self::LeftOut(steps) => {
                let one = |Step { at_ms, fault }: &Step| format!("{fault:?} at {at_ms} ms");
                let all: Vec<String> = steps.iter().map(one).collect();
                write!(f, "without {}", all.join(" and "))
            }
            Self::NoQuirks => write!(f, "without quirks of the nodes"),
            Self::PlainNet => write!(f, "with a network like any other"),
            Self::ClientLess(group) => write!(f, "with a client less in group {group}"),
        }
    }
}

/// Looks for the least change with which a setup passes that fails at `failed_ms`: what would come after that is no part of it.
/// `passes` says whether a candidate passes, and `None` once it is enough.
pub fn nearest_passing(
    setup: &Setup,
    failed_ms: u64,
    passes: &mut dyn FnMut(&Setup) -> Option<bool>,
) -> Option<Change> {
    for change in changes(setup, failed_ms) {
        if passes(&change.applied(setup))? {
            return Some(nearer(setup, change, passes));
        }
    }
    None
}

/// What may be changed, the least first.
fn changes(setup: &Setup, failed_ms: u64) -> Vec<Change> {
    let steps = &setup.faults.steps;
    let in_time = |number: &usize| steps[*number].at_ms <= failed_ms;
    let moved = |by_ms: u64| {
        // The last one before the failure is the most likely to matter.
        let mut numbers: Vec<usize> = (0..steps.len()).filter(in_time).collect();
        numbers.sort_by_key(|number| std::cmp::Reverse(steps[*number].at_ms));
        let by = i64::try_from(by_ms).unwrap_or(i64::MAX);
        numbers.into_iter().flat_map(move |number| {
            let step = steps[number].clone();
            [by, -by].map(|ms| Change::Moved { number, ms, step: step.clone() })
        })
    };
    let is_possible = |change: &Change| {
        let moved = change.applied(setup);
        moved != *setup && order(&setup.faults) == order(&moved.faults)
    };
    let episodes = setup.faults.episodes();
    let left_out = episodes.iter().filter(|episode| episode.first().is_some_and(in_time)).map(|episode| {
        let others: Vec<Vec<usize>> = episodes.iter().filter(|other| *other != episode).cloned().collect();
        let kept = setup.faults.only(&others);
        Change::LeftOut(steps.iter().filter(|step| !kept.steps.contains(step)).cloned().collect())
    });
    let mut all: Vec<Change> =
        MOVES_MS.into_iter().flat_map(moved).filter(is_possible).chain(left_out).collect();
    all.extend(setup.quirks.then_some(Change::NoQuirks));
    all.extend((setup.net != NetOptions::default()).then_some(Change::PlainNet));
    let groups = setup.groups.iter().enumerate().rev().filter(|(_, group)| group.count > 0);
    all.extend(groups.map(|(number, _)| Change::ClientLess(number)));
    all
}

/// In which order the faults of a plan come: one that is moved past another makes another plan.
fn order(plan: &Plan) -> Vec<&Fault> {
    let mut steps: Vec<&Step> = plan.steps.iter().collect();
    steps.sort_by_key(|step| step.at_ms);
    steps.into_iter().map(|step| &step.fault).collect()
}

/// The same with a fault moved less far, by halves, for as long as it passes.
fn nearer(setup: &Setup, change: Change, passes: &mut dyn FnMut(&Setup) -> Option<bool>) -> Change {
    let Change::Moved { number, ms, step } = &change else { return change };
    let moved = |ms: u64, sign: i64| {
        let ms = sign * i64::try_from(ms).unwrap_or(i64::MAX);
        Change::Moved { number: *number, ms, step: step.clone() }
    };
    let (far_ms, sign) = (ms.unsigned_abs(), ms.signum());
    // It fails when moved by the last step that was too small.
    let mut fails_ms = MOVES_MS.into_iter().rfind(|by| *by < far_ms).unwrap_or_default();
    let mut passes_ms = far_ms;
    while fails_ms + 1 < passes_ms {
        let middle = fails_ms.midpoint(passes_ms);
        match passes(&moved(middle, sign).applied(setup)) {
            Some(true) => passes_ms = middle,
            Some(false) => fails_ms = middle,
            None => break,
        }
    }
    moved(passes_ms, sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::NodeId;

    /// A kill and a cut, each with its end, and another kill after the failure.
    fn plan() -> Setup {
        let mut setup = Setup::cluster(3, 20);
        setup.groups = Setup::on_cluster(4, 20, &[]);
        setup.fault(8_000, Fault::Kill(NodeId(1)));
        setup.fault(9_000, Fault::Partition { a: vec![NodeId(0)], b: vec![NodeId(2)] });
        setup.fault(9_500, Fault::HealAll);
        setup.fault(10_000, Fault::Restart(NodeId(1)));
        setup.fault(15_000, Fault::Kill(NodeId(2)));
        setup
    }

    #[test]
    fn a_fault_is_moved_no_farther_than_it_takes() {
        let setup = plan();
        let mut passes = |candidate: &Setup| Some(candidate.faults.steps[2].at_ms <= 9_463);
        let change = nearest_passing(&setup, 12_000, &mut passes).expect("there is one");
        assert_eq!(change.to_string(), "HealAll comes 37 ms sooner than at 9500 ms");
    }

    #[test]
    fn what_hangs_on_no_moment_is_left_out_with_what_puts_it_right() {
        let setup = plan();
        let kills = Fault::Kill(NodeId(1));
        let mut passes =
            |candidate: &Setup| Some(candidate.faults.steps.iter().all(|step| step.fault != kills));
        let change = nearest_passing(&setup, 12_000, &mut passes).expect("there is one");
        assert_eq!(change.to_string(), "without Kill(n1) at 8000 ms and Restart(n1) at 10000 ms");
    }

    #[test]
    fn what_comes_after_the_failure_stays_as_it_is_and_a_caller_may_have_had_enough() {
        let setup = plan();
        let mut seen = Vec::new();
        let found = nearest_passing(&setup, 12_000, &mut |candidate| {
            seen.push(candidate.faults.steps.last() == setup.faults.steps.last());
            (seen.len() < 30).then_some(false)
        });
        assert_eq!(found, None);
        assert_eq!(seen, [true; 30]);
    }
}
