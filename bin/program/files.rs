//! What the program asks of the file system: enough open files (every connection is one, and shells hand out 1,024), and
//! a state directory that nobody else reads.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use rlimit::Resource;
use switchboard::limits::Limits;

/// What the process opens beside client connections: listeners, keys, timers, the operator's port, spare ones for a burst.
const OTHER_FILES: u64 = 64;

/// Raises the soft limit to the hard one, which needs no privilege, and returns it. Where that cannot be done the soft
/// limit stays as it is; `None` where the system does not tell.
pub(super) fn raise_limit() -> Option<u64> {
    let (soft, hard) = Resource::NOFILE.get().ok()?;
    match Resource::NOFILE.set(hard, hard) {
        Ok(()) => Some(hard),
        Err(_) => Some(soft),
    }
}

/// Warns where the node promises more connections than it can have files for.
pub(super) fn warn_of_too_few(limits: &Limits, files: Option<u64>) {
    let Some(files) = files else { return };
    let promised = u64::try_from(limits.connections_max).unwrap_or(u64::MAX);
    if promised.saturating_add(OTHER_FILES) > files {
        tracing::warn!(
            "limits.connections_max is {promised}, but this process may open {files} files: connections beyond that \
             will wait unanswered. Raise the hard limit (ulimit -Hn, LimitNOFILE=) or lower connections_max"
        );
    }
}

/// Makes the state directory where there is none, closed to others, for it holds keys in the clear. One that is there is
/// left as it is: whoever opened it may have had a reason, and is warned.
pub(super) fn keep_private(directory: &Path) -> io::Result<()> {
    match fs::metadata(directory) {
        Ok(found) => {
            let mode = found.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                tracing::warn!(
                    "the state directory {0} holds keys and is open to others (mode {mode:o}): chmod 700 {0}",
                    directory.display()
                );
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)
        }
        Err(error) => Err(error),
    }
}
