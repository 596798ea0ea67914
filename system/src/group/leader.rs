//! What the leader of a group needs to know of it to do its duties. Reads only.

use std::collections::BTreeSet;

use super::machine::Group;
use crate::ids::{Executor, SessionId, StreamId, TaskId};
use crate::seal::Principal;
use crate::task::Stamp;

impl Group {
    /// Bytes of the events of a stream that stand behind `taken`: what its reader has not got yet.
    #[must_use]
    pub fn waiting_bytes(&self, id: SessionId, stream: StreamId, taken: u64) -> usize {
        self.streams.get(&(id, stream)).map_or(0, |stream| stream.bytes_after(taken))
    }

    /// Every process that works on a stream or a task of this group, in order.
    #[must_use]
    pub fn executors(&self) -> BTreeSet<Executor> {
        let streams = self.by_executor.iter().map(|(executor, ..)| *executor);
        streams.chain(self.tasks.executors()).collect()
    }

    /// How a task stands, where it is this principal's.
    #[must_use]
    pub fn task_stamp(&self, principal: Principal, id: TaskId) -> Option<Stamp> {
        self.tasks.get(principal, id).map(|task| task.stamp())
    }
}
