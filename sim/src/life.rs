//! The life of a node: killed, cut from power, started again, paused.
//!
//! The order of a death matters. First the handles turn dead, so that nothing which runs afterwards can write, send or
//! record; then the sockets; then the tasks are dropped, in the order of their start. Otherwise code in `drop` would say
//! farewell, and a power loss would become a clean shutdown.

use crate::clock::Clock;
use crate::disk::HostDisk;
use crate::entropy::Asked;
use crate::fault::{Fault, Fired};
use crate::kernel::Kernel;
use crate::kernel::here::enter;
use crate::kernel::slab::Key;
use crate::net::Side;
use crate::net::connection::State;
use crate::node::{NodeId, Power};
use crate::trace::{Mark, digest};
use crate::world::{World, drop_task};

/// What became of the process of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turning {
    /// It was started anew.
    Started,
    /// It died, and its host ended what it had left open.
    Stopped,
    /// Its host went dark.
    Dark,
    /// It stands still.
    Paused,
    /// It goes on.
    Resumed,
}

/// A turn in the life of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turned {
    /// When, in nanoseconds of virtual time.
    pub at: u64,
    /// Whose.
    pub node: NodeId,
    /// What it became.
    pub into: Turning,
}

impl Kernel {
    /// Turns a node's handles dead and ends its sockets. The tasks that must be dropped now, and what was touched.
    fn end_process(&mut self, node: NodeId, power: Power) -> (Vec<Key>, u64) {
        let is_dark = power == Power::Dark;
        let was = self.node(node).power;
        if was == Power::Dark || was == power {
            return (Vec::new(), 0);
        }
        let host = &mut self.nodes[node.index()];
        host.power = power;
        host.paused = false;
        host.is_taxed = false;
        host.parked.clear();
        let boot = u64::from(host.boot);
        let mut touched =
            if is_dark { host.disk.lose_power(&mut self.disk_draws) } else { host.disk.close_all() };
        self.mark(Mark::Life { node: node.trace(), boot, what: 1 + u64::from(is_dark) });
        self.turned(node, if is_dark { Turning::Dark } else { Turning::Stopped });
        touched += self.kill_sockets(node, is_dark);
        if is_dark {
            self.probe_waiting();
        }
        let tasks = self.tasks_where(|task| task.node == node);
        touched += tasks.len() as u64;
        (tasks, touched)
    }

    fn start_boot(&mut self, node: NodeId) {
        let now = self.now;
        let host = self.node_mut(node);
        host.boot += 1;
        host.disk.failing_power = None;
        host.power = Power::Running;
        host.monotonic = Clock::started(now, host.monotonic.drift());
        host.entropy_asked = Asked::default();
        let boot = u64::from(host.boot);
        self.mark(Mark::Life { node: node.trace(), boot, what: 3 });
        self.turned(node, Turning::Started);
    }

    fn turned(&mut self, node: NodeId, into: Turning) {
        self.lives.push(Turned { at: self.now, node, into });
    }

    /// The files of a node that is dark are gone. How many.
    fn lose_disk(&mut self, node: NodeId) -> u64 {
        let empty = HostDisk::new(self.world);
        let lost = std::mem::replace(&mut self.node_mut(node).disk, empty);
        lost.files_len() as u64
    }

    pub(crate) fn pause(&mut self, node: NodeId, fault: usize) {
        let host = self.node_mut(node);
        host.paused = host.is_running();
        host.pause_fault = Some(fault);
        if host.paused {
            self.turned(node, Turning::Paused);
        }
    }

    pub(crate) fn resume(&mut self, node: NodeId) -> u64 {
        let host = &mut self.nodes[node.index()];
        host.paused = false;
        let resumed = host.parked.len() as u64;
        self.ready.extend(host.parked.drain(..));
        self.turned(node, Turning::Resumed);
        resumed
    }

    /// A middlebox resets what is open between two nodes.
    pub(crate) fn reset_between(&mut self, a: NodeId, b: NodeId) -> u64 {
        let is_between = |ends: [NodeId; 2]| ends == [a, b] || ends == [b, a];
        let connections = self.net.connections.iter();
        let open = connections.filter(|(_, found)| found.ends.iter().all(|end| end.state == State::Open));
        let hit = open.filter(|(_, found)| is_between([found.ends[0].node, found.ends[1].node]));
        let hit: Vec<_> = hit.map(|(key, _)| key).collect();
        for key in &hit {
            self.send_reset(*key, Side::Dialler);
            self.send_reset(*key, Side::Accepted);
        }
        hit.len() as u64
    }
}

impl World {
    /// Applies a fault now. Its place in [`fired`](Self::fired).
    pub fn apply(&mut self, fault: Fault) -> usize {
        let number = enter(|kernel| {
            let content = digest(format!("{fault:?}").as_bytes());
            kernel.mark(Mark::Fault { content });
            kernel.fired.push(Fired { fault: fault.clone(), at: kernel.now, touched: 0 });
            if kernel.trace.is_logging() {
                kernel.trace.say(kernel.now, format!("{fault:?}"));
            }
            kernel.fired.len() - 1
        });
        let touched = match fault {
            Fault::Kill(node) => self.end_node(node, Power::Stopped),
            Fault::PowerLoss(node) => self.end_node(node, Power::Dark),
            Fault::DiskLoss(node) => {
                self.end_node(node, Power::Dark) + enter(|kernel| kernel.lose_disk(node))
            }
            Fault::Restart(node) => {
                self.end_node(node, Power::Stopped);
                enter(|kernel| kernel.start_boot(node));
                self.run_program(node);
                1
            }
            quiet => enter(|kernel| kernel.apply_quiet(number, &quiet)),
        };
        enter(|kernel| kernel.touch_many(number, touched));
        number
    }

    pub(crate) fn end_node(&mut self, node: NodeId, power: Power) -> u64 {
        let (tasks, touched) = enter(|kernel| kernel.end_process(node, power));
        for key in tasks {
            drop_task(key);
        }
        touched
    }

    /// The faults applied so far, and what each has touched.
    #[must_use]
    pub fn fired(&self) -> Vec<Fired> {
        enter(|kernel| kernel.fired.clone())
    }

    /// What became of nodes so far, in the order of time. All run from the moment on that they were made.
    #[must_use]
    pub fn lives(&self) -> Vec<Turned> {
        enter(|kernel| kernel.lives.clone())
    }

    /// The process of a node dies; its host ends its connections.
    pub fn kill(&mut self, node: NodeId) {
        self.apply(Fault::Kill(node));
    }

    /// The host of a node goes dark.
    pub fn lose_power(&mut self, node: NodeId) {
        self.apply(Fault::PowerLoss(node));
    }

    /// The process of a node starts anew, as its next boot, on the disk that survived.
    pub fn restart(&mut self, node: NodeId) {
        self.apply(Fault::Restart(node));
    }

    /// Nothing passes between the two sides.
    pub fn partition(&mut self, a: &[NodeId], b: &[NodeId]) {
        self.apply(Fault::Partition { a: a.to_vec(), b: b.to_vec() });
    }

    /// Every link is as it was at first.
    pub fn heal_all(&mut self) {
        self.apply(Fault::HealAll);
    }
}
