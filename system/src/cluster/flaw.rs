//! Planted bugs: what the simulator must find. Its checkers and scenarios count only because they are seen to find these,
//! each a mistake of the kind that makes a cluster lie to its clients, at one or two places of a node.
//!
//! Only code can switch one on, so no file and no command line of a server does. Without one, an owner looks once for each
//! command and each read that there is none.

use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use super::kept::Matter;
use super::owner::{Owner, READ_BYTES_MAX};
use crate::env::{Env, Instant};
use crate::group::{Command, Entry, Group, Read, Reply};
use crate::ids::{SessionId, StreamId};
use crate::task;

/// A bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// A double owner: who believes to lead answers what is read without asking whether that is still so.
    DoubleOwner,
    /// A lost commit: what is done to a task is acknowledged before a majority has it.
    LostCommit,
    /// Delivery before commit: readers are given events that no majority has yet.
    EarlyEvents,
    /// A lost write: a replica says that it has what is not on its disk yet.
    Unwritten,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::DoubleOwner, Self::LostCommit, Self::EarlyEvents, Self::Unwritten];

    /// Its name on the simulator's command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DoubleOwner => "double_owner",
            Self::LostCommit => "lost_commit",
            Self::EarlyEvents => "early_events",
            Self::Unwritten => "unwritten",
        }
    }
}

/// An owner's flaw, and what it is led to believe.
pub(super) struct Flawed {
    flaw: Flaw,
    ahead: Mutex<Ahead>,
}

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
    pub(super) fn new(flaw: Flaw) -> Arc<Self> {
        Arc::new(Self { flaw, ahead: Mutex::default() })
    }

    fn ahead(&self) -> MutexGuard<'_, Ahead> {
        self.ahead.lock().expect("what an owner believes must not be poisoned")
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
    /// Whether it has this flaw.
    pub(super) fn has(&self, flaw: Flaw) -> bool {
        self.flawed.as_ref().is_some_and(|flawed| flawed.flaw == flaw)
    }

    /// The reply to a command on tasks, before the group has agreed on it.
    pub(super) fn reply_early(&self, entry: &Entry, due: Instant) -> Option<Reply> {
        let flawed = self.flawed.as_ref()?;
        let Command::Tasks(command) = &entry.command else { return None };
        match flawed.flaw {
            Flaw::DoubleOwner if is_read(command) => Some(self.kept().state.clone().apply(entry.clone())),
            Flaw::LostCommit => {
                let (reply, pending) = flawed.believe(&self.kept().state, entry.clone());
                let (group, command) = (self.group.clone(), entry.encode());
                self.env.spawn("early reply", async move {
                    // That nobody asks what becomes of it is the bug.
                    let _ = group.propose(command, due).await;
                    drop(pending);
                });
                Some(reply)
            }
            _ => None,
        }
    }

    /// Lets readers of streams see a command before it is proposed, until its fate is known.
    pub(super) fn show_early(&self, entry: &Entry) -> Option<Pending> {
        let flawed = self.flawed.as_ref().filter(|flawed| flawed.flaw == Flaw::EarlyEvents)?;
        let mut kept = self.kept();
        let (_, pending) = flawed.believe(&kept.state, entry.clone());
        if let Command::Append { id, stream, .. } = &entry.command {
            kept.wake(Matter::Stream(*id, *stream));
        }
        Some(pending)
    }

    /// What a reader of a stream is given, while there is something that it is not to see yet.
    pub(super) fn read_early(&self, id: SessionId, stream: StreamId, after: u64) -> Option<Read> {
        let flawed = self.flawed.as_ref().filter(|flawed| flawed.flaw == Flaw::EarlyEvents)?;
        flawed.ahead().group.as_ref().map(|group| group.read(id, stream, after, READ_BYTES_MAX))
    }
}

const fn is_read(command: &task::Command) -> bool {
    use task::{Action, Command};
    matches!(command, Command::List { .. } | Command::On { action: Action::Get, .. })
}
