//! Files, as a storage engine needs them: positioned reads and writes, length, truncate, sync. Calls block, so they are
//! made inside [`Env::blocking`](crate::env::Env::blocking).

use std::io;
use std::path::Path;

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenMode {
    /// It must exist (`NotFound` otherwise).
    Existing,
    /// Created empty where it does not exist.
    CreateIfMissing,
    /// It must not exist (`AlreadyExists` otherwise).
    CreateNew,
}

/// The disk of one node.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: File;

    /// Opens a file for reading and writing. On a real disk by one opener at a time: `ResourceBusy` for a second one.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Self::File>;

    /// Removes a file. Durable only after [`sync_directory`](Disk::sync_directory).
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Renames a file over another, atomically. Durable only after [`sync_directory`](Disk::sync_directory).
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Creates a directory and its parents; no error where it exists.
    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, in byte order.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Makes creations, removals and renames in a directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// An open file. Shared handles are allowed; positioned calls do not move a cursor.
#[expect(
    clippy::len_without_is_empty,
    reason = "a length that may fail answers the question of emptiness already"
)]
pub trait File: Send + Sync + 'static {
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Fills `buffer` from `offset`; `UnexpectedEof` past the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`, extending the file. After an error any part of it may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts or extends (with zeros) to `len` bytes.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Returns once everything written so far survives a power loss. After an error nothing is known of any of it.
    fn sync(&self) -> io::Result<()>;
}
