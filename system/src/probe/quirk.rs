//! Quirks: what a node may do at any time, and mostly does not. A scenario in which everything is as fast, as large and as lucky
//! as usual does not go where these lead.

use super::closed_list;

closed_list! {
    /// A liberty that the code may take: `buggify!`. Where one breaks a promise, the promise was luck.
    Quirk {
        /// A message of the failure detector is lost.
        GossipLost = "gossip_lost",
        /// Dialling takes its time.
        DialSlow = "dial_slow",
        /// An owner has no time for an ask, and does nothing.
        OwnerBusy = "owner_busy",
        /// What was committed is acknowledged late.
        AcknowledgedLate = "acknowledged_late",
        /// What was committed is not acknowledged.
        AcknowledgementLost = "acknowledgement_lost",
        /// A node may serve a session for a short time only, before it must ask again.
        LeaseShort = "lease_short",
        /// One event is read at a time.
        ReadsSmall = "reads_small",
        /// There is hardly any room for what a reader has not taken.
        RoomSmall = "room_small",
        /// Snapshots are taken early, and little is left of the log before them.
        SnapshotEarly = "snapshot_early",
        /// Snapshots travel in small pieces.
        PiecesSmall = "pieces_small",
        /// A group falls asleep as soon as it has nothing to do.
        SleepsEarly = "sleeps_early",
        /// A read is proven by the engine, and not by what the members promised.
        ProofByEngine = "proof_by_engine",
        /// A leader hands over for no reason.
        HandsOver = "hands_over",
    }
}
