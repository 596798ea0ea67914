//! The simulated disk as a node holds it: every call is journalled by its host, may be made to fail, and does nothing once
//! the node is dead.

mod host;
mod image;

use std::io;
use std::path::{Component, Path};

use switchboard::env::{Disk, File, OpenMode};

pub use host::DiskOperation;
pub(crate) use host::{Failing, HostDisk};

use crate::entropy::Draws;
use crate::env::SimEnv;
use crate::kernel::here::{enter, try_enter};
use crate::kernel::slab::Key;
use crate::kernel::{Kernel, Work};
use crate::trace::{Mark, digest};

/// The disk of a simulated node.
#[derive(Clone, Copy, Debug)]
pub struct SimDisk(SimEnv);

/// An open file of a simulated node.
#[derive(Debug)]
pub struct SimFile {
    env: SimEnv,
    key: Key,
}

impl Kernel {
    /// One operation: traced, and refused where the node is dead or a fault says so.
    fn on_disk<R>(
        &mut self,
        env: SimEnv,
        operation: DiskOperation,
        content: u64,
        work: impl FnOnce(&mut HostDisk) -> io::Result<R>,
    ) -> io::Result<R> {
        self.check_alive(env)?;
        self.mark(Mark::Disk { node: env.node.trace(), operation: operation as u64, content });
        let disk = &mut self.node_mut(env.node).disk;
        if disk.is_off {
            return Err(io::Error::other("the power is gone"));
        }
        if let Some(fault) = disk.fails(operation) {
            self.touch(fault);
            return Err(io::Error::other("the disk failed this operation"));
        }
        let result = work(disk);
        if operation == DiskOperation::Write
            && let Some(fault) = disk.power_fails()
        {
            self.touch(fault);
            self.work.push_back(Work::LosePower(env.node));
        }
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::StorageFull) {
            let fault = self.node(env.node).disk.capacity_fault;
            self.touch(fault);
        }
        result
    }

    fn disk_and_draws(&mut self, env: SimEnv) -> Option<(&mut HostDisk, &mut Draws)> {
        if !self.is_alive(env.node, env.boot) {
            return None;
        }
        Some((&mut self.nodes[env.node.index()].disk, &mut self.disk_draws))
    }
}

impl SimDisk {
    pub(crate) fn new(env: SimEnv) -> Self {
        Self(env)
    }

    fn run<R>(
        self,
        operation: DiskOperation,
        path: &Path,
        work: impl FnOnce(&mut HostDisk, &str) -> io::Result<R>,
    ) -> io::Result<R> {
        let path = plain(path)?;
        let content = digest(path.as_bytes());
        enter(|kernel| kernel.on_disk(self.0, operation, content, |disk| work(disk, &path)))
    }
}

/// The path without its root and its dots. A path that is not text has no place in a simulation.
pub(crate) fn plain(path: &Path) -> io::Result<String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str().ok_or(io::ErrorKind::InvalidFilename)?),
            Component::ParentDir => {
                parts.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok(parts.join("/"))
}

impl Disk for SimDisk {
    type File = SimFile;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<SimFile> {
        let key = self.run(DiskOperation::Open, path, |disk, path| disk.open(path, mode))?;
        Ok(SimFile { env: self.0, key })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.run(DiskOperation::Rename, path, HostDisk::remove)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let to = plain(to)?;
        self.run(DiskOperation::Rename, from, |disk, from| disk.rename(from, &to))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.run(DiskOperation::Open, path, HostDisk::create_directory)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.run(DiskOperation::Open, path, |disk, path| disk.list(path))
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.run(DiskOperation::SyncDirectory, path, HostDisk::sync_directory)
    }
}

impl SimFile {
    fn run<R>(
        &self,
        operation: DiskOperation,
        content: u64,
        work: impl FnOnce(&mut HostDisk) -> io::Result<R>,
    ) -> io::Result<R> {
        enter(|kernel| kernel.on_disk(self.env, operation, content, work))
    }
}

impl File for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.run(DiskOperation::Read, 0, |disk| disk.len(self.key))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.run(DiskOperation::Read, offset, |disk| disk.read(self.key, offset, buffer))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let content = digest(bytes) ^ offset;
        let result = self.run(DiskOperation::Write, content, |disk| disk.write(self.key, offset, bytes));
        if result.is_err() {
            // A failed write may have written any part of itself.
            enter(|kernel| {
                let Some((disk, draws)) = kernel.disk_and_draws(self.env) else { return };
                let kept = usize::try_from(draws.below(bytes.len() as u64 + 1)).unwrap_or(0);
                let _ = disk.write(self.key, offset, &bytes[..kept]);
            });
        }
        result
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.run(DiskOperation::Write, len, |disk| disk.set_len(self.key, len))
    }

    fn sync(&self) -> io::Result<()> {
        let result = self.run(DiskOperation::Sync, 0, |disk| disk.sync(self.key));
        if result.is_err() {
            enter(|kernel| {
                if let Some((disk, draws)) = kernel.disk_and_draws(self.env) {
                    disk.fail_sync(self.key, draws);
                }
            });
        }
        result
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        try_enter(|kernel| {
            // After a power loss there is nothing to release: the table of open files went with the power.
            if let Some((disk, _)) = kernel.disk_and_draws(self.env) {
                disk.release(self.key);
            }
        });
    }
}
