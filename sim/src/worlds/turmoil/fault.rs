//! What goes wrong, done with what turmoil has: a cut holds messages back, for turmoil never sends a lost one again, and a
//! stream that lost one would hang for ever; only a host without power loses what is on its way.

use std::sync::Arc;

use super::TurmoilWorld;
use crate::fault::Fault;
use crate::node::NodeId;
use crate::worlds::life::lock;
use crate::worlds::play::Foreign;

/// What keeps messages from passing between two hosts.
#[derive(Default)]
pub(super) struct Link {
    /// The fault that cut it.
    cut: Option<usize>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Open,
    Held,
    Lost,
}

impl TurmoilWorld {
    /// Applies a fault now.
    pub(super) fn apply(&mut self, fault: Fault) {
        let at = u64::try_from(self.now().as_nanos()).unwrap_or(u64::MAX);
        let number = self.ground.fire(fault.clone(), at);
        let touched = match fault {
            Fault::Partition { a, b } => {
                self.between(&a, &b, |link| link.cut = Some(number));
                0
            }
            Fault::Heal { a, b } => self.between(&a, &b, |link| link.cut = None),
            Fault::HealAll => {
                let all: Vec<NodeId> = self.nodes();
                self.between(&all, &all, |link| link.cut = None)
            }
            Fault::Kill(node) => self.kill(node),
            Fault::PowerLoss(node) => self.go_dark(node),
            Fault::DiskLoss(node) => self.go_dark(node) + self.places[node.index()].host.lose_disk(),
            Fault::Restart(node) => self.restart(node),
            Fault::ClockStep { node, ms } => {
                self.places[node.index()].host.step_wall(ms, number);
                0
            }
            Fault::SlowBlocking { node, extra_us } => {
                self.places[node.index()].host.slow_blocking(extra_us, number);
                0
            }
            Fault::ResetConnections { a, b } => self.ground.cords.cut(a, b) + self.ground.cords.cut(b, a),
            _ => 0,
        };
        self.ground.touch(number, touched);
    }

    fn nodes(&self) -> Vec<NodeId> {
        self.places.iter().map(|place| place.host.node).collect()
    }

    /// Changes every link between two sides. How many cuts that ended.
    fn between(&mut self, a: &[NodeId], b: &[NodeId], change: impl Fn(&mut Link)) -> u64 {
        let mut healed = 0;
        for (a, b) in a.iter().flat_map(|a| b.iter().map(move |b| (*a.min(b), *a.max(b)))) {
            if a == b {
                continue;
            }
            let link = self.links.entry((a, b)).or_default();
            let was = link.cut;
            change(link);
            healed += u64::from(was.is_some() && link.cut.is_none());
            self.settle(a, b, was);
        }
        healed
    }

    /// Makes a link what it must be now. `was` is the cut that it had.
    fn settle(&mut self, a: NodeId, b: NodeId, was: Option<usize>) {
        let is_dark = self.places[a.index()].is_dark || self.places[b.index()].is_dark;
        let (one, other) = (self.ip(a), self.ip(b));
        let link = self.links.entry((a, b)).or_default();
        let wanted = match link.cut {
            _ if is_dark => State::Lost,
            Some(_) => State::Held,
            None => State::Open,
        };
        let before = std::mem::replace(&mut link.state, wanted);
        if before == State::Held && wanted != State::Held {
            self.count_held(a, b, was);
        }
        match (before, wanted) {
            (State::Open, State::Open) | (State::Held, State::Held) | (State::Lost, State::Lost) => {}
            (_, State::Held) => self.sim.hold(one, other),
            (_, State::Lost) => self.sim.partition(one, other),
            (State::Held, State::Open) => self.sim.release(one, other),
            (State::Lost, State::Open) => self.sim.repair(one, other),
        }
    }

    /// The fault that cut a link has touched what is held there.
    fn count_held(&self, a: NodeId, b: NodeId, cut: Option<usize>) {
        let (Some(cut), ends) = (cut, (self.ip(a), self.ip(b))) else { return };
        let mut held = 0;
        self.sim.links(|links| {
            let this = links.filter(|link| link.pair() == ends || link.pair() == (ends.1, ends.0));
            held += this.map(|link| link.count() as u64).sum::<u64>();
        });
        self.ground.touch(cut, held);
    }

    /// Makes every link of a host what it must be now.
    fn settle_all(&mut self, node: NodeId) {
        for other in self.nodes().into_iter().filter(|other| *other != node) {
            let (a, b) = (node.min(other), node.max(other));
            let cut = self.links.get(&(a, b)).and_then(|link| link.cut);
            self.settle(a, b, cut);
        }
    }

    /// Ends the process of a host. Touches it, where there was one.
    fn end_process(&mut self, node: NodeId) -> u64 {
        let place = &self.places[node.index()];
        let (name, life) = (place.host.name.clone(), Arc::clone(&lock(&place.life)));
        if life.is_over() {
            return 0;
        }
        life.end();
        lock(&place.host.held).disk.close_all();
        self.sim.crash(name);
        1
    }

    /// The process dies, and its host tells its peers: all at once, where nothing keeps the news from them. turmoil alone would
    /// let its connections end in order. Touches them, and it.
    fn kill(&mut self, node: NodeId) -> u64 {
        let mut touched = self.end_process(node);
        for peer in self.nodes() {
            let link = self.links.get(&(node.min(peer), node.max(peer)));
            if touched > 0 && link.is_none_or(|link| link.state == State::Open) {
                touched += self.ground.cords.cut(peer, node);
            }
        }
        touched
    }

    /// The host goes silent: what it sent last is lost with it, and so is what its dying process would say.
    fn go_dark(&mut self, node: NodeId) -> u64 {
        self.places[node.index()].is_dark = true;
        self.settle_all(node);
        let touched = self.end_process(node);
        touched + self.places[node.index()].host.lose_power()
    }

    fn restart(&mut self, node: NodeId) -> u64 {
        self.kill(node);
        self.places[node.index()].is_dark = false;
        self.settle_all(node);
        let place = &self.places[node.index()];
        *lock(&place.life) = place.host.begin_life();
        let name = place.host.name.clone();
        self.sim.bounce(name);
        1
    }
}
