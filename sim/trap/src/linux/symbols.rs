//! Functions of the C library that may answer without a system call, and `pthread_create`, from whose own call no backtrace leads
//! back. The linker takes these instead, for the whole program; while no task of this thread is watched, each passes on to the
//! library's own.

use std::ffi::{CStr, c_int, c_uint, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::fall::{fall, is_watched};
use super::pardon::is_pardoned;

/// The library's own function of this name, looked up once.
struct Next {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
}

impl Next {
    const fn new(name: &'static CStr) -> Self {
        Self { name, found: AtomicPtr::new(null_mut()) }
    }

    fn get(&self) -> *mut c_void {
        let mut found = self.found.load(Ordering::Relaxed);
        if found.is_null() {
            // SAFETY: the name ends with a zero; the lookup starts behind this program, so it does not find us again.
            found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
            if found.is_null() {
                fall("a function that this system does not have");
            }
            self.found.store(found, Ordering::Relaxed);
        }
        found
    }
}

/// Defines a function of the C library: what it is called, its type, what it gives away, and when that is a leak.
macro_rules! intercept {
    ($name:ident, $text:literal, ($($argument:ident: $type:ty),*) -> $result:ty, $what:literal, if $leaks:expr) => {
        /// See the library's own manual page.
        #[unsafe(no_mangle)]
        pub(super) unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            static NEXT: Next = Next::new($text);
            if $leaks {
                fall(concat!($what, ": ", stringify!($name)));
            }
            // SAFETY: this is the library's function of the same name, and the C standard or POSIX gives it this type.
            let next: unsafe extern "C" fn($($type),*) -> $result = unsafe { std::mem::transmute(NEXT.get()) };
            // SAFETY: the caller keeps the promises that the library's function asks for; they are handed on as they came.
            unsafe { next($($argument),*) }
        }
    };
}

intercept!(
    clock_gettime,
    c"clock_gettime",
    (clock: libc::clockid_t, time: *mut libc::timespec) -> c_int,
    "a real clock",
    if is_watched() && !is_pardoned()
);
intercept!(
    gettimeofday,
    c"gettimeofday",
    (time: *mut libc::timeval, zone: *mut c_void) -> c_int,
    "a real clock",
    if is_watched()
);
intercept!(
    time,
    c"time",
    (time: *mut libc::time_t) -> libc::time_t,
    "a real clock",
    if is_watched()
);
intercept!(
    getrandom,
    c"getrandom",
    (buffer: *mut c_void, length: usize, flags: c_uint) -> isize,
    "real randomness",
    if is_watched()
);
intercept!(
    getentropy,
    c"getentropy",
    (buffer: *mut c_void, length: usize) -> c_int,
    "real randomness",
    if is_watched()
);
intercept!(
    pthread_create,
    c"pthread_create",
    (thread: *mut libc::pthread_t, attributes: *const libc::pthread_attr_t, start: Start, argument: *mut c_void) -> c_int,
    "a thread",
    if is_watched()
);

/// What a thread runs.
type Start = extern "C" fn(*mut c_void) -> *mut c_void;
