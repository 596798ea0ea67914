//! The file under a store: redb over the world's disk, and how it comes into being in one piece.

use std::io;
use std::path::Path;

use redb::backends::InMemoryBackend;
use redb::{Builder, Database, StorageBackend};

use super::transaction;
use crate::env::{Disk, File, OpenMode};

const NAME: &str = "store.redb";
/// A store that is being made. It gets its name once all of it is on the disk.
const NAME_UNFINISHED: &str = "store.new";

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk refused.
    #[error("the disk refused the store: {0}")]
    Disk(#[from] io::Error),
    /// The file is no store, or not whole any more. Its node may come back under a new identity, never with this one and
    /// an empty store.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// A later version of this program wrote the file.
    #[error("the store has format {found}, and this program knows {known}")]
    Format {
        /// The format of the file.
        found: u64,
        /// The last format that this program knows.
        known: u64,
    },
}

impl From<redb::Error> for OpenError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => Self::Disk(error),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// Opens the store in this directory, and makes it first where there is none. Blocks.
pub(super) fn open<D: Disk>(disk: &D, directory: &Path, cache_bytes: usize) -> Result<Database, OpenError> {
    let path = directory.join(NAME);
    let file = match disk.open(&path, OpenMode::Existing) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(disk, directory, cache_bytes)?;
            disk.open(&path, OpenMode::Existing)?
        }
        Err(error) => return Err(error.into()),
    };
    let database = builder(cache_bytes).create_with_backend(Backend(file)).map_err(redb::Error::from)?;
    transaction::check_format(&database)?;
    Ok(database)
}

/// Makes an empty store under another name and renames it: a power loss on the way leaves no store, never half a one.
fn create<D: Disk>(disk: &D, directory: &Path, cache_bytes: usize) -> Result<(), OpenError> {
    disk.create_directory(directory)?;
    let unfinished = directory.join(NAME_UNFINISHED);
    match disk.remove(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let file = disk.open(&unfinished, OpenMode::CreateNew)?;
    let database = builder(cache_bytes).create_with_backend(Backend(file)).map_err(redb::Error::from)?;
    transaction::create_tables(&database)?;
    drop(database);
    disk.open(&unfinished, OpenMode::Existing)?.sync()?;
    disk.rename(&unfinished, &directory.join(NAME))?;
    disk.sync_directory(directory)?;
    Ok(())
}

/// A store that is gone with its last handle.
pub(super) fn in_memory(cache_bytes: usize) -> Result<Database, OpenError> {
    let backend = InMemoryBackend::new();
    let database = builder(cache_bytes).create_with_backend(backend).map_err(redb::Error::from)?;
    transaction::create_tables(&database)?;
    Ok(database)
}

fn builder(cache_bytes: usize) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(cache_bytes);
    builder
}

/// redb's view of a file of the world. No locks: the world's disk has none.
struct Backend<F>(F);

impl<F> std::fmt::Debug for Backend<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backend(..)")
    }
}

impl<F: File> StorageBackend for Backend<F> {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }
}
