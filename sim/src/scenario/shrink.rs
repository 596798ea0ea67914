//! Delta debugging: a setup that fails is made smaller for as long as it fails in the same way. What is left over is what the
//! failure is about.
//!
//! Made smaller are the plan (whole episodes: what goes wrong together with what puts it right again, for a node that is
//! killed and never comes back fails in ways of its own; single steps only in the end), the clients and what they ask, the
//! time, the nodes, and the weather.
//! Whether a candidate fails is the caller's business, and so is when to stop.

use std::mem::take;

use super::setup::{Group, Setup};
use crate::fault::Fault;
use crate::net::NetOptions;
use crate::node::NodeId;
use crate::options::BLOCKING_US;
use crate::plan::{Plan, Step};

/// A cluster of fewer nodes is another thing.
const NODES_MIN: u32 = 3;
/// Nothing is put right sooner than so long after it went wrong.
const DURATION_MS_MIN: u64 = 100;

/// The caller wants no more candidates.
struct Stopped;

struct Shrinking<'a> {
    best: Setup,
    fails: &'a mut dyn FnMut(&Setup) -> Option<bool>,
}

/// Makes a setup smaller. `fails` says whether a candidate fails in the same way, and `None` once it is enough.
pub fn shrink(setup: Setup, fails: &mut dyn FnMut(&Setup) -> Option<bool>) -> Setup {
    let mut shrinking = Shrinking { best: setup, fails };
    // It ends with a round in which nothing could be left out any more, or with the caller's patience.
    while matches!(shrinking.round(), Ok(true)) {}
    shrinking.best
}

