//! What [planted bugs](crate::probe::Flaw) need that a sound node has not: an owner that is ahead of its group, a follower that
//! serves. A test that has none of them in its world pays for the question alone, and production not even for that.

use std::sync::{Arc, Mutex, MutexGuard};

use super::Inner;
use super::kept::Matter;
use super::owner::{Owner, READ_BYTES_MAX};
use super::wire::{Answer, Ask};
use crate::env::{Env, Instant, flawed};
use crate::group::{Command, Entry, Group, Read, Reply};
use crate::ids::{GroupId, NodeId, SessionId, StreamId};
use crate::task;

/// What a flawed owner is led to believe.
#[derive(Default)]
pub(super) struct Flawed(Mutex<Ahead>);

/// The group as it will be once everything that its owner proposed is committed; if it ever is.
#[derive(Default)]
struct Ahead {
    group: Option<Group>,
    pending: usize,
}

/// A command that the owner is ahead by. Dropped once its fate is known.
pub(super) struct Pending(Arc<Flawed>);

impl Drop for Pending {
    fn drop(&mut self) {
        let mut ahead = self.0.ahead();
        ahead.pending -= 1;
        if ahead.pending == 0 {
            ahead.group = None;
        }
    }
}

impl Flawed {
    fn ahead(&self) -> MutexGuard<'_, Ahead> {
        self.0.lock().expect("what an owner believes must not be poisoned")
    }

    /// Runs ahead of what is `known` by a command.
    fn believe(self: &Arc<Self>, known: &Group, entry: Entry) -> (Reply, Pending) {
        let mut ahead = self.ahead();
        ahead.pending += 1;
        let group = ahead.group.get_or_insert_with(|| known.clone());
        let reply = group.apply(entry);
        while group.poll_change().is_some() {}
        (reply, Pending(self.clone()))
    }
}

impl<E: Env> Owner<E> {
    /// The reply to a command on tasks, before the group has agreed on it.
    pub(super) fn reply_early(&self, entry: &Entry, due: Instant) -> Option<Reply> {
        let Command::Tasks(command) = &entry.command else { return None };
        if flawed!(self.env, DoubleOwner) && is_read(command) {
            return Some(self.kept().state.clone().apply(entry.clone()));
        }
        if !flawed!(self.env, LostCommit) {
            return None;
        }
        let (reply, pending) = self.flawed.believe(&self.kept().state, entry.clone());
        let (group, command) = (self.group.clone(), entry.encode());
        self.env.spawn("early reply", async move {
            // That nobody asks what becomes of it is the bug.
            let _ = group.propose(command, due).await;
            drop(pending);
        });
        Some(reply)
    }

    /// What this replica has of a task, whoever leads.
    pub(super) fn read_as_follower(&self, ask: &Ask) -> Option<Answer> {
        let Ask::Tasks { request, command } = ask else { return None };
        if !flawed!(self.env, FollowerReads) || !is_read(command) {
            return None;
        }
        let command = Command::Tasks(command.clone());
        let entry = Entry { now_ms: self.env.wall().unix_ms(), request: *request, command };
        match self.kept().state.clone().apply(entry) {
            Reply::Tasks(reply) => Some(Answer::Tasks(reply)),
            _ => None,
        }
    }

    /// Lets readers of streams see a command before it is proposed, until its fate is known.
    pub(super) fn show_early(&self, entry: &Entry) -> Option<Pending> {
        if !flawed!(self.env, EarlyEvents) {
            return None;
        }
        let mut kept = self.kept();
        let (_, pending) = self.flawed.believe(&kept.state, entry.clone());
        if let Command::Append { id, stream, .. } = &entry.command {
            kept.wake(Matter::Stream(*id, *stream));
        }
        Some(pending)
    }

    /// What a reader of a stream is given, while there is something that it is not to see yet.
    pub(super) fn read_early(&self, id: SessionId, stream: StreamId, after: u64) -> Option<Read> {
        if !flawed!(self.env, EarlyEvents) {
            return None;
        }
        self.flawed.ahead().group.as_ref().map(|group| group.read(id, stream, after, READ_BYTES_MAX))
    }
}

const fn is_read(command: &task::Command) -> bool {
    use task::{Action, Command};
    matches!(command, Command::List { .. } | Command::On { action: Action::Get, .. })
}

impl<E: Env> Inner<E> {
    /// This node, where it holds a replica of a group and reads from that.
    pub(super) fn reads_here(&self, group: GroupId, ask: &Ask) -> Option<NodeId> {
        let is_read = matches!(ask, Ask::Tasks { command, .. } if is_read(command));
        let reads = flawed!(self.env, FollowerReads) && is_read && self.owner(group).is_some();
        reads.then_some(self.me.node)
    }

    /// An ask whose outcome was unknown is put again. True where it is another one then.
    pub(super) fn ask_again(&self, ask: &mut Ask) -> bool {
        let Ask::Tasks { request, .. } = ask else { return false };
        let forgets = flawed!(self.env, ForgottenRequest);
        if forgets {
            *request = self.request_id();
        }
        forgets
    }
}
