//! What goes wrong, done with what madsim has: a clogged link holds messages back until it is free again.

use std::sync::Arc;

use madsim::net::NetSim;

use super::MadsimWorld;
use crate::fault::Fault;
use crate::node::NodeId;
use crate::worlds::life::lock;

impl MadsimWorld {
    /// Applies a fault now.
    pub(super) fn apply(&mut self, fault: Fault) {
        let at = self.ground.now();
        let number = self.ground.fire(fault.clone(), at);
        let touched = match fault {
            Fault::Partition { a, b } => self.cut(&a, &b, number) + self.cut(&b, &a, number),
            Fault::PartitionOneWay { from, to } => self.cut(&from, &to, number),
            Fault::Heal { a, b } => self.heal(&a, &b) + self.heal(&b, &a),
            Fault::HealAll => {
                let all: Vec<NodeId> = self.places.iter().map(|place| place.host.node).collect();
                self.heal(&all, &all)
            }
            Fault::Kill(node) => self.end_process(node),
            Fault::PowerLoss(node) => self.go_dark(node),
            Fault::DiskLoss(node) => self.go_dark(node) + self.places[node.index()].host.lose_disk(),
            Fault::Restart(node) => self.restart(node),
            Fault::Pause(node) => self.pause(node, true),
            Fault::Resume(node) => self.pause(node, false),
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

    /// Cuts a direction; what it touches shows later.
    fn cut(&self, from: &[NodeId], to: &[NodeId], fault: usize) -> u64 {
        self.runtime.block_on(async {
            for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to))) {
                if from != to {
                    self.weather.cut(from, to, fault);
                    NetSim::current().clog_link(self.weather.id(from), self.weather.id(to));
                }
            }
        });
        0
    }

    /// How many directions were cut.
    fn heal(&self, from: &[NodeId], to: &[NodeId]) -> u64 {
        self.runtime.block_on(async {
            let mut healed = 0;
            for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to))) {
                if self.weather.heal(from, to) {
                    NetSim::current().unclog_link(self.weather.id(from), self.weather.id(to));
                    healed += 1;
                }
            }
            healed
        })
    }

    /// Ends the process of a host. Touches it, where there was one.
    fn end_process(&mut self, node: NodeId) -> u64 {
        let place = &mut self.places[node.index()];
        let life = Arc::clone(&lock(&place.life));
        if life.is_over() {
            return 0;
        }
        life.end();
        place.is_paused = false;
        lock(&place.host.held).disk.close_all();
        self.runtime.block_on(async { self.runtime.handle().kill(self.weather.id(node)) });
        1
    }

    /// The host goes silent.
    fn go_dark(&mut self, node: NodeId) -> u64 {
        self.weather.set_dark(node, true);
        let touched = self.end_process(node);
        touched + self.places[node.index()].host.lose_power()
    }

    fn restart(&mut self, node: NodeId) -> u64 {
        self.end_process(node);
        self.weather.set_dark(node, false);
        let place = &self.places[node.index()];
        *lock(&place.life) = place.host.begin_life();
        self.runtime.block_on(async { self.runtime.handle().restart(self.weather.id(node)) });
        1
    }

    /// Stops a process, or lets it go on. Touches it, where that changes something.
    fn pause(&mut self, node: NodeId, stands: bool) -> u64 {
        let place = &mut self.places[node.index()];
        if place.is_paused == stands || lock(&place.life).is_over() {
            return 0;
        }
        place.is_paused = stands;
        let (handle, id) = (self.runtime.handle(), self.weather.id(node));
        self.runtime.block_on(async { if stands { handle.pause(id) } else { handle.resume(id) } });
        1
    }
}
