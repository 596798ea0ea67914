//! Feeds the machine from the log, and takes and keeps its snapshots.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{Stream, TryStreamExt};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, entry::RaftEntry};

use super::ground::Ground;
use super::log::to_io;
use super::types::{Cover, LogId, Reply, Snapshot, SnapshotMeta, StoredMembers, Types};
use super::{At, Machine};
use crate::event::Event;
use crate::ids::GroupId;
use crate::store::Store;

/// The machine of one group, with how far it has come. The machine itself lives in memory: after a restart it is made
/// again from the snapshot and the log.
pub(super) struct Applier {
    machine: Arc<Mutex<dyn Machine>>,
    applied: Option<LogId>,
    members: StoredMembers,
    shelf: Shelf,
}

/// Where the last snapshot lies.
#[derive(Clone)]
struct Shelf {
    store: Store,
    group: GroupId,
    /// What the newest one covers that was ordered to be written.
    newest: Arc<Mutex<Option<SnapshotMeta>>>,
}

/// A snapshot that was taken and is not written yet.
pub(super) struct Taken {
    shelf: Shelf,
    snapshot: Snapshot,
}

impl Shelf {
    fn newest(&self) -> MutexGuard<'_, Option<SnapshotMeta>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a snapshot durable, unless a newer one is there: one that was received may overtake one that was taken.
    async fn put(&self, meta: &SnapshotMeta, bytes: &Bytes) -> io::Result<()> {
        {
            let mut newest = self.newest();
            if newest.as_ref().is_some_and(|newest| newest.last_log_id >= meta.last_log_id) {
                return Ok(());
            }
            *newest = Some(meta.clone());
        }
        let cover = postcard::to_stdvec(&Cover::from(meta)).expect("plain numbers must encode");
        let mut out = BytesMut::with_capacity(cover.len() + bytes.len());
        out.put_slice(&cover);
        out.put_slice(bytes);
        self.store.put_snapshot(self.group, out.freeze()).await.map_err(to_io)
    }

    async fn get(&self) -> io::Result<Option<Snapshot>> {
        let Some(stored) = self.store.snapshot(self.group).await.map_err(to_io)? else { return Ok(None) };
        let (cover, rest) = postcard::take_from_bytes::<Cover>(&stored)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(Some(Snapshot { meta: cover.into(), snapshot: stored.slice_ref(rest) }))
    }
}

impl Applier {
    /// Around a machine in its first state.
    pub(super) async fn load(
        store: Store,
        group: GroupId,
        machine: Arc<Mutex<dyn Machine>>,
    ) -> io::Result<Self> {
        let shelf = Shelf { store, group, newest: Arc::new(Mutex::new(None)) };
        let newest = shelf.get().await?.map(|snapshot| snapshot.meta);
        *shelf.newest() = newest;
        Ok(Self { machine, applied: None, members: StoredMembers::default(), shelf })
    }

    fn machine(&self) -> MutexGuard<'_, dyn Machine + 'static> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RaftStateMachine<Types> for Applier {
    type SnapshotData = Bytes;
    type SnapshotBuilder = Taken;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembers)> {
        Ok((self.applied, self.members.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + Send,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let id = entry.log_id();
            let reply = match entry.payload {
                EntryPayload::Blank => Bytes::new(),
                EntryPayload::Normal(command) => {
                    let at = At { index: id.index, term: id.leader_id.term, leader: command.leader };
                    let reply = self.machine().apply(at, &command.bytes);
                    Ground::current().record(&Event::EntryTaken(self.shelf.group, id.index, at.term));
                    reply
                }
                EntryPayload::Membership(members) => {
                    self.members = StoredMembers::new(Some(id), members);
                    Bytes::new()
                }
            };
            self.applied = Some(id);
            if let Some(responder) = responder {
                responder.send(Reply(reply));
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Taken {
        let snapshot = Bytes::from(self.machine().snapshot());
        let meta = SnapshotMeta { last_log_id: self.applied, last_membership: self.members.clone() };
        Taken { shelf: self.shelf.clone(), snapshot: Snapshot { meta, snapshot } }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Bytes) -> io::Result<()> {
        // First the machine: what it cannot read must not become what the next start depends on.
        let restored = self.machine().restore(&snapshot);
        restored.map_err(|corrupt| io::Error::new(io::ErrorKind::InvalidData, corrupt))?;
        self.applied = meta.last_log_id;
        self.members = meta.last_membership.clone();
        self.shelf.put(meta, &snapshot).await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        if self.shelf.newest().is_none() {
            return Ok(None);
        }
        self.shelf.get().await
    }
}

impl RaftSnapshotBuilder<Types> for Taken {
    type SnapshotData = Bytes;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        self.shelf.put(&self.snapshot.meta, &self.snapshot.snapshot).await?;
        Ok(self.snapshot.clone())
    }
}
