//! The kernel's disk in a foreign world: the same files, journal and loss of what was not synced.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use switchboard::env::{Disk, File, OpenMode};

use super::life::{Life, lock};
use crate::disk::{HostDisk, plain};
use crate::kernel::slab::Key;

/// The disk of a host, as one process on it sees it. Nothing of it works once the process is dead.
#[derive(Clone)]
pub struct LifeDisk(Arc<Life>);

/// An open file of a process.
pub struct LifeFile {
    life: Arc<Life>,
    key: Key,
}

impl fmt::Debug for LifeDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LifeDisk({})", self.0.host.node)
    }
}

impl fmt::Debug for LifeFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LifeFile({}, {:?})", self.life.host.node, self.key)
    }
}

impl Life {
    fn on_disk<R>(&self, work: impl FnOnce(&mut HostDisk) -> io::Result<R>) -> io::Result<R> {
        self.check_alive()?;
        work(&mut lock(&self.host.held).disk)
    }
}

impl LifeDisk {
    pub(super) fn new(life: &Arc<Life>) -> Self {
        Self(Arc::clone(life))
    }

    fn at<R>(&self, path: &Path, work: impl FnOnce(&mut HostDisk, &str) -> io::Result<R>) -> io::Result<R> {
        let path = plain(path)?;
        self.0.on_disk(|disk| work(disk, &path))
    }
}

impl Disk for LifeDisk {
    type File = LifeFile;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<LifeFile> {
        let key = self.at(path, |disk, path| disk.open(path, mode))?;
        Ok(LifeFile { life: Arc::clone(&self.0), key })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.at(path, HostDisk::remove)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let to = plain(to)?;
        self.at(from, |disk, from| disk.rename(from, &to))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.at(path, HostDisk::create_directory)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.at(path, |disk, path| disk.list(path))
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.at(path, HostDisk::sync_directory)
    }
}

impl File for LifeFile {
    fn len(&self) -> io::Result<u64> {
        self.life.on_disk(|disk| disk.len(self.key))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.life.on_disk(|disk| disk.read(self.key, offset, buffer))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.life.on_disk(|disk| disk.write(self.key, offset, bytes))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.life.on_disk(|disk| disk.set_len(self.key, len))
    }

    fn sync(&self) -> io::Result<()> {
        self.life.on_disk(|disk| disk.sync(self.key))
    }
}

impl Drop for LifeFile {
    fn drop(&mut self) {
        // The files of a dead process were closed with it.
        let _ = self.life.on_disk(|disk| {
            disk.release(self.key);
            Ok(())
        });
    }
}
