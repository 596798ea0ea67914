//! Faults are data: what goes wrong and when, printable, storable and editable. Each applied fault counts what it
//! touched, because a fault that touched nothing proved nothing.

use serde::{Deserialize, Serialize};

use crate::clock::Drift;
use crate::disk::DiskOperation;
use crate::kernel::Kernel;
use crate::net::{Latency, Link};
use crate::node::NodeId;

/// One thing that goes wrong, or is put right.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Fault {
    /// Nothing passes between the two sides, in either direction. Touches every segment that it swallows.
    Partition {
        /// One side.
        a: Vec<NodeId>,
        /// The other.
        b: Vec<NodeId>,
    },
    /// Nothing passes in this direction. Touches every segment that it swallows.
    PartitionOneWay {
        /// Who is not heard.
        from: Vec<NodeId>,
        /// Who does not hear.
        to: Vec<NodeId>,
    },
    /// Ends the cuts between the two sides, in both directions. Touches every direction that was cut.
    Heal {
        /// One side.
        a: Vec<NodeId>,
        /// The other.
        b: Vec<NodeId>,
    },
    /// Ends every cut and gives every link its default back. Touches every direction that was cut.
    HealAll,
    /// The links in this direction have another latency and loss. Touches every segment that they carry, or every link that
    /// has its default again.
    Link {
        /// Senders.
        from: Vec<NodeId>,
        /// Receivers.
        to: Vec<NodeId>,
        /// What their links are like now; `None` is the default again.
        link: Option<Link>,
    },
    /// All links without a setting of their own have another latency and loss. Touches every segment that they carry.
    DefaultLink(Link),
    /// The process dies, and its host ends its connections: with FIN behind what was written, or with a reset where bytes
    /// were left unread. Touches its tasks and sockets.
    Kill(NodeId),
    /// The host goes dark: silence, and what was not synced is in doubt. Touches tasks, sockets and unsynced writes.
    PowerLoss(NodeId),
    /// The power fails in the middle of writing: the host goes dark with that write and whatever else was not synced in
    /// doubt, so what was being written is there in part. Touches the write that it strikes; nothing, where the process is
    /// started anew before.
    PowerLossInWrite {
        /// Whose.
        node: NodeId,
        /// So many writes succeed first.
        after: u64,
    },
    /// The disk is gone for good: the host goes dark, and comes back with an empty one. Touches tasks, sockets and files.
    DiskLoss(NodeId),
    /// The process starts (anew) as the next boot; a running one is killed first. Touches the node.
    Restart(NodeId),
    /// The process is not polled; its host goes on buffering. Touches every wake that it delays.
    Pause(NodeId),
    /// A paused process goes on. Touches the tasks that go on.
    Resume(NodeId),
    /// The time of day jumps. Touches every reading of it afterwards.
    ClockStep {
        /// Whose.
        node: NodeId,
        /// By how much, in either direction.
        ms: i64,
    },
    /// Both clocks run at another rate. Touches every sleep that it moves, and one for itself.
    ClockDrift {
        /// Whose.
        node: NodeId,
        /// How wrong they run from now on.
        drift: Drift,
    },
    /// Disk operations fail. Touches every operation that failed.
    DiskFail {
        /// Whose.
        node: NodeId,
        /// Only operations of this kind count and fail; all where it is `None`.
        only: Option<DiskOperation>,
        /// So many succeed first.
        after: u64,
        /// So many fail then.
        count: u64,
    },
    /// The disk has room for so many bytes. Touches every write that did not fit, and a bound that it ends.
    DiskCapacity {
        /// Whose.
        node: NodeId,
        /// How many; `None` is no limit.
        bytes: Option<u64>,
    },
    /// A durable byte is turned over. Touches it, where the file reaches so far.
    DiskCorrupt {
        /// Whose.
        node: NodeId,
        /// In which file.
        path: String,
        /// Which byte.
        offset: u64,
    },
    /// Every poll takes so long: the processor is slow, or others use it. Touches every poll, and a slowness that it ends.
    SlowPolls {
        /// Whose.
        node: NodeId,
        /// How long; 0 is none.
        tax_us: u64,
    },
    /// Blocking closures take longer: a slow disk. Touches every such closure, and a slowness that it ends.
    SlowBlocking {
        /// Whose.
        node: NodeId,
        /// How much longer.
        extra_us: u64,
    },
    /// Reads and writes of streams move few bytes. Touches every call, and a bound that it ends.
    TinyIo {
        /// Whose.
        node: NodeId,
        /// So many at most, drawn each time; `None` is no limit.
        bytes_max: Option<u32>,
    },
    /// Every open connection between the two is reset at both ends, as by a middlebox. Touches each.
    ResetConnections {
        /// One end.
        a: NodeId,
        /// The other.
        b: NodeId,
    },
}

impl Fault {
    /// Latency alone, for [`Fault::Link`].
    #[must_use]
    pub fn slow(from: Vec<NodeId>, to: Vec<NodeId>, latency: Latency) -> Self {
        Self::Link { from, to, link: Some(Link { latency, loss_ppm: 0 }) }
    }
}

