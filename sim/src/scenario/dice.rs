//! Drawing what a seed decides of a setup.

use switchboard::env::Entropy;

use super::setup::{SERVER, Setup};
use crate::fault::Fault;
use crate::net::{Latency, Link};
use crate::node::NodeId;
use crate::plan::Step;

/// Draws numbers for a setup.
#[derive(Debug)]
pub struct Dice {
    pub(super) entropy: Entropy,
    /// Whether there is no weather.
    pub(super) is_fair: bool,
}

impl Dice {
    /// A number in `from..=to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.entropy.below(to.saturating_sub(from) + 1)
    }

    /// A count in `from..=to`.
    pub fn count(&mut self, from: u32, to: u32) -> u32 {
        u32::try_from(self.between(from.into(), to.into())).unwrap_or(to)
    }

    /// A node of a cluster.
    pub fn node(&mut self, setup: &Setup) -> NodeId {
        NodeId(self.count(0, setup.nodes - 1))
    }

    /// The nodes of a cluster in a random order.
    pub fn shuffled(&mut self, setup: &Setup) -> Vec<NodeId> {
        let mut nodes = setup.servers();
        for last in (1..nodes.len()).rev() {
            let other = usize::try_from(self.between(0, last as u64)).unwrap_or(last);
            nodes.swap(last, other);
        }
        nodes
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.between(1, times) == 1
    }

    /// Every link of these nodes to another node is cut, one after the other, and healed in another order: swizzled clogging,
    /// as FoundationDB's simulation calls it. All of them are cut in the middle third of the time.
    pub fn swizzle(&mut self, setup: &mut Setup, clogged: &[NodeId], (from_ms, to_ms): (u64, u64)) {
        let third_ms = (to_ms - from_ms) / 3;
        for (turn, node) in clogged.iter().enumerate() {
            let done = &clogged[..turn];
            for other in setup.servers().into_iter().filter(|other| other != node && !done.contains(other)) {
                let (a, b) = (vec![*node], vec![other]);
                let cut_ms = from_ms + self.between(0, third_ms);
                let healed_ms = to_ms - self.between(0, third_ms);
                setup.fault(cut_ms, Fault::Partition { a: a.clone(), b: b.clone() });
                setup.fault(healed_ms, Fault::Heal { a, b });
            }
        }
    }

    /// Weather among nodes and to their clients: latency with a heavy tail, and loss. Drawn on a fair day, too.
    pub fn storm(&mut self, setup: &mut Setup) {
        let base_us = self.between(100, 5_000);
        let jitter_us = self.between(0, 2 * base_us);
        let (tail_ppm, tail_us) = (self.count(1_000, 20_000), self.between(20_000, 200_000));
        let loss_ppm = self.count(100, 10_000);
        if !self.is_fair {
            setup.net.link = Link { latency: Latency { base_us, jitter_us, tail_ppm, tail_us }, loss_ppm };
        }
    }

    /// Weather: what a network and a host are like on a bad day, none of which may fail a request. It is drawn on a fair day,
    /// too, so that everything else is the same then.
    pub fn weather(&mut self, setup: &mut Setup) {
        if self.is_fair {
            return self.bad_weather(&mut setup.clone());
        }
        self.bad_weather(setup);
    }

    fn bad_weather(&mut self, setup: &mut Setup) {
        let base_us = self.between(20, 3_000);
        let latency = &mut setup.net.link.latency;
        (latency.base_us, latency.jitter_us) = (base_us, self.between(0, 2 * base_us));
        if self.one_in(3) {
            setup.net.link.loss_ppm = self.count(100, 5_000);
        }
        if self.one_in(3) {
            let bytes_max = Some(self.count(1, 200));
            setup.faults.steps.push(Step { at_ms: 0, fault: Fault::TinyIo { node: SERVER, bytes_max } });
        }
        if self.one_in(3) {
            let at_ms = self.between(1_000, 1_900);
            let resumed_ms = at_ms + self.between(200, 1_000);
            setup.faults.steps.push(Step { at_ms, fault: Fault::Pause(SERVER) });
            setup.faults.steps.push(Step { at_ms: resumed_ms, fault: Fault::Resume(SERVER) });
        }
    }
}
