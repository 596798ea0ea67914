//! The store of a node: one file, in which all of its consensus groups keep their logs, votes and snapshots.
//!
//! One writer takes everything that is queued, from all groups, and commits it in **one** durable transaction: a sync
//! costs the same for one entry as for a thousand. Callers are answered in the order in which they asked.
//!
//! What is asked for is visible at once and durable when it is answered: [`read`](Store::read) shows an entry as soon as
//! [`append`](Store::append) has returned, for what is not on the disk yet is still in memory.
//!
//! A write or sync that fails **poisons** the store. Nobody can say what of it is on the disk, so nothing more is
//! written: every later call fails with the first cause, and [`Store::failed`] tells the owner to stop the node. What was
//! acknowledged before is safe; a restart finds it.
//!
//! It knows groups, indices and bytes, nothing of what they mean. It is not for two processes: whoever starts a node must
//! see to it that its directory is not in use.

mod file;
mod log;
mod transaction;
mod writer;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use redb::Database;
use tokio::sync::{Notify, Semaphore};

use crate::env::{Env, World};
use crate::ids::GroupId;

use log::Tail;
use transaction::Write;
use writer::{Order, Queue};

pub use file::OpenError;

/// What a caller is told once its write is on the disk, or never will be.
pub type Done = Box<dyn FnOnce(Result<(), Failed>) + Send>;

/// The bounds of a store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreOptions {
    /// Bytes that may wait for the writer; whoever brings more waits for room.
    pub queue_bytes_max: usize,
    /// Bytes of a group's newest entries that stay in memory after they are on the disk: what replication and the
    /// machine read, in all but a follower's worst hour, without touching the disk.
    pub tail_bytes_max: usize,
    /// Bytes of the file that stay in memory.
    pub cache_bytes_max: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            queue_bytes_max: 16 * 1024 * 1024,
            tail_bytes_max: 64 * 1024,
            cache_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// The store takes nothing more, and why: its first failure, or that it was closed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the store takes nothing more: {0}")]
pub struct Failed(Arc<str>);

/// Whose a small pair is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// The node's own.
    Node,
    /// A group's.
    Group(GroupId),
}

/// The bounds of a group's log: the index of its first entry and the one after its last. Equal when it is empty.
pub type Bounds = Range<u64>;

/// A node's store. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub struct Store(Arc<Handle>);

struct Handle(Arc<Shared>);

struct Shared {
    world: Arc<dyn World>,
    /// In memory alone there is nothing to wait for, and nothing is gained by leaving the event loop.
    is_on_disk: bool,
    options: StoreOptions,
    /// Bytes that the queue has room for.
    room: Arc<Semaphore>,
    /// Wakes the writer.
    work: Notify,
    /// Wakes those who wait for the store's end.
    end: Notify,
    state: Mutex<State>,
}

struct State {
    /// Gone once the store is closed.
    database: Option<Arc<Database>>,
    queue: Queue,
    tails: BTreeMap<GroupId, Tail>,
    failed: Option<Failed>,
    is_closing: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs work on the database where it may block.
    async fn run<R: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Database) -> Result<R, redb::Error> + Send + 'static,
    ) -> Result<R, Failed> {
        let database = {
            let state = self.state();
            match (&state.failed, &state.database) {
                (Some(failed), _) => return Err(failed.clone()),
                (None, Some(database)) => Arc::clone(database),
                (None, None) => return Err(Failed::closed()),
            }
        };
        let result = if self.is_on_disk {
            off_loop(&*self.world, name, move || work(&database)).await
        } else {
            Some(work(&database))
        };
        match result {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(self.fail(&error.to_string())),
            None => Err(self.fail("a panic in the storage engine")),
        }
    }

    /// Poisons the store, where nothing did before. Returns the first cause.
    fn fail(&self, cause: &str) -> Failed {
        let failed = self.state().failed.get_or_insert_with(|| Failed(cause.into())).clone();
        self.end.notify_waiters();
        self.work.notify_one();
        failed
    }
}

impl Failed {
    fn closed() -> Self {
        Self("it is closed".into())
    }
}

