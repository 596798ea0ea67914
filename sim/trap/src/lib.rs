//! Traps: while a simulated task is polled, whoever reaches for something real ends the program with a word on what it was, whose
//! task did it and when, and a backtrace. Reality is not emulated here: a real clock that answers with virtual time would hide a
//! leak, and the next way around it would go unseen.
//!
//! Two nets, for neither catches everything:
//!
//! - `calls`: every **system call** of the thread while it is [`inside`]. The kernel hands it to us (Syscall User Dispatch), and it
//!   is carried out unless it is on a short list: randomness (a raw call too, and the device files), threads and processes, waits
//!   in real time, sockets, clocks.
//! - `symbols`: functions of the C library that may answer **without a system call**, out of memory that the kernel shares (the
//!   vDSO): `clock_gettime`, `gettimeofday`, `time`, `getrandom`, `getentropy`; and `pthread_create`, for its backtrace. This crate
//!   defines them, so the linker takes ours; outside of tasks they pass on to the library's own. One reader of the clock is let
//!   through: see `pardon`.
//!
//! A seccomp filter could do the first as well, but it stays on its thread for ever, is inherited by all that the thread starts,
//! and cannot tell a poll from the time between two. Dispatch is switched by one byte of ours, and ends with its [`Armed`].
//!
//! Not seen: code that reads the processor's own counters (`rdtsc`, `rdrand`) or calls into the vDSO by itself, and addresses of
//! memory. Two processes with different layouts, compared by trace hash, are the net for those.
//!
//! All of this is for Linux on x86-64 with glibc. Elsewhere, without the feature `traps`, or in a build with madsim, which takes over
//! the same symbols, every function here does what it says and nothing is watched.
//!
//! This is the only place of the simulator with `unsafe` code.

#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU8, Ordering};

#[cfg(feature = "memory")]
mod memory;
pub mod tally;

#[cfg(feature = "memory")]
pub use memory::Memory;

#[cfg(all(
    feature = "traps",
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    not(target_feature = "crt-static"),
    not(madsim),
    not(miri)
))]
#[path = "linux"]
mod watch {
    pub(crate) mod calls;
    mod fall;
    mod pardon;
    mod symbols;

    pub(crate) use calls::{begin, end};
}

#[cfg(not(all(
    feature = "traps",
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    not(target_feature = "crt-static"),
    not(madsim),
    not(miri)
)))]
mod watch {
    pub(crate) fn begin() {}
    pub(crate) fn end() {}
}

/// What a program ends with that was caught.
pub const EXIT_CODE: u8 = 15;

/// Values of [`WATCHED`], as the kernel knows them.
const NO: u8 = 0;
const YES: u8 = 1;

thread_local! {
    /// Whether what this thread does is watched. The kernel reads it at each system call while the traps are [armed](arm). It has
    /// no destructor, so it stands in the thread's own block for as long as the thread lives.
    static WATCHED: AtomicU8 = const { AtomicU8::new(NO) };
    static WHOSE: Cell<Option<fn() -> String>> = const { Cell::new(None) };
}

/// The traps of a thread are set for as long as this lives.
#[derive(Debug)]
#[must_use]
pub struct Armed(PhantomData<*const ()>);

/// Sets the traps of this thread, once at a time. `whose` says who is at work, for the message of a trap: it may be called at any
/// moment within [`inside`].
///
/// The keys that the standard library's and ahash's maps draw from the system on first use are drawn now: the order inside of such
/// a map is found out by comparing runs, not here.
pub fn arm(whose: fn() -> String) -> Armed {
    draw_keys();
    WHOSE.set(Some(whose));
    watch::begin();
    Armed(PhantomData)
}

impl Drop for Armed {
    fn drop(&mut self) {
        watch::end();
        WHOSE.set(None);
    }
}

/// Draws those keys now. For a simulator in which whoever asks for randomness moves what is drawn next.
pub fn draw_keys() {
    std::hint::black_box(std::hash::RandomState::new());
    #[cfg(feature = "traps")]
    std::hint::black_box(ahash::RandomState::new());
}

/// Runs what must not reach for anything real: a poll or a drop of a simulated task.
pub fn inside<R>(work: impl FnOnce() -> R) -> R {
    watched(YES, work)
}

/// Runs what may, in the middle of a task: what it does must not find its way back into the simulation. For a log, say.
pub fn aside<R>(work: impl FnOnce() -> R) -> R {
    watched(NO, work)
}

fn watched<R>(is_watched: u8, work: impl FnOnce() -> R) -> R {
    struct Restore(u8);
    impl Drop for Restore {
        fn drop(&mut self) {
            WATCHED.with(|watched| watched.store(self.0, Ordering::Relaxed));
        }
    }
    let _restore = Restore(WATCHED.with(|watched| watched.swap(is_watched, Ordering::Relaxed)));
    work()
}
