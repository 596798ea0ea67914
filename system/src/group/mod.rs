//! What one data group holds: sessions of the stateful revisions with their event streams, and tasks. A pure state
//! machine; it never sends, waits, or reads a clock.
//!
//! [`Group`] is the truth. The same entries in the same order give the same replies, the same state and the same snapshot
//! on every replica. Whoever leads the group reads from applied state ([`Group::read`], [`Group::record`]) and learns
//! from [`Change`]s what to look at again.
//!
//! - **Deliver after commit.** An event has its number from the log, so one id never names two events.
//! - **A stream keeps what its reader may still ask for.** What was handed out is kept up to the small bounds; what was
//!   not, up to the large ones; a reader that comes back for less is told that there is a gap, never given a hole.
//! - **A repeated command is harmless.** Events of a call carry their numbers, list changes their version; the rest is
//!   remembered by request id. A session that ended leaves a stone on its place, so that no late copy of its beginning
//!   begins it again.
//! - **A part can go to another group** without anything in it being lost, done twice or answered wrongly (`split.rs`).
//! - **Nobody waits for ever.** When an executor is gone, its streams end with an error response and its tasks fail.
//!
//! What a client record, an event or a reason says is the node's to know: here they are bytes and numbers. Questions that
//! wait for an answer and calls in flight are not replicated; they die with their executor.
//!
//! Source: 2025-11-25 `basic/transports`, Resumability and Redelivery.

mod bounds;
mod command;
mod leader;
mod machine;
mod read;
mod session;
mod snapshot;
mod split;
mod stream;
mod streams;
mod wire;

pub use bounds::Bounds;
pub use command::{Change, Command, Entry, Refusal, Reply};
pub use machine::{Group, Repeats};
pub use read::{Read, Record};
pub use snapshot::SnapshotError;
pub use split::{PIECE_BYTES_MAX, digest_of_part};
pub use wire::WireError;

#[cfg(test)]
mod tests;
