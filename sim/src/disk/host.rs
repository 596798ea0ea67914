//! The disk of one host: what its files hold now, what of it is durable, and the journal in between.
//!
//! A killed process loses nothing that it wrote: the host's cache outlives it. A power loss leaves of the journal a
//! seeded subset of the writes, each whole, torn at a sector or gone, and of the renames and removals a seeded prefix.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use switchboard::env::OpenMode;

use crate::disk::image::Image;
use crate::entropy::Draws;
use crate::kernel::slab::{Key, Slab};

/// What survives a power loss in one piece.
const SECTOR_BYTES: u64 = 512;

/// A kind of disk operation, for faults that pick one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum DiskOperation {
    /// Opening, listing, creating directories.
    Open,
    /// Reading, and asking for the length.
    Read,
    /// Writing, and setting the length.
    Write,
    /// Syncing a file.
    Sync,
    /// Removing and renaming.
    Rename,
    /// Syncing a directory.
    SyncDirectory,
}

/// Disk operations that will fail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failing {
    pub(crate) only: Option<DiskOperation>,
    /// So many of the kind still succeed.
    pub(crate) after: u64,
    /// So many fail then.
    pub(crate) count: u64,
    pub(crate) fault: usize,
}

enum Write {
    Bytes(u64, Bytes),
    Length(u64),
}

#[derive(Default)]
pub(crate) struct Inode {
    live: Image,
    durable: Image,
    pending: Vec<Write>,
    handles: u32,
}

#[derive(Clone)]
enum Naming {
    Bind(String, Key),
    Unbind(String),
    Rename(String, String),
}

pub(crate) struct HostDisk {
    inodes: Slab<Inode>,
    names: BTreeMap<String, Key>,
    durable_names: BTreeMap<String, Key>,
    pending_names: Vec<Naming>,
    directories: BTreeSet<String>,
    /// All files together may hold so much.
    pub(crate) capacity_bytes: Option<u64>,
    /// Which fault limited the capacity.
    pub(crate) capacity_fault: usize,
    pub(crate) failing: Vec<Failing>,
    /// After how many writes the power fails, and by which fault.
    pub(crate) failing_power: Option<(u64, usize)>,
    /// The power failed in the middle of what is being done: nothing more is.
    pub(crate) is_off: bool,
}

impl HostDisk {
    pub(crate) fn new(world: u32) -> Self {
        Self {
            inodes: Slab::new(world),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending_names: Vec::new(),
            directories: BTreeSet::from([String::new()]),
            capacity_bytes: None,
            capacity_fault: usize::MAX,
            failing: Vec::new(),
            failing_power: None,
            is_off: false,
        }
    }

    /// How many files there are.
    pub(crate) fn files_len(&self) -> usize {
        self.names.len()
    }

    /// A write was handed to the disk: the fault by which the power fails now, if it does.
    pub(crate) fn power_fails(&mut self) -> Option<usize> {
        match &mut self.failing_power {
            Some((0, fault)) => {
                let fault = *fault;
                (self.failing_power, self.is_off) = (None, true);
                Some(fault)
            }
            Some((after, _)) => {
                *after -= 1;
                None
            }
            None => None,
        }
    }

    /// The fault that makes this operation fail, if one does.
    pub(crate) fn fails(&mut self, operation: DiskOperation) -> Option<usize> {
        let mut hit = None;
        for failing in &mut self.failing {
            if failing.only.is_some_and(|only| only != operation) {
                continue;
            }
            if failing.after > 0 {
                failing.after -= 1;
            } else if failing.count > 0 {
                failing.count -= 1;
                hit = Some(failing.fault);
            }
        }
        self.failing.retain(|failing| failing.count > 0);
        hit
    }

    pub(crate) fn open(&mut self, path: &str, mode: OpenMode) -> io::Result<Key> {
        let key = match (self.names.get(path).copied(), mode) {
            (Some(_), OpenMode::CreateNew) => return Err(ErrorKind::AlreadyExists.into()),
            (Some(key), _) => key,
            (None, OpenMode::Existing) => return Err(ErrorKind::NotFound.into()),
            (None, _) => {
                if self.directories.contains(path) {
                    return Err(ErrorKind::IsADirectory.into());
                }
                self.check_parent(path)?;
                let key = self.inodes.insert(Inode::default());
                self.change_names(Naming::Bind(path.to_owned(), key));
                key
            }
        };
        self.inode(key)?.handles += 1;
        Ok(key)
    }

