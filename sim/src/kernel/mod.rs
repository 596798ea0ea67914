//! The kernel: all the state of one simulated world, and the one place where anything in it changes.
//!
//! `here` holds the borrow discipline, `heap` the order of events, `task` and `timer` what runs, `turn` the decision what
//! happens next. The network, the disk and the life of nodes are further `impl Kernel` blocks beside their own data.

pub(crate) mod heap;
pub(crate) mod here;
pub(crate) mod slab;
pub(crate) mod task;
pub(crate) mod timer;
mod turn;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use switchboard::event::Event;

use crate::entropy::Draws;
use crate::fault::{Fault, Fired};
use crate::kernel::heap::{Due, Heap};
use crate::kernel::slab::{Key, Slab};
use crate::kernel::task::TaskSlot;
use crate::kernel::timer::Timer;
use crate::life::Turned;
use crate::net::Net;
use crate::net::carried::Ledger;
use crate::node::{Node, NodeId};
use crate::options::Options;
use crate::probe::Probe;
use crate::process::Program;
use crate::trace::{Mark, Trace};

pub(crate) use turn::{Turn, Work};

/// Reads every event that any node records: virtual time, node, event.
pub(crate) type Observer = Box<dyn FnMut(u64, NodeId, &Event)>;

/// See the [module](self) page.
pub(crate) struct Kernel {
    pub(crate) options: Options,
    /// The number of this world on its thread: part of keys, of no decision and of no hash.
    pub(crate) world: u32,
    /// Virtual time in nanoseconds since the world began.
    pub(crate) now: u64,
    pub(crate) heap: Heap,
    pub(crate) tasks: Slab<TaskSlot>,
    pub(crate) tasks_started: u64,
    pub(crate) ready: VecDeque<Key>,
    pub(crate) timers: Slab<Timer>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) net: Net,
    pub(crate) trace: Trace,
    pub(crate) schedule: Draws,
    pub(crate) disk_draws: Draws,
    pub(crate) node_draws: Draws,
    pub(crate) probe: Probe,
    /// What user code asked for that must run outside any poll.
    pub(crate) work: VecDeque<Work>,
    /// The faults of all plans, by the number of their event.
    pub(crate) plan: Vec<Fault>,
    pub(crate) fired: Vec<Fired>,
    pub(crate) lives: Vec<Turned>,
    /// Where segments are written down that somebody wants to read about later.
    pub(crate) carried: Option<Ledger>,
    pub(crate) panics: Vec<String>,
    pub(crate) programs: BTreeMap<String, Program>,
    pub(crate) processes_started: u32,
    pub(crate) observers: Rc<RefCell<Vec<Observer>>>,
    polls_this_instant: u64,
    woken: Vec<Key>,
}

impl Kernel {
    pub(crate) fn new(options: Options, world: u32) -> Self {
        let seed = options.seed;
        Self {
            world,
            now: 0,
            heap: Heap::default(),
            tasks: Slab::new(world),
            tasks_started: 0,
            ready: VecDeque::new(),
            timers: Slab::new(world),
            nodes: Vec::new(),
            net: Net::new(world, seed, options.net),
            trace: Trace::new(options.log_lines_max, options.log_from),
            schedule: Draws::new(seed, "schedule"),
            disk_draws: Draws::new(seed, "disk"),
            node_draws: Draws::new(seed, "node"),
            probe: Probe::default(),
            work: VecDeque::new(),
            plan: Vec::new(),
            fired: Vec::new(),
            lives: Vec::new(),
            carried: None,
            panics: Vec::new(),
            programs: BTreeMap::new(),
            processes_started: 0,
            observers: Rc::default(),
            polls_this_instant: 0,
            woken: Vec::new(),
            options,
        }
    }

    pub(crate) fn at(&mut self, time: u64, due: Due) {
        self.heap.push(time.max(self.now), due);
    }

    pub(crate) fn mark(&mut self, mark: Mark) {
        self.trace.mark(self.now, mark);
    }

    /// Adds to the log, and to nothing else, what the running task does.
    pub(crate) fn say(&mut self, what: impl FnOnce() -> String) {
        if !self.trace.is_logging() {
            return;
        }
        if let Some(running) = here::running() {
            let task = self.tasks.get(running.task).map_or("", |task| task.name);
            let text = format!("  `{task}` of {} {}", self.node(running.node).name, what());
            self.trace.say(self.now, text);
        }
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.index()]
    }

    /// Whether handles of this boot still do anything.
    pub(crate) fn is_alive(&self, node: NodeId, boot: u32) -> bool {
        let node = self.node(node);
        node.is_running() && node.boot == boot
    }

    /// How often each stream of the kernel's own decisions was asked.
    pub(crate) fn draw_counts(&self) -> [u64; 4] {
        let Self { schedule, net, disk_draws, node_draws, probe, .. } = self;
        [schedule.count(), net.draws.count(), disk_draws.count(), node_draws.count() + probe.draws()]
    }
}
