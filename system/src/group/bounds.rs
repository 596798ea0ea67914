//! Every maximum of a group. Replicas of one group must have the same, or they would answer differently.

use crate::task;

/// See the [module](self) page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Sessions.
    pub sessions_max: usize,
    /// Ended sessions that are remembered for [`request_ttl_ms`](Self::request_ttl_ms). None is forgotten early: beyond it
    /// no session begins.
    pub tombstones_max: usize,
    /// Bytes of what the edge wrote of a client.
    pub client_bytes_max: usize,
    /// Resources that one session subscribes to.
    pub subscriptions_max: usize,
    /// Bytes of a resource's URI, and of a topic.
    pub uri_bytes_max: usize,
    /// Streams of one session, the standalone one not counted.
    pub streams_max: usize,
    /// Requests of one stream: more than one only in a batch.
    pub stream_requests_max: usize,
    /// Bytes of the ids of a stream's requests, and of an error object.
    pub request_bytes_max: usize,
    /// How long a finished stream is kept for a client that comes back.
    pub finished_ttl_ms: u64,
    /// Events of one command.
    pub append_events_max: usize,
    /// Bytes of the events of one command.
    pub append_bytes_max: usize,
    /// Events that a stream keeps after they were handed out.
    pub kept_events_max: usize,
    /// Bytes that a stream keeps after they were handed out.
    pub kept_bytes_max: usize,
    /// Events that a stream holds, handed out or not.
    pub hard_events_max: usize,
    /// Bytes that a stream holds, handed out or not, beside a single event that is larger.
    pub hard_bytes_max: usize,
    /// Bytes of events of all streams. Beyond it streams take only what ends them or is kept once per topic.
    pub held_bytes_max: usize,
    /// Request ids that are remembered with their replies.
    pub requests_max: usize,
    /// How long one is remembered, an ended session too: longer than anyone goes on asking again.
    pub request_ttl_ms: u64,
    /// Bounds of the tasks.
    pub tasks: task::Bounds,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            sessions_max: 100_000,
            tombstones_max: 400_000,
            client_bytes_max: 64 << 10,
            subscriptions_max: 256,
            uri_bytes_max: 16 << 10,
            streams_max: 64,
            stream_requests_max: 64,
            request_bytes_max: 16 << 10,
            finished_ttl_ms: 600_000,
            append_events_max: 1_024,
            append_bytes_max: 16 << 20,
            kept_events_max: 256,
            kept_bytes_max: 1 << 20,
            hard_events_max: 4_096,
            hard_bytes_max: 8 << 20,
            held_bytes_max: 1 << 30,
            requests_max: 200_000,
            request_ttl_ms: 120_000,
            tasks: task::Bounds::default(),
        }
    }
}

impl Bounds {
    /// Panics where the bounds contradict each other.
    pub(super) fn assert_sound(&self) {
        assert!(
            self.sessions_max >= 1 && self.streams_max >= 1,
            "there must be room for a session and a call"
        );
        assert!(self.kept_events_max >= 1 && self.append_events_max >= 1, "a stream must keep an event");
        assert!(self.kept_events_max <= self.hard_events_max, "a hard bound must not undercut a soft one");
        assert!(self.kept_bytes_max <= self.hard_bytes_max, "a hard bound must not undercut a soft one");
        assert!(self.requests_max >= 1 && self.request_ttl_ms >= 1, "a request must be remembered");
        assert!(self.finished_ttl_ms >= 1, "a finished stream must last");
    }
}
