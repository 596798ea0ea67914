//! A node: one simulated host with one process on it.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Drift};
use crate::disk::HostDisk;
use crate::entropy::Asked;
use crate::env::SimEnv;
use crate::kernel::slab::Key;

/// A node of the world, counted from 0 in the order of their making.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl NodeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn trace(self) -> u64 {
        u64::from(self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// What runs on a node: called at each boot, with the world as that boot sees it.
pub(crate) type Boot = Rc<dyn Fn(SimEnv) -> Pin<Box<dyn Future<Output = ()>>>>;

/// Whether there is a host, and a process on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Power {
    /// The process runs.
    Running,
    /// The process is dead; its host ends what it left open, and answers with resets.
    Stopped,
    /// The host is off: nothing answers.
    Dark,
}

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) ip: IpAddr,
    /// Counts process starts from 1. Handles of an earlier boot are dead.
    pub(crate) boot: u32,
    pub(crate) power: Power,
    pub(crate) program: Option<Boot>,
    /// A paused process is not polled; its host goes on buffering.
    pub(crate) paused: bool,
    pub(crate) pause_fault: Option<usize>,
    /// Nanoseconds that each poll takes.
    pub(crate) poll_tax: u64,
    pub(crate) tax_fault: Option<usize>,
    /// Whether a poll still takes its time: until then there is no other one.
    pub(crate) is_taxed: bool,
    /// Tasks that were woken in the meantime.
    pub(crate) parked: Vec<Key>,
    /// From [`BOOT`](switchboard::env::Instant::BOOT) at each boot.
    pub(crate) monotonic: Clock,
    /// Goes on over boots, as a battery-backed clock does.
    pub(crate) since_start: Clock,
    pub(crate) wall_offset_ms: i64,
    pub(crate) wall_fault: Option<usize>,
    /// How often each label of entropy was asked for in this boot.
    pub(crate) entropy_asked: Asked,
    /// Next ephemeral port, counted from the first.
    pub(crate) port_next: u16,
    /// Reads and writes move at most so many bytes a call.
    pub(crate) io_bytes_max: Option<u32>,
    pub(crate) io_fault: Option<usize>,
    /// Blocking closures take this much longer.
    pub(crate) blocking_extra_us: u64,
    pub(crate) blocking_fault: Option<usize>,
    pub(crate) disk: HostDisk,
}

impl Node {
    pub(crate) fn new(name: String, ip: IpAddr, now: u64, world: u32) -> Self {
        Self {
            name,
            ip,
            boot: 1,
            power: Power::Running,
            program: None,
            paused: false,
            pause_fault: None,
            poll_tax: 0,
            tax_fault: None,
            is_taxed: false,
            parked: Vec::new(),
            monotonic: Clock::started(now, Drift(0)),
            since_start: Clock::started(0, Drift(0)),
            wall_offset_ms: 0,
            wall_fault: None,
            entropy_asked: Asked::default(),
            port_next: 0,
            io_bytes_max: None,
            io_fault: None,
            blocking_extra_us: 0,
            blocking_fault: None,
            disk: HostDisk::new(world),
        }
    }

    /// Whether no task of it may be polled now.
    pub(crate) fn stands_still(&self) -> bool {
        self.paused || self.is_taxed
    }

    pub(crate) fn is_running(&self) -> bool {
        self.power == Power::Running
    }

    pub(crate) fn is_dark(&self) -> bool {
        self.power == Power::Dark
    }

    /// What this node believes the time of day to be.
    pub(crate) fn wall_unix_ms(&self, now: u64, start_unix_ms: u64) -> u64 {
        let elapsed_ms = self.since_start.read(now) / 1_000_000;
        (start_unix_ms + elapsed_ms).saturating_add_signed(self.wall_offset_ms)
    }
}