/// Runs a closure that blocks, and brings its value back; `None` where it panicked.
async fn off_loop<R: Send + 'static>(
    world: &dyn World,
    name: &'static str,
    work: impl FnOnce() -> R + Send + 'static,
) -> Option<R> {
    let place = Arc::new(Mutex::new(None));
    let result = Arc::clone(&place);
    let work = Box::new(move || {
        let value = work();
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    });
    world.blocking(name, work).await;
    result.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Store {
    /// Opens the store of a node in this directory and makes it where there is none; without a directory, one that lives
    /// in memory and dies with its last handle.
    ///
    /// # Errors
    /// The disk refused, or the file is damaged or of a later version. Nothing was changed in a file that was there.
    pub async fn open<E: Env>(
        env: &E,
        directory: Option<&Path>,
        options: StoreOptions,
    ) -> Result<Self, OpenError> {
        let world: Arc<dyn World> = Arc::new(env.clone());
        let cache = options.cache_bytes_max;
        let database = match directory {
            None => file::in_memory(cache)?,
            Some(directory) => {
                let (disk, directory) = (env.disk(), directory.to_owned());
                off_loop(&*world, "store open", move || file::open(&disk, &directory, cache))
                    .await
                    .unwrap_or_else(|| Err(OpenError::Damaged("the storage engine panicked".to_owned())))?
            }
        };
        let shared = Arc::new(Shared {
            world: Arc::clone(&world),
            is_on_disk: directory.is_some(),
            room: Arc::new(Semaphore::new(options.queue_bytes_max)),
            options,
            work: Notify::new(),
            end: Notify::new(),
            state: Mutex::new(State {
                database: Some(Arc::new(database)),
                queue: Queue::default(),
                tails: BTreeMap::new(),
                failed: None,
                is_closing: false,
            }),
        });
        world.spawn("store writer", Box::pin(writer::run(Arc::clone(&shared))));
        Ok(Self(Arc::new(Handle(shared))))
    }

    /// Reads what a group's log holds, and keeps watch over it from now on. Needed once, before the group's log is used.
    ///
    /// # Errors
    /// The store has [`Failed`].
    pub async fn bounds(&self, group: GroupId) -> Result<Bounds, Failed> {
        if let Some(tail) = self.shared().state().tails.get(&group) {
            return Ok(tail.bounds());
        }
        let bounds = self.shared().run("store bounds", move |database| transaction::bounds(database, group));
        let bounds = bounds.await?;
        let mut state = self.shared().state();
        Ok(state.tails.entry(group).or_insert_with(|| Tail::new(bounds)).bounds())
    }

    /// Appends entries from `first` on, which must be where the log ends. When this returns they are visible; `done` is
    /// called when they are durable.
    ///
    /// # Errors
    /// The store has [`Failed`]: `done` is dropped uncalled, and nothing was appended.
    pub async fn append(
        &self,
        group: GroupId,
        first: u64,
        entries: Vec<Bytes>,
        done: Done,
    ) -> Result<(), Failed> {
        self.order(Write::Append { group, first, entries, era: 0 }, done).await
    }

    /// Removes the entries from `from` on. Durable before anything that is asked later.
    ///
    /// # Errors
    /// The store has [`Failed`].
    pub async fn truncate(&self, group: GroupId, from: u64) -> Result<(), Failed> {
        self.order(Write::Truncate { group, from }, Box::new(drop)).await
    }

    /// Removes the entries below `below`, and lets the log go on from there where it ended before. Durable before
    /// anything that is asked later.
    ///
    /// # Errors
    /// The store has [`Failed`].
    pub async fn purge(&self, group: GroupId, below: u64) -> Result<(), Failed> {
        self.order(Write::Purge { group, below }, Box::new(drop)).await
    }

    /// The entries of a range, as far as the log holds them, from the first that it holds.
    ///
    /// # Errors
    /// The store has [`Failed`].
    pub async fn read(&self, group: GroupId, range: Range<u64>) -> Result<(u64, Vec<Bytes>), Failed> {
        let (cold, warm) = {
            let state = self.shared().state();
            if let Some(failed) = &state.failed {
                return Err(failed.clone());
            }
            let Some(tail) = state.tails.get(&group) else { return Ok((range.start, Vec::new())) };
            tail.read(range)
        };
        if cold.is_empty() {
            return Ok((cold.start, warm));
        }
        let work = move |database: &Database| transaction::read(database, group, cold);
        let (first, mut entries, is_whole) = self.shared().run("store read", work).await?;
        if is_whole {
            entries.extend(warm);
        }
        Ok((first, entries))
    }

    /// Sets a small pair. Returns once it is durable.
    ///
    /// # Errors
    /// The store has [`Failed`]: whether the pair is set is unknown.
    pub async fn put(&self, scope: Scope, key: &'static str, value: Bytes) -> Result<(), Failed> {
        self.ordered(Write::Put { scope, key, value }).await
    }

    /// Sets a small pair whenever something else is written next: for what may be forgotten, and is not worth a sync of
    /// its own. The last value wins.
    pub fn put_lazily(&self, scope: Scope, key: &'static str, value: Bytes) {
        self.shared().state().queue.lazy.insert((scope, key), value);
    }

    /// A small pair, as of the last commit.
    ///
    /// # Errors
    /// The store has [`Failed`].
    pub async fn get(&self, scope: Scope, key: &'static str) -> Result<Option<Bytes>, Failed> {
        self.shared().run("store get", move |database| transaction::get(database, scope, key)).await
    }

    /// Replaces the snapshot of a group. Returns once it is durable.
    ///
    /// # Errors
    /// The store has [`Failed`]: which snapshot a restart will find is unknown, but it will be whole.
    pub async fn put_snapshot(&self, group: GroupId, snapshot: Bytes) -> Result<(), Failed> {
        self.ordered(Write::Snapshot { group, snapshot }).await
    }

    /// The snapshot of a group.
    ///
    /// # Errors
    /// The store has [`Failed`].
    pub async fn snapshot(&self, group: GroupId) -> Result<Option<Bytes>, Failed> {
        self.shared().run("store snapshot", move |database| transaction::snapshot(database, group)).await
    }

    /// Removes everything of a group. Only for a node that no longer is its member: a voter that comes back with an
    /// empty log can undo what it helped to commit.
    ///
    /// # Errors
    /// The store has [`Failed`]: what is left of the group is unknown.
    pub async fn forget(&self, group: GroupId) -> Result<(), Failed> {
        self.ordered(Write::Forget { group }).await
    }

    /// Waits until the store has failed or was closed, and says why. The owner must stop the node then.
    pub async fn failed(&self) -> Failed {
        loop {
            let mut end = pin!(self.shared().end.notified());
            end.as_mut().enable();
            if let Some(failed) = self.shared().state().failed.clone() {
                return failed;
            }
            end.await;
        }
    }

    /// Writes what is queued and closes the file in order, so that the next start needs no repair. Returns once it is
    /// closed; later calls fail.
    pub async fn close(&self) {
        self.shared().close();
        self.failed().await;
    }

    fn shared(&self) -> &Shared {
        &self.0.0
    }

    /// Puts a write in the queue once there is room for it. It is visible from then on.
    async fn order(&self, write: Write, done: Done) -> Result<(), Failed> {
        let shared = self.shared();
        let weight = write.weight().min(shared.options.queue_bytes_max);
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        let room = Arc::clone(&shared.room).acquire_many_owned(weight).await;
        let room = room.expect("the queue's semaphore must stay open");
        {
            let mut state = shared.state();
            if let Some(failed) = &state.failed {
                return Err(failed.clone());
            }
            if state.is_closing {
                return Err(Failed::closed());
            }
            let write = write.show(&mut state.tails);
            state.queue.orders.push(Order { write, done, room });
        }
        shared.work.notify_one();
        Ok(())
    }

    /// The same, and waits until it is durable.
    async fn ordered(&self, write: Write) -> Result<(), Failed> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let done = Box::new(move |result| {
            // Nobody waits any more: the write stands all the same.
            let _ = sender.send(result);
        });
        self.order(write, done).await?;
        receiver.await.unwrap_or_else(|_| Err(Failed::closed()))
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(..)")
    }
}

impl Shared {
    fn close(&self) {
        self.state().is_closing = true;
        self.work.notify_one();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}
