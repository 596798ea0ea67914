//! Which code this is.

use std::process::Command;
use std::sync::OnceLock;

/// The sources that a run is made of.
const SOURCES: [&str; 5] = [":/system", ":/sim", ":/scenarios", ":/bin", ":/Cargo.lock"];

/// The commit that the working directory is at, and whether anything that a run is made of was changed since: as it is when
/// this is first asked, which is what `cargo sim` has just built. `None` outside of a repository.
pub(crate) fn commit() -> Option<&'static str> {
    static COMMIT: OnceLock<Option<String>> = OnceLock::new();
    COMMIT.get_or_init(look).as_deref()
}

fn look() -> Option<String> {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    let status = [&["status", "--porcelain", "--"], &SOURCES[..]].concat();
    match git(&status) {
        Some(changed) if changed.is_empty() => Some(commit),
        _ => Some(format!("{commit}-dirty")),
    }
}
