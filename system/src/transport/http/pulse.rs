//! The pulse of one connection: what it is doing, told by whoever does it, and for how long, judged by one timer.
//!
//! The parts of a connection (the stream adapter, the call, the bodies) only note *changes*, in two atomic words, and read
//! no clock. The task that drives the connection looks at the words after each poll; where one has changed, it takes the
//! time once. So a request costs a few unshared atomic operations and one clock reading, and no timer is touched: a timer
//! is set anew only when a deadline comes *before* the one that is set, which a busy connection sees once per deadline.
//!
//! A word counts its changes in its upper bits, so that "waiting, then a call, then waiting" is seen as a change.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::env::Instant;
use crate::limits::Limits;

/// Set in the phase while bytes of a head have come and its end has not.
const HEAD: u32 = 1;
/// Set in the phase from the end of a head to the end of its answer, a stream included.
const CALL: u32 = 1 << 1;
/// Set in the phase while the call waits for bytes of its body.
const BODY: u32 = 1 << 2;
/// Set in the phase once the body has come too slowly; its reader answers 408 when it sees this.
const EXPIRED: u32 = 1 << 3;
/// Set in the phase for good once a body was left unread: closing at once would reset the peer before it reads why.
const LEFT: u32 = 1 << 4;
/// Set in the write word while the stream takes no bytes of ours.
const BLOCKED: u32 = 1;
/// One change.
const CHANGE: u32 = 1 << 8;

/// What one connection is doing now. See the [module](self) page.
#[derive(Default, Debug)]
pub(super) struct Pulse {
    phase: AtomicU32,
    write: AtomicU32,
}

impl Pulse {
    /// Bytes came in.
    pub(super) fn bytes_read(&self) {
        if self.phase.load(Ordering::Relaxed) & (HEAD | CALL) == 0 {
            self.change(HEAD, 0);
        }
    }

    /// A head is complete.
    pub(super) fn call_started(&self) {
        self.change(CALL, HEAD);
    }

    /// The answer is complete, as far as the service is concerned.
    pub(super) fn call_ended(&self) {
        self.change(0, CALL | BODY | EXPIRED);
    }

    /// The call waits for bytes of its body.
    pub(super) fn body_awaited(&self) {
        if self.phase.load(Ordering::Relaxed) & BODY == 0 {
            self.change(BODY, 0);
        }
    }

    /// The call waits no longer for its body, whether it has it or gave up.
    pub(super) fn body_ended(&self) {
        if self.phase.load(Ordering::Relaxed) & BODY != 0 {
            self.change(0, BODY);
        }
    }

    /// Whether the body has come too slowly.
    pub(super) fn is_body_expired(&self) -> bool {
        self.phase.load(Ordering::Relaxed) & EXPIRED != 0
    }

    /// A body was left unread.
    pub(super) fn body_left(&self) {
        self.phase.fetch_or(LEFT, Ordering::Relaxed);
    }

    /// Whether the peer may still be sending a body that nobody reads.
    pub(super) fn was_body_left(&self) -> bool {
        self.phase.load(Ordering::Relaxed) & LEFT != 0
    }

    /// The stream took no bytes.
    pub(super) fn write_blocked(&self) {
        if self.write.load(Ordering::Relaxed) & BLOCKED == 0 {
            self.write.fetch_add(CHANGE | BLOCKED, Ordering::Relaxed);
        }
    }

    /// The stream took bytes.
    pub(super) fn write_moved(&self) {
        if self.write.load(Ordering::Relaxed) & BLOCKED != 0 {
            self.write.fetch_and(!BLOCKED, Ordering::Relaxed);
        }
    }

    fn change(&self, set: u32, clear: u32) {
        // A body may be read in another task than the connection's, so a plain load and store could lose a flag.
        let mut word = self.phase.load(Ordering::Relaxed);
        loop {
            let next = ((word & !clear) | set).wrapping_add(CHANGE);
            match self.phase.compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }
}

/// Why a connection was cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Overdue {
    /// Nothing was under way for too long.
    Idle,
    /// The head did not end.
    Head,
    /// The body did not end.
    Body,
    /// The peer took no bytes.
    Stall,
}

/// Since when a pulse has been as it is, and until when it may stay so.
#[derive(Debug)]
pub(super) struct Watch {
    phase: u32,
    phase_since: Instant,
    write: u32,
    write_since: Instant,
}

impl Watch {
    /// Watches a connection that has just been opened.
    pub(super) const fn new(now: Instant) -> Self {
        Self { phase: 0, phase_since: now, write: 0, write_since: now }
    }

    /// Looks at the pulse; reads the clock only where something has changed. Returns the moment at which the connection
    /// is overdue if nothing changes until then.
    pub(super) fn look(
        &mut self,
        pulse: &Pulse,
        limits: &Limits,
        now: impl Fn() -> Instant,
    ) -> Option<Instant> {
        let (phase, write) = (pulse.phase.load(Ordering::Relaxed), pulse.write.load(Ordering::Relaxed));
        if phase != self.phase || write != self.write {
            let now = now();
            if phase != self.phase {
                (self.phase, self.phase_since) = (phase, now);
            }
            if write != self.write {
                (self.write, self.write_since) = (write, now);
            }
        }
        let stall = self.stall(limits);
        self.state(limits).map(|(at, _)| at).into_iter().chain(stall).min()
    }

    /// What is overdue now, if anything. A slow body is told to its reader first, who then has `farewell_ms_max` to
    /// answer; only a reader that does not is overdue.
    pub(super) fn overdue(&mut self, pulse: &Pulse, limits: &Limits, now: Instant) -> Option<Overdue> {
        if self.stall(limits).is_some_and(|at| at <= now) {
            return Some(Overdue::Stall);
        }
        let (_, what) = self.state(limits).filter(|(at, _)| *at <= now)?;
        if what == Overdue::Body && self.phase & EXPIRED == 0 {
            pulse.change(EXPIRED, 0);
            return None;
        }
        Some(what)
    }

    fn state(&self, limits: &Limits) -> Option<(Instant, Overdue)> {
        let (delay_ms, what) = if self.phase & BODY != 0 {
            let slow = self.phase & EXPIRED == 0;
            (if slow { limits.body_ms_max } else { limits.farewell_ms_max }, Overdue::Body)
        } else if self.phase & CALL != 0 {
            return None;
        } else if self.phase & HEAD != 0 {
            (limits.header_ms_max, Overdue::Head)
        } else {
            (limits.idle_ms_max, Overdue::Idle)
        };
        Some((self.phase_since.after_ms(delay_ms), what))
    }

    fn stall(&self, limits: &Limits) -> Option<Instant> {
        (self.write & BLOCKED != 0).then(|| self.write_since.after_ms(limits.write_stall_ms_max))
    }
}
