//! Faults as the page shows them: what went wrong, on which lanes, from when to when.

use serde::Serialize;

use crate::fault::{Fault, Fired};
use crate::node::NodeId;
use crate::plan::{Plan, Step};

/// Something that went wrong and what put it right again, if anything did.
#[derive(Serialize)]
pub(super) struct Episode {
    /// When it began, in nanoseconds.
    pub(super) at: u64,
    /// When it was put right.
    pub(super) end: Option<u64>,
    /// By what, in words.
    pub(super) end_text: Option<String>,
    /// What it was, in words.
    pub(super) text: String,
    /// Of which family: `net`, `life`, `disk`, `clock`.
    pub(super) family: &'static str,
    /// The nodes of one side, or all that it struck.
    pub(super) nodes: Vec<NodeId>,
    /// The nodes of the other side.
    pub(super) others: Vec<NodeId>,
    /// How much it touched.
    pub(super) touched: u64,
}

/// What was applied, by what belongs together.
pub(super) fn episodes(fired: &[Fired]) -> Vec<Episode> {
    let step = |fired: &Fired| Step { at_ms: fired.at / 1_000_000, fault: fired.fault.clone() };
    let plan = Plan { steps: fired.iter().map(step).collect() };
    let of_steps = |steps: &[usize]| {
        let begun = &fired[steps[0]];
        let (nodes, others) = sides(&begun.fault);
        Episode {
            at: begun.at,
            end: steps.get(1).map(|end| fired[*end].at),
            end_text: steps.get(1).map(|end| words(&fired[*end].fault)),
            text: words(&begun.fault),
            family: family(&begun.fault),
            nodes,
            others,
            touched: begun.touched,
        }
    };
    plan.episodes().iter().map(|steps| of_steps(steps)).collect()
}

fn names(nodes: &[NodeId]) -> String {
    let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    names.join(" ")
}

/// A fault in words.
pub(super) fn words(fault: &Fault) -> String {
    match fault {
        Fault::Partition { a, b } => format!("cut between {} and {}", names(a), names(b)),
        Fault::PartitionOneWay { from, to } => format!("cut one way, {} → {}", names(from), names(to)),
        Fault::Heal { a, b } => format!("healed between {} and {}", names(a), names(b)),
        Fault::HealAll => "all links healed".to_owned(),
        Fault::Link { from, to, link: None } => format!("link {} → {} as before", names(from), names(to)),
        Fault::Link { from, to, link: Some(link) } => {
            let (ms, loss) = (link.latency.base_us as f64 / 1e3, link.loss_ppm as f64 / 1e4);
            format!("link {} → {}: {ms} ms, {loss} % lost", names(from), names(to))
        }
        Fault::DefaultLink(link) => {
            let (ms, loss) = (link.latency.base_us as f64 / 1e3, link.loss_ppm as f64 / 1e4);
            format!("every link: {ms} ms, {loss} % lost")
        }
        Fault::Kill(node) => format!("{node} killed"),
        Fault::PowerLoss(node) => format!("{node} loses power"),
        Fault::PowerLossInWrite { node, .. } => format!("{node} is to lose power in a write"),
        Fault::DiskLoss(node) => format!("{node} loses its disk"),
        Fault::Restart(node) => format!("{node} starts anew"),
        Fault::Pause(node) => format!("{node} paused"),
        Fault::Resume(node) => format!("{node} goes on"),
        Fault::ClockStep { node, ms } => format!("clock of {node} jumps {ms} ms"),
        Fault::ClockDrift { node, drift } => format!("clock of {node} runs wrong: {drift:?}"),
        Fault::DiskFail { node, .. } => format!("disk of {node} fails"),
        Fault::DiskCapacity { node, bytes: Some(bytes) } => format!("disk of {node} has {bytes} bytes"),
        Fault::DiskCapacity { node, bytes: None } => format!("disk of {node} has room again"),
        Fault::DiskCorrupt { node, path, offset } => format!("byte {offset} of {path} on {node} turned over"),
        Fault::SlowBlocking { node, extra_us: 0 } => format!("disk of {node} as fast as before"),
        Fault::SlowBlocking { node, extra_us } => {
            format!("disk of {node} slower by {} ms", *extra_us as f64 / 1e3)
        }
        Fault::SlowPolls { node, tax_us: 0 } => format!("processor of {node} as fast as before"),
        Fault::SlowPolls { node, tax_us } => format!("every poll of {node} takes {tax_us} µs"),
        Fault::TinyIo { node, .. } => format!("tiny reads and writes on {node}"),
        Fault::ResetConnections { a, b } => format!("connections {a} – {b} reset"),
    }
}

const fn family(fault: &Fault) -> &'static str {
    match fault {
        Fault::Kill(_)
        | Fault::PowerLoss(_)
        | Fault::PowerLossInWrite { .. }
        | Fault::Restart(_)
        | Fault::Pause(_)
        | Fault::Resume(_)
        | Fault::SlowPolls { .. } => "life",
        Fault::DiskLoss(_)
        | Fault::DiskFail { .. }
        | Fault::DiskCapacity { .. }
        | Fault::DiskCorrupt { .. }
        | Fault::SlowBlocking { .. } => "disk",
        Fault::ClockStep { .. } | Fault::ClockDrift { .. } => "clock",
        _ => "net",
    }
}

fn sides(fault: &Fault) -> (Vec<NodeId>, Vec<NodeId>) {
    match fault {
        Fault::Partition { a, b } | Fault::Heal { a, b } => (a.clone(), b.clone()),
        Fault::PartitionOneWay { from, to } | Fault::Link { from, to, .. } => (from.clone(), to.clone()),
        Fault::ResetConnections { a, b } => (vec![*a], vec![*b]),
        other => {
            let mut struck = Vec::new();
            other.clone().each_node(&mut |node: &mut NodeId| struck.push(*node));
            (struck, Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_lasts_until_what_puts_it_right() {
        let at = |at_ms: u64, fault| Fired { fault, at: at_ms * 1_000_000, touched: 1 };
        let cut = Fault::Partition { a: vec![NodeId(0)], b: vec![NodeId(1)] };
        let fired = [at(3, cut), at(5, Fault::PowerLoss(NodeId(2))), at(9, Fault::HealAll)];
        let found = episodes(&fired);
        let seen: Vec<(&str, u64, Option<u64>)> =
            found.iter().map(|episode| (&*episode.text, episode.at, episode.end)).collect();
        assert_eq!(
            seen,
            [("cut between n0 and n1", 3_000_000, Some(9_000_000)), ("n2 loses power", 5_000_000, None)]
        );
    }
}
