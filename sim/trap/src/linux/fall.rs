//! What happens to whoever is caught.

use std::backtrace::Backtrace;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use crate::{EXIT_CODE, NO, WATCHED, WHOSE, YES};

/// Whether this thread must not reach for anything real right now.
pub(super) fn is_watched() -> bool {
    WATCHED.with(|watched| watched.load(Ordering::Relaxed)) == YES
}

/// Ends the program: what was reached for, by whom, and from where.
pub(super) fn fall(what: &str) -> ! {
    WATCHED.with(|watched| watched.store(NO, Ordering::Relaxed));
    let whose = WHOSE.get().map_or_else(|| "nobody".to_owned(), |whose| whose());
    let mut text = format!("TRAPPED: {whose} reached for {what}\n");
    let _ = writeln!(text, "  no simulated task may: a run must be a function of its seed");
    let _ = write!(text, "{}", Backtrace::force_capture());
    tell(text.as_bytes());
    // SAFETY: it ends the process and touches nothing of ours; destructors and exit handlers must not run, for this may stand in
    // the middle of anything.
    unsafe { libc::_exit(i32::from(EXIT_CODE)) }
}

/// To standard error itself: what a test harness collects would be lost.
fn tell(mut text: &[u8]) {
    while !text.is_empty() {
        // SAFETY: the pointer and the length are those of a slice that lives.
        let written = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => text = &text[written..],
            _ => return,
        }
    }
}
