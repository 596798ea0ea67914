//! What a mesh counts: plain numbers, which whoever embeds the mesh exports.

use std::sync::atomic::{AtomicU64, Ordering};

/// The numbers of one mesh, from its start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Frames handed to streams.
    pub frames_sent: Count,
    /// Whole frames read.
    pub frames_received: Count,
    /// Bytes taken by streams, handshakes not included.
    pub bytes_sent: Count,
    /// Bytes read, handshakes not included.
    pub bytes_received: Count,
    /// Writes to streams: frames for each is how well they are put together.
    pub writes: Count,
    /// Links that stand, dialled and accepted.
    pub links: Count,
    /// Dials that were begun.
    pub dials: Count,
    /// Dials that failed.
    pub dials_failed: Count,
    /// Connections that never proved to belong to the cluster.
    pub strangers: Count,
    /// Handshakes of proven peers that were refused.
    pub refused: Count,
    /// Connections under handshake now.
    pub handshakes: Count,
    /// One-way messages that were dropped because too much was waiting.
    pub tells_shed: Count,
    /// Requests that were turned away, here or for a peer, because too much was waiting.
    pub requests_shed: Count,
    /// Pings sent.
    pub pings: Count,
}

/// One number.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Its value now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn one_more(&self) {
        self.add(1);
    }

    pub(super) fn one_less(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
