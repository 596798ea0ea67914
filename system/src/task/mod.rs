//! Tasks: work that outlives the request that began it. This stage keeps what is known of them, never runs any.
//!
//! [`Tasks`] is the truth, a pure state machine: the same commands at the same times give the same replies on every
//! replica. A [`Store`] is how the rest of a node reaches one: across a cluster, or, with [`LocalStore`], in this process.
//!
//! - **A timeout means unknown.** Each command carries a request id; the same id again gives the same reply and changes
//!   nothing, so a caller that lost the reply asks again with the same id.
//! - **A terminal state never changes**, and `cancelled` is terminal before the cancel is answered.
//! - **A task of another principal does not exist**: the reply is the one for an id that nobody ever made.
//! - Expiry goes by the time that commands bring along, never by a replica's own clock, so that all agree on it.
//!
//! What the wire calls things differs by revision (a tool that reports an error is `failed` in 2025-11-25 and `completed`
//! in 2026-07-28); that is the protocol's to say, from [`Summary::is_error`].

mod command;
mod dedup;
mod executor;
mod local;
mod machine;
mod record;
mod snapshot;
mod store;

pub use command::{
    Action, Bounds, Change, Command, Create, Page, Position, RedemptionId, Refusal, Reply, RequestId, Stamp,
};
pub(crate) use dedup::{Dedup, Lines};
pub use local::{Faults, LocalStore};
pub use machine::Tasks;
pub use record::{Call, Input, Status, Summary, Task};
pub use snapshot::{Flaw, Image};
pub use store::{Gone, Store, StoreError, Watch};

#[cfg(test)]
mod tests;
