//! Files of the operating system, with positioned reads and writes. Calls block; the caller makes them inside
//! [`Env::blocking`](switchboard::env::Env::blocking).

use std::fs::{self, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt as _};
use std::path::Path;

use switchboard::env::{Disk, File, OpenMode};

/// The file system, as it is mounted.
#[derive(Clone, Copy, Debug)]
pub struct OsDisk;

impl Disk for OsDisk {
    type File = OsFile;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<OsFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        match mode {
            OpenMode::Existing => {}
            OpenMode::CreateIfMissing => {
                options.create(true).truncate(false);
            }
            OpenMode::CreateNew => {
                options.create_new(true);
            }
        }
        // For this user to read and for one opener to have: two nodes that wrote one file would spoil it.
        let file = options.mode(0o600).open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::new(
                io::ErrorKind::ResourceBusy,
                format!("{} is in use, mostly by another node that runs on the same state", path.display()),
            ),
            TryLockError::Error(error) => error,
        })?;
        Ok(OsFile(file))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    /// A name that is not UTF-8 is `InvalidData`: the node has not written it, and to skip it could hide a mistake.
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name().into_string().map_err(|name| {
                io::Error::new(io::ErrorKind::InvalidData, format!("file name {name:?} is not UTF-8"))
            })?;
            names.push(name);
        }
        names.sort_unstable();
        Ok(names)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }
}

/// An open file, locked until it is dropped.
#[derive(Debug)]
pub struct OsFile(fs::File);

impl Drop for OsFile {
    /// To close it would do, were there no child processes: one that is being started holds a copy of each descriptor
    /// until it is itself (`execve(2)` closes them), and with it the lock (`flock(2)`). A node that starts again while
    /// a program is launched elsewhere in the process would find its own files taken.
    fn drop(&mut self) {
        // What cannot be unlocked is unlocked by the last close.
        let _ = self.0.unlock();
    }
}

impl File for OsFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        // fdatasync: the bytes and the length, without the price of a journal commit for the time stamps.
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_dropped_is_free_although_a_child_that_is_being_started_has_a_copy() {
        let path = std::env::temp_dir().join(format!("switchboard-lock-{}", std::process::id()));
        let file = OsDisk.open(&path, OpenMode::CreateIfMissing).expect("creates");
        let copy = file.0.try_clone().expect("shares what was opened, as a fork does");
        drop(file);
        let again = OsDisk.open(&path, OpenMode::Existing).map(drop);
        drop(copy);
        fs::remove_file(&path).expect("removes");
        again.expect("nobody has it");
    }
}
