//! System calls. While a thread is armed, the kernel looks at the byte [`WATCHED`] at each of its calls, and where that says so
//! sends a `SIGSYS` instead of doing it. The handler ends the program for calls on the [list](FORBIDDEN), and does every other in
//! its place: memory must come from somewhere, and panics are written somewhere.
//!
//! What the handler does for a call takes some microseconds. Tasks that only compute and allocate make few of them.

use std::arch::asm;
use std::ffi::{CStr, c_int, c_long, c_ulong, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use super::fall::fall;
use crate::{NO, WATCHED, YES};

/// From `linux/prctl.h`.
const PR_SET_SYSCALL_USER_DISPATCH: c_int = 59;
const PR_SYS_DISPATCH_OFF: c_ulong = 0;
const PR_SYS_DISPATCH_ON: c_ulong = 1;

/// Calls that no simulated task may make.
const FORBIDDEN: [(c_long, &str); 13] = [
    (libc::SYS_clock_gettime, "a real clock: system call clock_gettime"),
    (libc::SYS_gettimeofday, "a real clock: system call gettimeofday"),
    (libc::SYS_time, "a real clock: system call time"),
    (libc::SYS_times, "a real clock: system call times"),
    (libc::SYS_nanosleep, "real time: system call nanosleep"),
    (libc::SYS_clock_nanosleep, "real time: system call clock_nanosleep"),
    (libc::SYS_getrandom, "real randomness: system call getrandom"),
    (libc::SYS_clone, "a thread or process: system call clone"),
    (libc::SYS_clone3, "a thread or process: system call clone3"),
    (libc::SYS_fork, "a process: system call fork"),
    (libc::SYS_vfork, "a process: system call vfork"),
    (libc::SYS_execve, "a process: system call execve"),
    (libc::SYS_socket, "a real network: system call socket"),
];
/// Files that no simulated task may open.
const FORBIDDEN_FILES: [&CStr; 2] = [c"/dev/urandom", c"/dev/random"];

/// A code range that may always call: where a signal handler returns from.
#[derive(Clone, Copy)]
struct Range {
    from: usize,
    bytes: usize,
}

/// The C library's return from a signal handler is two instructions: `mov $15, %rax` and `syscall`. The kernel looks at the
/// address behind the second one.
const RETURN_BYTES: usize = 7 + 2 + 1;

/// Watches this thread. Where the kernel is older than 5.11, only what [`symbols`](super::symbols) sees is seen.
pub(crate) fn begin() {
    static HANDLER: OnceLock<Option<Range>> = OnceLock::new();
    if let Some(range) = *HANDLER.get_or_init(install) {
        let watched = WATCHED.with(|watched| watched.as_ptr());
        dispatch(PR_SYS_DISPATCH_ON, range, watched);
    }
}

/// Lets this thread go.
pub(crate) fn end() {
    dispatch(PR_SYS_DISPATCH_OFF, Range { from: 0, bytes: 0 }, null_mut());
}

fn dispatch(what: c_ulong, range: Range, watched: *mut u8) {
    // SAFETY: the kernel only reads the byte, which is in this thread's own block and lives as long as the thread can make a
    // call. A refusal changes nothing.
    unsafe { libc::prctl(PR_SET_SYSCALL_USER_DISPATCH, what, range.from, range.bytes, watched) };
}

/// Installs the handler, for the whole process. Gives the place that handlers return from.
fn install() -> Option<Range> {
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = on_call;
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zeros are a valid `sigaction`; the handler has the type that SA_SIGINFO asks for and lives for ever.
    let installed = unsafe {
        let action = action.assume_init_mut();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGSYS, action, null_mut())
    };
    if installed != 0 {
        return None;
    }
    // The library does not tell where its handlers return from, but the kernel does: a plain call asks it.
    let mut known = KernelAction::default();
    let arguments =
        [libc::SIGSYS as usize, null::<KernelAction>() as usize, (&raw mut known) as usize, 8, 0, 0];
    // SAFETY: nothing is installed, and what is known is written into a value of the kernel's layout with a mask of 8 bytes.
    let result = unsafe { call(libc::SYS_rt_sigaction as usize, arguments) };
    (result == 0).then_some(Range { from: known.restorer, bytes: RETURN_BYTES })
}

/// `struct sigaction` as the kernel has it on x86-64.
#[derive(Default)]
#[repr(C)]
struct KernelAction {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

/// A system call that a task wanted to make.
extern "C" fn on_call(_signal: c_int, _info: *mut libc::siginfo_t, context: *mut c_void) {
    WATCHED.with(|watched| watched.store(NO, Ordering::Relaxed));
    // SAFETY: with SA_SIGINFO the third argument is the context of the thread, ours until the handler returns.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let at = |register: c_int| registers[register as usize] as usize;
    let number = at(libc::REG_RAX);
    let arguments =
        [libc::REG_RDI, libc::REG_RSI, libc::REG_RDX, libc::REG_R10, libc::REG_R8, libc::REG_R9].map(at);
    if let Some((_, what)) = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden as usize == number) {
        fall(what);
    }
    let path = match number as c_long {
        libc::SYS_open => arguments[0],
        libc::SYS_openat | libc::SYS_openat2 => arguments[1],
        _ => 0,
    };
    if path != 0 {
        // SAFETY: whoever opens a file names it by a string that ends with a zero.
        let path = unsafe { CStr::from_ptr(path as *const _) };
        if FORBIDDEN_FILES.contains(&path) {
            fall("real randomness: a device file");
        }
    }
    // SAFETY: it is the very call that the interrupted code was about to make, with its arguments. None on which a handler's own
    // stack would matter comes here: those that start something are forbidden, and returns from signals are not dispatched.
    let result = unsafe { call(number, arguments) };
    registers[libc::REG_RAX as usize] = result as i64;
    WATCHED.with(|watched| watched.store(YES, Ordering::Relaxed));
}

/// A system call by its number: its result, or an error number below zero.
///
/// # Safety
/// As whatever the call does.
unsafe fn call(number: usize, arguments: [usize; 6]) -> isize {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    let result;
    // SAFETY: the convention of x86-64; the kernel leaves all but rax, rcx and r11 as they were. What it does to memory is the
    // caller's promise.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") first, in("rsi") second, in("rdx") third, in("r10") fourth, in("r8") fifth, in("r9") sixth,
            lateout("rcx") _, lateout("r11") _,
            options(nostack)
        );
    }
    result
}