    fn check_parent(&self, path: &str) -> io::Result<()> {
        if self.directories.contains(parent(path)) { Ok(()) } else { Err(ErrorKind::NotFound.into()) }
    }

    pub(crate) fn release(&mut self, key: Key) {
        if let Ok(inode) = self.inode(key) {
            inode.handles = inode.handles.saturating_sub(1);
            self.forget_unreachable(key);
        }
    }

    pub(crate) fn remove(&mut self, path: &str) -> io::Result<()> {
        let key = *self.names.get(path).ok_or(ErrorKind::NotFound)?;
        self.change_names(Naming::Unbind(path.to_owned()));
        self.forget_unreachable(key);
        Ok(())
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.names.get(from).ok_or(ErrorKind::NotFound)?;
        self.check_parent(to)?;
        self.change_names(Naming::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    /// Directories are durable at once: no engine here depends on losing one.
    pub(crate) fn create_directory(&mut self, path: &str) -> io::Result<()> {
        let mut at = path;
        while !at.is_empty() {
            if self.names.contains_key(at) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            self.directories.insert(at.to_owned());
            at = parent(at);
        }
        Ok(())
    }

    pub(crate) fn list(&self, path: &str) -> io::Result<Vec<String>> {
        if !self.directories.contains(path) {
            return Err(ErrorKind::NotFound.into());
        }
        let children = self.names.keys().chain(&self.directories);
        let names = children.filter(|child| !child.is_empty() && parent(child) == path);
        let mut names: Vec<_> =
            names.map(|child| child.rsplit('/').next().unwrap_or(child).to_owned()).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Everything up to the last change in this directory becomes durable, as in an ordered journal.
    pub(crate) fn sync_directory(&mut self, path: &str) -> io::Result<()> {
        if !self.directories.contains(path) {
            return Err(ErrorKind::NotFound.into());
        }
        let is_in = |naming: &Naming| match naming {
            Naming::Bind(name, _) | Naming::Unbind(name) => parent(name) == path,
            Naming::Rename(from, to) => parent(from) == path || parent(to) == path,
        };
        let count = self.pending_names.iter().rposition(is_in).map_or(0, |last| last + 1);
        self.make_names_durable(count);
        Ok(())
    }

    fn make_names_durable(&mut self, count: usize) {
        for naming in self.pending_names.drain(..count) {
            apply(&mut self.durable_names, naming);
        }
    }

    fn change_names(&mut self, naming: Naming) {
        apply(&mut self.names, naming.clone());
        self.pending_names.push(naming);
    }

    fn inode(&mut self, key: Key) -> io::Result<&mut Inode> {
        self.inodes.get_mut(key).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn forget_unreachable(&mut self, key: Key) {
        let is_held = self.inodes.get(key).is_some_and(|inode| inode.handles > 0);
        let is_pending =
            self.pending_names.iter().any(|naming| matches!(naming, Naming::Bind(_, bound) if *bound == key));
        let is_named = self.names.values().chain(self.durable_names.values()).any(|named| *named == key);
        if !is_held && !is_pending && !is_named {
            self.inodes.remove(key);
        }
    }

    pub(crate) fn len(&mut self, key: Key) -> io::Result<u64> {
        Ok(self.inode(key)?.live.len())
    }

    pub(crate) fn read(&mut self, key: Key, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inode(key)?.live.read(offset, out)
    }

    /// Writes; `StorageFull` where the files would grow past the capacity, with nothing written.
    pub(crate) fn write(&mut self, key: Key, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let end = offset.checked_add(bytes.len() as u64).ok_or(ErrorKind::InvalidInput)?;
        self.check_room(key, end)?;
        let inode = self.inode(key)?;
        inode.live.write(offset, bytes);
        inode.pending.push(Write::Bytes(offset, Bytes::copy_from_slice(bytes)));
        Ok(())
    }

    pub(crate) fn set_len(&mut self, key: Key, len: u64) -> io::Result<()> {
        self.check_room(key, len)?;
        let inode = self.inode(key)?;
        inode.live.set_len(len);
        inode.pending.push(Write::Length(len));
        Ok(())
    }

    fn check_room(&mut self, key: Key, end: u64) -> io::Result<()> {
        let Some(capacity) = self.capacity_bytes else { return Ok(()) };
        let old = self.inode(key)?.live.len();
        let used: u64 = self.inodes.iter().map(|(_, inode)| inode.live.len()).sum();
        if end > old && used - old + end > capacity { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    pub(crate) fn sync(&mut self, key: Key) -> io::Result<()> {
        let Inode { live, durable, pending, .. } = self.inode(key)?;
        for write in pending.drain(..) {
            match write {
                Write::Bytes(offset, bytes) => durable.take(live, offset, bytes.len()),
                Write::Length(len) => durable.set_len(len),
            }
        }
        Ok(())
    }

    /// A sync that fails: some of what was written becomes durable and the rest is forgotten, so that a second sync does
    /// not bring it back. Reads go on to show it.
    pub(crate) fn fail_sync(&mut self, key: Key, draws: &mut Draws) {
        if let Ok(inode) = self.inode(key) {
            inode.settle(draws);
        }
    }

    /// The process is gone and its open files with it; what it wrote stays. Touches nothing.
    pub(crate) fn close_all(&mut self) -> u64 {
        let keys: Vec<_> = self.inodes.iter().map(|(key, _)| key).collect();
        for key in keys {
            if let Some(inode) = self.inodes.get_mut(key) {
                inode.handles = 0;
            }
            self.forget_unreachable(key);
        }
        0
    }

    /// The power is gone. Returns how many unsynced changes were at stake.
    pub(crate) fn lose_power(&mut self, draws: &mut Draws) -> u64 {
        (self.failing_power, self.is_off) = (None, false);
        let mut at_stake = self.pending_names.len() as u64;
        let kept = usize::try_from(draws.below(at_stake + 1)).unwrap_or(0);
        self.make_names_durable(kept);
        self.pending_names.clear();
        self.names = self.durable_names.clone();
        let keys: Vec<_> = self.inodes.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Some(inode) = self.inodes.get_mut(key) else { continue };
            at_stake += inode.pending.len() as u64;
            inode.settle(draws);
            inode.live = inode.durable.clone();
            // Handles of the dead boot are not released one by one: their file table is gone.
            inode.handles = 0;
            self.forget_unreachable(key);
        }
        at_stake
    }

    /// Turns one durable byte over. False where the file does not reach so far.
    pub(crate) fn corrupt(&mut self, path: &str, offset: u64) -> bool {
        let Some(inode) = self.names.get(path).and_then(|key| self.inodes.get_mut(*key)) else {
            return false;
        };
        let mut byte = [0];
        if inode.durable.read(offset, &mut byte).is_err() {
            return false;
        }
        inode.durable.write(offset, &[!byte[0]]);
        if inode.live.read(offset, &mut byte).is_ok() {
            inode.live.write(offset, &[!byte[0]]);
        }
        true
    }
}

impl Inode {
    /// Each pending write survives whole, up to a sector, or not at all.
    fn settle(&mut self, draws: &mut Draws) {
        for write in self.pending.drain(..) {
            match (draws.below(3), write) {
                (0, _) => {}
                (1, Write::Bytes(offset, bytes)) => {
                    let sectors = (bytes.len() as u64).div_ceil(SECTOR_BYTES);
                    let kept = (draws.below(sectors + 1) * SECTOR_BYTES).min(bytes.len() as u64);
                    let kept = usize::try_from(kept).unwrap_or(bytes.len());
                    if kept > 0 {
                        self.durable.write(offset, &bytes[..kept]);
                    }
                }
                (_, Write::Bytes(offset, bytes)) => self.durable.write(offset, &bytes),
                (_, Write::Length(len)) => self.durable.set_len(len),
            }
        }
    }
}

fn apply(names: &mut BTreeMap<String, Key>, naming: Naming) {
    match naming {
        Naming::Bind(name, key) => {
            names.insert(name, key);
        }
        Naming::Unbind(name) => {
            names.remove(&name);
        }
        Naming::Rename(from, to) => {
            if let Some(key) = names.remove(&from) {
                names.insert(to, key);
            }
        }
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
