//! The simulated network: TCP between nodes over links with latency, loss and cuts.
//!
//! `connection` is the data of one TCP connection, both ends of it; `wire` moves segments; `reliable` is what happens
//! when they are lost; `dial` opens and accepts; `close` ends; `stream` and `socket` are what a node holds. `link` decides
//! how long a segment takes and whether it arrives; `carried` writes down what did. An idle connection has no event, no timer and no task.

pub(crate) mod carried;
mod close;
pub(crate) mod connection;
mod dial;
pub(crate) mod link;
mod reliable;
mod socket;
mod stream;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

pub use carried::Carried;
pub use connection::Side;
pub use link::{Latency, Link};
pub use socket::SimListener;
pub(crate) use socket::connect;
pub use stream::SimStream;

use crate::entropy::Draws;
use crate::kernel::slab::{Key, Slab};
use crate::net::connection::Connection;
use crate::net::dial::ListenSocket;
use crate::net::link::Links;
use crate::node::NodeId;

/// What the network is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NetOptions {
    /// Every link that has no setting of its own.
    pub link: Link,
    /// Between two sockets of one node.
    pub loopback: Link,
    /// So many bytes wait at a sender for their acknowledgement, at most.
    pub send_buffer_bytes: u64,
    /// So many bytes wait at a receiver for their reader, at most.
    pub receive_buffer_bytes: u64,
    /// The largest segment.
    pub segment_bytes: u64,
    /// So many connections wait to be accepted, at most.
    pub backlog: usize,
    /// What a full backlog does with one more connection.
    pub overflow: Overflow,
    /// The first wait for an acknowledgement; each further one is twice as long.
    pub retransmit_first_ms: u64,
    /// The longest wait for an acknowledgement.
    pub retransmit_max_ms: u64,
    /// A connection whose data stays unacknowledged so long fails with `TimedOut`.
    pub give_up_ms: u64,
    /// A dial without an answer fails with `TimedOut` after so long.
    pub dial_give_up_ms: u64,
}

/// What a full backlog does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Overflow {
    /// Refuse: the dialling side sees `ConnectionRefused`.
    Refuse,
    /// Stay silent: the dialling side tries again until it gives up.
    Drop,
}

impl Default for NetOptions {
    fn default() -> Self {
        let us = |base_us, jitter_us| Latency { base_us, jitter_us, tail_ppm: 0, tail_us: 0 };
        Self {
            link: Link { latency: us(100, 100), loss_ppm: 0 },
            loopback: Link { latency: us(15, 10), loss_ppm: 0 },
            send_buffer_bytes: 64 * 1024,
            receive_buffer_bytes: 64 * 1024,
            segment_bytes: 1460,
            backlog: 1024,
            overflow: Overflow::Refuse,
            retransmit_first_ms: 200,
            retransmit_max_ms: 5_000,
            give_up_ms: 30_000,
            dial_give_up_ms: 10_000,
        }
    }
}

/// All network state of a world.
pub(crate) struct Net {
    pub(crate) options: NetOptions,
    pub(crate) connections: Slab<Connection>,
    pub(crate) listeners: Slab<ListenSocket>,
    /// Bound listeners by node and port; a port may be bound once on all addresses, or once a scope.
    pub(crate) bound: BTreeMap<(NodeId, u16), Vec<(Scope, Key)>>,
    /// Dialling and accepting address of every connection.
    pub(crate) tuples: BTreeSet<(SocketAddr, SocketAddr)>,
    pub(crate) by_ip: BTreeMap<IpAddr, NodeId>,
    pub(crate) links: Links,
    pub(crate) draws: Draws,
}

/// Where a listener listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scope {
    Any,
    Loopback,
    Outside,
}

impl Net {
    pub(crate) fn new(world: u32, seed: u64, options: NetOptions) -> Self {
        Self {
            options,
            connections: Slab::new(world),
            listeners: Slab::new(world),
            bound: BTreeMap::new(),
            tuples: BTreeSet::new(),
            by_ip: BTreeMap::new(),
            links: Links::new(options.link, options.loopback),
            draws: Draws::new(seed, "net"),
        }
    }
}
