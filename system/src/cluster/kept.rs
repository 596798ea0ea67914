//! The state of a data group on one replica, fed by the group's log, and whoever waits for it to change.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::env::{World, sometimes};
use crate::group::{self, Change, Entry, Refusal, Reply};
use crate::ids::{SessionId, StreamId, TaskId};
use crate::raft::{At, Corrupt, Machine};
use crate::watch;

/// What somebody waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Matter {
    /// A stream has another event, its end, or another reader.
    Stream(SessionId, StreamId),
    /// A stream has room for more.
    Room(SessionId, StreamId),
    /// A task is no longer as it was.
    Task(TaskId),
    /// A topic was published.
    Topics,
}

/// The state, and its waiters. Its lock is never held across a wait.
pub(super) struct Kept {
    pub(super) state: group::Group,
    bounds: group::Bounds,
    waiting: BTreeMap<Matter, Vec<oneshot::Sender<()>>>,
    /// Rises when sessions of this group begin or cease to be interested in a resource.
    interest: watch::Sender<u64>,
    world: Arc<dyn World>,
}

impl Kept {
    /// An empty group.
    pub(super) fn new(bounds: group::Bounds, interest: watch::Sender<u64>, world: Arc<dyn World>) -> Self {
        Self { state: group::Group::new(bounds.clone()), bounds, waiting: BTreeMap::new(), interest, world }
    }

    /// Waits until something becomes of a matter: the receiver ends then, with or without a value.
    pub(super) fn wait(&mut self, matter: Matter) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let waiters = self.waiting.entry(matter).or_default();
        // Whoever went away is let go of by those who come: a stream has one reader, a task a few watchers.
        waiters.retain(|waiter| !waiter.is_closed());
        waiters.push(sender);
        receiver
    }

    /// Wakes whoever waits for a matter.
    pub(super) fn wake(&mut self, matter: Matter) {
        // Dropping a sender wakes its receiver.
        drop(self.waiting.remove(&matter));
    }

    /// Wakes everybody: this replica no longer answers for the group, or not for all of it.
    pub(super) fn wake_all(&mut self) {
        self.waiting.clear();
    }

    fn tell(&mut self) {
        while let Some(change) = self.state.poll_change() {
            match change {
                Change::StreamChanged(session, stream) => self.wake(Matter::Stream(session, stream)),
                Change::SessionEnded { id: session, .. } => {
                    let streams =
                        Matter::Stream(session, StreamId(0))..=Matter::Stream(session, StreamId(u64::MAX));
                    let rooms =
                        Matter::Room(session, StreamId(0))..=Matter::Room(session, StreamId(u64::MAX));
                    let over: Vec<Matter> = self
                        .waiting
                        .range(streams)
                        .chain(self.waiting.range(rooms))
                        .map(|(matter, _)| *matter)
                        .collect();
                    over.into_iter().for_each(|matter| self.wake(matter));
                }
                Change::Task(change) => self.wake(Matter::Task(change.id)),
                Change::InterestGained(_) | Change::InterestLost(_) => {
                    self.interest.send_modify(|version| *version += 1);
                }
                // Whoever waits for what is gone must look elsewhere; the others look, and wait on.
                Change::Parted => self.wake_all(),
                Change::SessionOpened(_) | Change::SessionChanged(_) => {}
            }
        }
    }
}

impl Machine for Kept {
    fn apply(&mut self, _at: At, command: &Bytes) -> Bytes {
        let before = self.state.repeats();
        let reply = match Entry::decode(command) {
            Ok(entry) => self.state.apply(entry),
            // A command of a version that this program does not know cannot be skipped: the replicas would part.
            Err(error) => panic!("a committed command must be readable: {error}"),
        };
        let after = self.state.repeats();
        sometimes!(self.world, after.commands != before.commands, CommandRepeated);
        sometimes!(self.world, after.appends != before.appends, AppendRepeated);
        sometimes!(self.world, matches!(reply, Reply::Refused(Refusal::Abandoned)), GivenUpRefused);
        self.tell();
        reply.encode()
    }

    fn snapshot(&self) -> Vec<u8> {
        self.state.snapshot()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), Corrupt> {
        let restored = group::Group::restore(self.bounds.clone(), bytes);
        self.state = restored.map_err(|error| {
            tracing::error!("a snapshot of a group: {error}");
            Corrupt("not a group of this version")
        })?;
        self.wake_all();
        self.interest.send_modify(|version| *version += 1);
        Ok(())
    }
}
