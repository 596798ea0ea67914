//! What a node of a foreign world stands on besides its network and its scheduler: a host that outlives its processes, and
//! the life of one process on it.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use switchboard::env::{Child, Entropy, ExitStatus, Instant, WallTime};
use switchboard::event::Event;
use tokio::io::{DuplexStream, Empty};

use super::cord::Cords;
use crate::disk::HostDisk;
use crate::entropy::{Asked, Draws};
use crate::fault::{Fault, Fired};
use crate::node::NodeId;
use crate::options::Options;

/// Who is told what nodes tell of themselves, and when.
pub(super) type Observer = Box<dyn Fn(u64, NodeId, &Event) + Send + Sync>;

/// What all hosts of a world have in common.
pub(super) struct Ground {
    options: Options,
    /// Nanoseconds of simulated time; `None` where nothing of the world runs.
    clock: fn() -> Option<u64>,
    last: AtomicU64,
    pub(super) observer: Mutex<Option<Observer>>,
    pub(super) panics: Mutex<Vec<String>>,
    pub(super) fired: Mutex<Vec<Fired>>,
    pub(super) cords: Cords,
    by_ip: Mutex<BTreeMap<IpAddr, NodeId>>,
}

impl Ground {
    pub(super) fn new(seed: u64, clock: fn() -> Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            options: Options::seeded(seed),
            clock,
            last: AtomicU64::new(0),
            observer: Mutex::default(),
            panics: Mutex::default(),
            fired: Mutex::default(),
            cords: Cords::default(),
            by_ip: Mutex::default(),
        })
    }

    /// Nanoseconds of simulated time. Where nothing runs it stands.
    pub(super) fn now(&self) -> u64 {
        match (self.clock)() {
            Some(now) => self.last.fetch_max(now, Ordering::Relaxed).max(now),
            None => self.last.load(Ordering::Relaxed),
        }
    }

    /// Which host has this address.
    pub(super) fn at(&self, ip: IpAddr) -> Option<NodeId> {
        lock(&self.by_ip).get(&ip).copied()
    }

    /// A fault was applied; its number.
    pub(super) fn fire(&self, fault: Fault, at: u64) -> usize {
        let mut fired = lock(&self.fired);
        fired.push(Fired { fault, at, touched: 0 });
        fired.len() - 1
    }

    /// The fault of this number has touched so many things more.
    pub(super) fn touch(&self, fault: usize, count: u64) {
        if let Some(fired) = lock(&self.fired).get_mut(fault) {
            fired.touched += count;
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing may panic while it holds a lock of its world")
}

/// What a host keeps, whichever process runs on it.
pub(super) struct Held {
    pub(super) disk: HostDisk,
    pub(super) disk_draws: Draws,
    blocking_draws: Draws,
    wall_offset_ms: i64,
    wall_fault: Option<usize>,
    blocking_extra_us: u64,
    blocking_fault: Option<usize>,
}

/// One host.
pub(super) struct Host {
    pub(super) ground: Arc<Ground>,
    pub(super) node: NodeId,
    pub(super) name: String,
    pub(super) ip: IpAddr,
    boots: AtomicU32,
    pub(super) held: Mutex<Held>,
}

impl Host {
    pub(super) fn new(ground: &Arc<Ground>, node: NodeId, name: &str, ip: IpAddr) -> Arc<Self> {
        let draws = |part: &str| Draws::new(ground.options.seed, &format!("{part} of {name}"));
        let held = Held {
            disk: HostDisk::new(node.0),
            disk_draws: draws("disk"),
            blocking_draws: draws("blocking"),
            wall_offset_ms: 0,
            wall_fault: None,
            blocking_extra_us: 0,
            blocking_fault: None,
        };
        lock(&ground.by_ip).insert(ip, node);
        let (ground, name) = (Arc::clone(ground), name.to_owned());
        Arc::new(Self { ground, node, name, ip, boots: AtomicU32::new(0), held: Mutex::new(held) })
    }

    /// The life of the next process.
    pub(super) fn begin_life(self: &Arc<Self>) -> Arc<Life> {
        let boot = self.boots.fetch_add(1, Ordering::Relaxed) + 1;
        Arc::new(Life {
            host: Arc::clone(self),
            boot,
            began: self.ground.now(),
            is_over: AtomicBool::new(false),
            asked: Mutex::default(),
        })
    }

    /// Moves the time of day.
    pub(super) fn step_wall(&self, ms: i64, fault: usize) {
        let mut held = lock(&self.held);
        held.wall_offset_ms += ms;
        held.wall_fault = Some(fault);
    }

    /// Makes blocking closures take longer. Touches a slowness that it ends.
    pub(super) fn slow_blocking(&self, extra_us: u64, fault: usize) {
        let mut held = lock(&self.held);
        if extra_us == 0 && held.blocking_extra_us > 0 {
            self.ground.touch(fault, 1);
        }
        held.blocking_extra_us = extra_us;
        held.blocking_fault = (extra_us > 0).then_some(fault);
    }

    /// The power is gone. How many changes were at stake.
    pub(super) fn lose_power(&self) -> u64 {
        let held = &mut *lock(&self.held);
        held.disk.lose_power(&mut held.disk_draws)
    }

    /// The disk is gone. How many files were on it.
    pub(super) fn lose_disk(&self) -> u64 {
        let held = &mut *lock(&self.held);
        let files = held.disk.files_len() as u64;
        held.disk = HostDisk::new(self.node.0);
        files
    }
}

/// One process of a host.
pub(super) struct Life {
    pub(super) host: Arc<Host>,
    boot: u32,
    began: u64,
    is_over: AtomicBool,
    /// How often each label of entropy was asked for.
    asked: Mutex<Asked>,
}

impl Life {
    /// The process dies: from now on its handles do nothing, so that what is dropped of it cannot say farewell.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// # Errors
    /// The process is dead.
    pub(super) fn check_alive(&self) -> io::Result<()> {
        if self.is_over() { Err(io::Error::other("this process is dead")) } else { Ok(()) }
    }

    pub(super) fn now(&self) -> Instant {
        Instant::from_nanos(self.host.ground.now().saturating_sub(self.began))
    }

    pub(super) fn wall(&self) -> WallTime {
        let (ground, held) = (&self.host.ground, lock(&self.host.held));
        if let Some(fault) = held.wall_fault {
            ground.touch(fault, 1);
        }
        let unix_ms = ground.options.wall_start_unix_ms + ground.now() / 1_000_000;
        WallTime::from_unix_ms(unix_ms.saturating_add_signed(held.wall_offset_ms))
    }

    /// When a blocking closure that began now reports back.
    pub(super) fn blocking_done_at(&self) -> Instant {
        let (from, to) = self.host.ground.options.blocking_us;
        let mut held = lock(&self.host.held);
        if let Some(fault) = held.blocking_fault {
            self.host.ground.touch(fault, 1);
        }
        let us = from + held.blocking_draws.below(to - from + 1) + held.blocking_extra_us;
        Instant::from_nanos(self.now().as_nanos() + us * 1_000)
    }

    pub(super) fn entropy(&self, label: &str) -> Entropy {
        let Host { ground, name, .. } = &*self.host;
        lock(&self.asked).next(ground.options.seed, name, self.boot, label).0
    }

    pub(super) fn record(&self, event: &Event) {
        if self.is_over() {
            return;
        }
        if let Some(observer) = &*lock(&self.host.ground.observer) {
            observer(self.host.ground.now(), self.host.node, event);
        }
    }

    pub(super) fn launch(&self) -> io::Result<NoChild> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "there are no child processes in this world"))
    }
}

/// A child process, of which there are none.
#[derive(Debug)]
pub enum NoChild {}

impl Child for NoChild {
    type Input = DuplexStream;
    type Output = Empty;
    type Error = Empty;

    fn take_pipes(&mut self) -> Option<(DuplexStream, Empty, Empty)> {
        match *self {}
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        match *self {}
    }

    fn kill(&mut self) -> io::Result<()> {
        match *self {}
    }
}
