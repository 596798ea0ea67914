//! How fast the detector is, and what it costs. The defaults are for nodes within a millisecond or two of each other:
//! about four and a half messages per second and node, whatever the size of the cluster.

use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

/// The settings of a detector. Nodes of a cluster should have the same; they still work together where they have not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// How often some other node is asked whether it is there.
    pub probe_ms: u64,
    /// How long it has for the answer before others are asked to ask it. Less than half of `probe_ms`.
    pub answer_ms: u64,
    /// How long a suspected node has to deny that it is dead.
    pub suspect_ms: u64,
    /// How often two others are told the news, while there is any.
    pub gossip_ms: u64,
    /// How often nodes that are not heard of are called.
    pub call_ms: u64,
    /// The same while nobody at all is heard of.
    pub call_alone_ms: u64,
    /// How long a node whose link was reset has for a sign of life before it is suspected.
    pub doubt_ms: u64,
    /// Bytes of one message.
    pub message_bytes_max: usize,
    /// Outputs that wait to be taken. Beyond them, messages are dropped.
    pub outputs_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            probe_ms: 500,
            answer_ms: 150,
            suspect_ms: 2_500,
            gossip_ms: 250,
            call_ms: 5_000,
            call_alone_ms: 500,
            doubt_ms: 300,
            message_bytes_max: 1_400,
            outputs_max: 4_096,
        }
    }
}

impl Config {
    /// How many of those who are not heard of are called at once. After a partition, each node that finds another brings
    /// the news of both sides together, so a few calls of each node are enough, but more where there are more.
    pub(super) fn calls(&self, members: usize) -> usize {
        2 + members / 50
    }

    /// How often a piece of news is passed on by each node that learns it: 18 for ten nodes, 31 for a hundred, 45 for a
    /// thousand. Rumours die out if it does not grow with the logarithm of the size; twice what an undivided cluster
    /// needs, for in a partition most of it is told to those who do not hear.
    pub(super) fn transmissions(members: usize) -> u8 {
        let bits = usize::BITS - members.max(2).leading_zeros();
        u8::try_from(bits * 9 / 2).unwrap_or(u8::MAX)
    }

    pub(super) fn swim(&self, members: usize) -> foca::Config {
        let ms = |ms: u64| Duration::from_millis(ms.max(1));
        let some = |count: usize| NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
        foca::Config {
            probe_period: ms(self.probe_ms),
            probe_rtt: ms(self.answer_ms),
            num_indirect_probes: some(3),
            max_transmissions: NonZeroU8::new(Self::transmissions(members)).unwrap_or(NonZeroU8::MIN),
            suspect_to_down_after: ms(self.suspect_ms),
            // A dead identity is remembered, one for each node: it comes back under a new one.
            remove_down_after: None,
            max_packet_size: some(self.message_bytes_max),
            notify_down_members: true,
            periodic_announce: Some(foca::PeriodicParams {
                frequency: ms(self.call_ms),
                num_members: some(1),
            }),
            // We call them ourselves: from the control map, which also knows those who were never heard of, and
            // leaves out those who left.
            periodic_announce_to_down_members: None,
            // Sent only while there is news. Probes alone would carry it too, but in a partition not before it is stale.
            periodic_gossip: Some(foca::PeriodicParams {
                frequency: ms(self.gossip_ms),
                num_members: some(2),
            }),
        }
    }
}