/// A fault that was applied.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fired {
    /// What it was.
    pub fault: Fault,
    /// When, in nanoseconds of virtual time.
    pub at: u64,
    /// How much it touched so far. A fault that stays at 0 had no effect, and the run proved nothing about it.
    pub touched: u64,
}

impl Kernel {
    /// The fault of this number has touched one thing more.
    pub(crate) fn touch(&mut self, fault: usize) {
        self.touch_many(fault, 1);
    }

    pub(crate) fn touch_many(&mut self, fault: usize, count: u64) {
        if let Some(fired) = self.fired.get_mut(fault) {
            fired.touched += count;
        }
    }

    /// Applies the part of a fault that needs no user code to run. `fault` is its number. What it touched at once.
    pub(crate) fn apply_quiet(&mut self, fault: usize, what: &Fault) -> u64 {
        match what {
            Fault::Partition { a, b } => {
                self.cut(fault, a, b);
                self.cut(fault, b, a)
            }
            Fault::PartitionOneWay { from, to } => self.cut(fault, from, to),
            Fault::Heal { a, b } => self.heal(a, b) + self.heal(b, a),
            Fault::HealAll => {
                self.net.links.clear_overrides();
                self.net.links.heal_all(self.now)
            }
            Fault::Link { from, to, link } => {
                let mut ended = 0;
                for_pairs(from, to, |from, to| {
                    ended += u64::from(self.net.links.set(from, to, *link, fault));
                });
                ended
            }
            Fault::DefaultLink(link) => {
                self.net.links.set_default(*link, fault);
                0
            }
            Fault::ResetConnections { a, b } => self.reset_between(*a, *b),
            Fault::Pause(node) => {
                self.pause(*node, fault);
                0
            }
            Fault::Resume(node) => self.resume(*node),
            _ => self.apply_to_host(fault, what),
        }
    }

    fn apply_to_host(&mut self, fault: usize, what: &Fault) -> u64 {
        let now = self.now;
        match what {
            Fault::ClockStep { node, ms } => {
                let node = self.node_mut(*node);
                node.wall_offset_ms += ms;
                node.wall_fault = Some(fault);
            }
            Fault::ClockDrift { node, drift } => {
                let host = self.node_mut(*node);
                host.monotonic.set_drift(now, *drift);
                host.since_start.set_drift(now, *drift);
                return 1 + self.rearm_timers(*node);
            }
            Fault::DiskFail { node, only, after, count } => {
                let failing = crate::disk::Failing { only: *only, after: *after, count: *count, fault };
                self.node_mut(*node).disk.failing.push(failing);
            }
            Fault::PowerLossInWrite { node, after } => {
                self.node_mut(*node).disk.failing_power = Some((*after, fault));
            }
            Fault::DiskCapacity { node, bytes } => {
                let disk = &mut self.node_mut(*node).disk;
                let before = std::mem::replace(&mut disk.capacity_bytes, *bytes);
                disk.capacity_fault = fault;
                return u64::from(before.is_some() && bytes.is_none());
            }
            Fault::DiskCorrupt { node, path, offset } => {
                let Ok(path) = crate::disk::plain(path.as_ref()) else { return 0 };
                return u64::from(self.node_mut(*node).disk.corrupt(&path, *offset));
            }
            Fault::SlowBlocking { node, extra_us } => {
                let node = self.node_mut(*node);
                let before = std::mem::replace(&mut node.blocking_extra_us, *extra_us);
                node.blocking_fault = Some(fault);
                return u64::from(before > 0 && *extra_us == 0);
            }
            Fault::SlowPolls { node, tax_us } => {
                let node = self.node_mut(*node);
                let before = std::mem::replace(&mut node.poll_tax, tax_us.saturating_mul(1_000));
                node.tax_fault = Some(fault);
                return u64::from(before > 0 && *tax_us == 0);
            }
            Fault::TinyIo { node, bytes_max } => {
                let node = self.node_mut(*node);
                let before = std::mem::replace(&mut node.io_bytes_max, *bytes_max);
                node.io_fault = Some(fault);
                return u64::from(before.is_some() && bytes_max.is_none());
            }
            _ => unreachable!("{what:?} must be applied by the world or the network"),
        }
        0
    }

    fn cut(&mut self, fault: usize, from: &[NodeId], to: &[NodeId]) -> u64 {
        for_pairs(from, to, |from, to| self.net.links.cut(from, to, fault));
        self.probe_waiting();
        0
    }

    fn heal(&mut self, from: &[NodeId], to: &[NodeId]) -> u64 {
        let (mut healed, now) = (0, self.now);
        for_pairs(from, to, |from, to| healed += u64::from(self.net.links.heal(from, to, now)));
        healed
    }
}

fn for_pairs(from: &[NodeId], to: &[NodeId], mut each: impl FnMut(NodeId, NodeId)) {
    for from in from {
        for to in to {
            each(*from, *to);
        }
    }
}