impl Shrinking<'_> {
    /// Tries everything once. Whether anything could be left out.
    fn round(&mut self) -> Result<bool, Stopped> {
        let before = self.best.clone();
        self.episodes()?;
        self.clients()?;
        self.time()?;
        self.episodes()?;
        self.drains()?;
        self.rest()?;
        self.nodes()?;
        self.durations()?;
        self.habits()?;
        self.weather()?;
        if self.best == before {
            self.steps()?;
        }
        Ok(self.best != before)
    }

    /// Takes a candidate where it still fails.
    fn attempt(&mut self, change: impl FnOnce(&mut Setup)) -> Result<bool, Stopped> {
        let mut candidate = self.best.clone();
        change(&mut candidate);
        if candidate == self.best {
            return Ok(false);
        }
        let fails = (self.fails)(&candidate).ok_or(Stopped)?;
        if fails {
            self.best = candidate;
        }
        Ok(fails)
    }

    /// Leaves out as many episodes of the plan as can be: large parts first, then smaller ones.
    fn episodes(&mut self) -> Result<(), Stopped> {
        let mut size = self.best.faults.episodes().len();
        while size > 0 {
            let mut first = 0;
            loop {
                let plan = self.best.faults.clone();
                let episodes = plan.episodes();
                if first >= episodes.len() {
                    break;
                }
                let kept = [&episodes[..first], episodes.get(first + size..).unwrap_or_default()].concat();
                if !self.attempt(|setup| setup.faults = plan.only(&kept))? {
                    first += size;
                }
            }
            size /= 2;
        }
        Ok(())
    }

    /// Single steps, in the end: what puts something right again may come too late for the failure to need it.
    fn steps(&mut self) -> Result<(), Stopped> {
        for at in (0..self.best.faults.steps.len()).rev() {
            self.attempt(|setup| {
                setup.faults.steps.remove(at);
            })?;
        }
        Ok(())
    }

    /// As few clients as can be, group by group and by halves: what fails with some need not fail with every larger number, so
    /// these are few and not always the fewest.
    fn clients(&mut self) -> Result<(), Stopped> {
        for at in 0..self.best.groups.len() {
            let mut low = 0;
            while low < self.best.groups[at].count {
                let middle = low.midpoint(self.best.groups[at].count);
                if !self.attempt(|setup| setup.groups[at].count = middle)? {
                    low = middle + 1;
                }
            }
        }
        Ok(())
    }

    /// Clients stop asking as early as can be, and the end comes so much earlier.
    fn time(&mut self) -> Result<(), Stopped> {
        let mut step_ms = self.best.busy_ms() / 2;
        while step_ms >= 500 {
            while self.attempt(|setup| setup.shorten(step_ms))? {}
            step_ms /= 2;
        }
        Ok(())
    }

    /// Nodes that drain, leave or come late do so no more.
    fn drains(&mut self) -> Result<(), Stopped> {
        for at in (0..self.best.restarts.len()).rev() {
            self.attempt(|setup| {
                let (node, at_ms) = setup.restarts.remove(at);
                let again = |step: &Step| step.at_ms >= at_ms && step.fault == Fault::Restart(node);
                if let Some(again) = setup.faults.steps.iter().position(again) {
                    setup.faults.steps.remove(again);
                }
            })?;
        }
        for at in (0..self.best.leaves.len()).rev() {
            self.attempt(|setup| {
                setup.leaves.remove(at);
            })?;
        }
        for at in (0..self.best.joins.len()).rev() {
            self.attempt(|setup| {
                setup.joins.remove(at);
            })?;
        }
        Ok(())
    }

    /// Nodes that stay broken do not break.
    fn rest(&mut self) -> Result<(), Stopped> {
        for at in (0..self.best.rest.len()).rev() {
            self.attempt(|setup| {
                let node = setup.rest.remove(at);
                setup.faults.steps.retain(|step| !step.fault.names(node));
            })?;
        }
        Ok(())
    }

    /// What goes wrong is put right sooner.
    fn durations(&mut self) -> Result<(), Stopped> {
        for episode in self.best.faults.episodes() {
            let [begin, end] = episode[..] else { continue };
            loop {
                let [from_ms, to_ms] = [begin, end].map(|at| self.best.faults.steps[at].at_ms);
                let sooner_ms = from_ms.midpoint(to_ms);
                if sooner_ms < from_ms + DURATION_MS_MIN
                    || !self.attempt(|setup| setup.faults.steps[end].at_ms = sooner_ms)?
                {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Fewer nodes: each goes to which nothing happens, but for the first, which founds the cluster.
    fn nodes(&mut self) -> Result<(), Stopped> {
        for gone in (1..self.best.nodes).rev().map(NodeId) {
            if self.best.nodes > NODES_MIN && !self.best.names(gone) {
                self.attempt(|setup| setup.drop_node(gone))?;
            }
        }
        Ok(())
    }

    /// Clients ask fewer kinds of things, in fewer ways.
    fn habits(&mut self) -> Result<(), Stopped> {
        for at in 0..self.best.groups.len() {
            if self.best.groups[at].count == 0 {
                continue;
            }
            for errand in (0..self.best.groups[at].work.errands.len()).rev() {
                if self.best.groups[at].work.errands.len() > 1 {
                    self.attempt(|setup| {
                        setup.groups[at].work.errands.remove(errand);
                    })?;
                }
            }
            let plainer: [fn(&mut Group); 5] = [
                |group| group.listens_one_in = 0,
                |group| group.twins = false,
                |group| group.rereads = false,
                |group| group.nap_ms = 0,
                |group| group.roams_one_in = 0,
            ];
            for plain in plainer {
                self.attempt(|setup| plain(&mut setup.groups[at]))?;
            }
        }
        self.attempt(|setup| setup.groups.retain(|group| group.count > 0))?;
        Ok(())
    }

    /// A network, and nodes, like any other.
    fn weather(&mut self) -> Result<(), Stopped> {
        self.attempt(|setup| setup.net = NetOptions::default())?;
        self.attempt(|setup| setup.blocking_us = BLOCKING_US)?;
        self.attempt(|setup| setup.quirks = false)?;
        Ok(())
    }
}

impl Setup {
    /// Whether anything is to happen to a node.
    fn names(&self, node: NodeId) -> bool {
        let lists = [&self.restarts, &self.leaves, &self.joins];
        let listed = lists.iter().any(|list| list.iter().any(|(other, _)| *other == node));
        listed || self.rest.contains(&node) || self.faults.steps.iter().any(|step| step.fault.names(node))
    }

    /// There is a node less. Those behind it, and the hosts of clients, move up.
    fn drop_node(&mut self, gone: NodeId) {
        let up = |node: &mut NodeId| node.0 -= u32::from(*node > gone);
        self.nodes -= 1;
        self.faults.each_node(up);
        let lists = [&mut self.restarts, &mut self.leaves, &mut self.joins];
        lists.into_iter().flatten().map(|(node, _)| node).for_each(up);
        self.rest.iter_mut().for_each(up);
    }

    /// Clients stop asking so much earlier, and everything after that comes earlier too.
    fn shorten(&mut self, ms: u64) {
        let busy_ms = self.busy_ms();
        let Some(busy_ms) = busy_ms.checked_sub(ms).filter(|busy_ms| *busy_ms > 0) else { return };
        for group in &mut self.groups {
            group.work.end_ms = group.work.end_ms.min(busy_ms);
        }
        self.drain_ms = self.drain_ms.saturating_sub(ms);
        self.end_ms = self.end_ms.saturating_sub(ms);
        // What would come after the end is no part of the run.
        let end_ms = self.end_ms;
        let steps = take(&mut self.faults.steps);
        self.faults = Plan { steps: steps.into_iter().filter(|step| step.at_ms < end_ms).collect() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Errand;

    /// Ten nodes, thirty clients, and a good deal that goes wrong.
    fn large() -> Setup {
        let mut setup = Setup::cluster(10, 40);
        setup.groups = Setup::on_cluster(30, 40, &[]);
        for (at, node) in (0..6).map(NodeId).enumerate() {
            let at_ms = 8_000 + 1_000 * at as u64;
            setup.fault(at_ms, Fault::Kill(node));
            setup.fault(at_ms + 500, Fault::Restart(node));
        }
        setup.fault(9_000, Fault::Partition { a: vec![NodeId(1)], b: vec![NodeId(2)] });
        setup.fault(10_000, Fault::Partition { a: vec![NodeId(3)], b: vec![NodeId(12)] });
        setup.fault(12_000, Fault::HealAll);
        setup
    }

    #[test]
    fn what_the_failure_needs_is_all_that_is_left() {
        // It takes the death of node 2 while the cut between 3 and a client's host stands, three clients, and tasks.
        let kills = Fault::Kill(NodeId(2));
        let mut runs = 0;
        let mut fails = |setup: &Setup| {
            runs += 1;
            let steps = &setup.faults.steps;
            let is_cut = steps.iter().any(|step| match &step.fault {
                Fault::Partition { a, b } => a == &[NodeId(3)] && b == &[setup.client_host(1)],
                _ => false,
            });
            let asks =
                |group: &Group| group.work.errands.iter().any(|(errand, _)| *errand == Errand::Task(4));
            let clients: u32 = setup.groups.iter().filter(|group| asks(group)).map(|group| group.count).sum();
            Some(
                steps.iter().any(|step| step.fault == kills)
                    && is_cut
                    && clients >= 3
                    && setup.busy_ms() > 11_000,
            )
        };
        let least = shrink(large(), &mut fails);
        let faults: Vec<&Fault> = least.faults.steps.iter().map(|step| &step.fault).collect();
        assert_eq!(faults.len(), 2, "the kill and the cut: {faults:?}");
        assert_eq!(least.clients(), 3);
        assert_eq!(least.groups[0].work.errands, [(Errand::Task(4), 25)]);
        assert!(least.busy_ms() < 12_000 && least.nodes == 4, "{least:?}");
        assert!(runs < 160, "{runs} runs");
    }

    #[test]
    fn what_goes_wrong_goes_wrong_for_no_longer_than_it_must_and_who_stays_broken_need_not() {
        let mut setup = large();
        setup.rest = vec![NodeId(7)];
        setup.fault(11_000, Fault::Pause(NodeId(7)));
        let lasted_ms = |setup: &Setup| {
            let at = |wanted: Fault| {
                setup.faults.steps.iter().find(|step| step.fault == wanted).map(|step| step.at_ms)
            };
            Some(at(Fault::Restart(NodeId(1)))? - at(Fault::Kill(NodeId(1)))?)
        };
        let least = shrink(setup, &mut |setup| Some(lasted_ms(setup).is_some_and(|ms| ms >= 130)));
        assert_eq!((lasted_ms(&least), least.faults.steps.len()), (Some(250), 2), "{least:?}");
        assert!(least.rest.is_empty() && least.nodes == 3, "{least:?}");
    }

    #[test]
    fn a_caller_that_has_had_enough_keeps_what_was_found() {
        let mut left = 3;
        let least = shrink(large(), &mut |_| {
            left -= 1;
            (left > 0).then_some(true)
        });
        assert!(least.faults.steps.is_empty(), "the first candidate has no fault");
    }
}
