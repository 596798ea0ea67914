//! stub
use crate::env::SimEnv;
use std::io;
use std::path::Path;
use switchboard::env::{Disk, File, OpenMode};
pub(crate) struct HostDisk;
impl HostDisk {
    pub(crate) fn new(_: u32) -> Self {
        Self
    }
}
/// disk
#[derive(Clone, Copy, Debug)]
pub struct SimDisk(#[allow(dead_code, reason = "stub")] SimEnv);
impl SimDisk {
    pub(crate) fn new(env: SimEnv) -> Self {
        Self(env)
    }
}
/// file
#[derive(Debug)]
pub struct SimFile;
fn no<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}
impl Disk for SimDisk {
    type File = SimFile;
    fn open(&self, _: &Path, _: OpenMode) -> io::Result<SimFile> {
        no()
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        no()
    }
    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        no()
    }
    fn create_directory(&self, _: &Path) -> io::Result<()> {
        no()
    }
    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        no()
    }
    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        no()
    }
}
impl File for SimFile {
    fn len(&self) -> io::Result<u64> {
        no()
    }
    fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
        no()
    }
    fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
        no()
    }
    fn set_len(&self, _: u64) -> io::Result<()> {
        no()
    }
    fn sync(&self) -> io::Result<()> {
        no()
    }
}
