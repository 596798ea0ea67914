//! A case, written to its file.

use std::path::{Path, PathBuf};

use switchboard_sim::scenario::Case;

/// Writes a case to a file, which at any time holds the whole of this one or of the one before.
///
/// # Errors
/// Why it cannot be written, in words.
pub(crate) fn keep(case: &Case, file: &Path) -> Result<(), String> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let kept = std::fs::write(&beside, case.write()).and_then(|()| std::fs::rename(&beside, file));
    kept.map_err(|error| format!("{}: {error}", file.display()))
}
