//! Keys on disk. Even a node that is alone keeps them: a restart must not make every id in the world unreadable.

use std::io;
use std::path::{Path, PathBuf};

use super::{Keys, Ring, RingError};
use crate::env::{Disk, Entropy, File, OpenMode};

/// Longer than any key file; a longer file is not read.
const FILE_LEN_MAX: u64 = 4096;

/// Why the keys could not be had. The file, if there was one, was not touched.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file is there but is not a whole key file. An operator must restore it from a copy, or remove it and so
    /// end every session and task whose id was sealed with it.
    #[error("{path}: {reason}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: RingError,
    },
    /// The disk refused. A new key file is complete or absent, never half written; the node must not go on without.
    #[error("{path}: cannot {act}: {error}")]
    Disk {
        /// Which file.
        path: PathBuf,
        /// What was tried.
        act: &'static str,
        /// What the disk said.
        error: io::Error,
    },
}

impl Keys {
    /// Reads the keys from a file, or makes a first key and writes it. Blocks: call it inside of `Env::blocking`.
    ///
    /// The keys are durable when this returns, so no id is ever handed out that a restart cannot open. The file holds
    /// secrets in the clear: its directory must be closed to others (mode 0700), for [`Disk`] knows no modes of files.
    ///
    /// # Errors
    /// [`KeyFileError`]; a file that cannot be read whole is an error and is never written over.
    pub fn load_or_create(disk: &impl Disk, path: &Path, mut entropy: Entropy) -> Result<Self, KeyFileError> {
        let fail = |act| move |error| KeyFileError::Disk { path: path.to_owned(), act, error };
        let ring = match disk.open(path, OpenMode::Existing) {
            Ok(file) => {
                let len = file.len().map_err(fail("read"))?;
                let mut bytes =
                    vec![0; usize::try_from(len.min(FILE_LEN_MAX)).expect("a small length must fit")];
                file.read_at(0, &mut bytes).map_err(fail("read"))?;
                let unreadable = |reason| KeyFileError::Unreadable { path: path.to_owned(), reason };
                let ring = Ring::decode(&bytes).map_err(unreadable)?;
                // A crash between rename and directory sync may have left the name undurable: once more costs nothing.
                disk.sync_directory(directory(path)).map_err(fail("sync the directory of"))?;
                ring
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let ring = Ring::generate(&mut entropy);
                write(disk, path, &ring)?;
                ring
            }
            Err(error) => return Err(fail("open")(error)),
        };
        Ok(Self::new(ring, entropy))
    }

    /// Writes the keys to a file, over what is there. Blocks. They are durable when this returns.
    ///
    /// # Errors
    /// [`KeyFileError::Disk`]; the file then holds the old keys or the new ones, whole.
    pub fn save(&self, disk: &impl Disk, path: &Path) -> Result<(), KeyFileError> {
        write(disk, path, &self.ring())
    }
}

/// A file beside it, synced, then renamed over it, then the directory synced: at no moment is there half a file.
fn write(disk: &impl Disk, path: &Path, ring: &Ring) -> Result<(), KeyFileError> {
    let fail = |act| move |error| KeyFileError::Disk { path: path.to_owned(), act, error };
    let directory = directory(path);
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = Path::new(&new);

    disk.create_directory(directory).map_err(fail("create the directory of"))?;
    let file = disk.open(new, OpenMode::CreateIfMissing).map_err(fail("create"))?;
    // A crash may have left a longer one.
    file.set_len(0).map_err(fail("write"))?;
    file.write_at(0, &ring.encode()).map_err(fail("write"))?;
    file.sync().map_err(fail("sync"))?;
    drop(file);
    disk.rename(new, path).map_err(fail("rename"))?;
    disk.sync_directory(directory).map_err(fail("sync the directory of"))
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}
