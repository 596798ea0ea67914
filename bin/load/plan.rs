//! Who sends when: the one schedule of a run, shared by all its connections.
//!
//! In a closed loop a turn is there for whoever asks. In an open loop the n-th request is due at a fixed point of time,
//! and its latency counts from that point however long it takes until a connection is free to send it. So a server
//! that stalls is charged for everybody who would have come meanwhile (no "coordinated omission"). A turn that nobody
//! could take within the timeout has timed out: what was due is counted, always.
//!
//! Connections without a turn park here, in order. A thread of its own wakes them: the timers of the runtime tick in
//! milliseconds, which at 40,000 requests a second would send them in bursts of forty.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::options::Pace;
use super::usage;

/// One request that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Turn {
    pub ordinal: u64,
    pub due: Instant,
    pub taken: Instant,
}

/// The pacing thread sleeps at least this long: a wake-up costs some 5 µs, and finer steps would cost more processor
/// than the requests do. It is the error of a send in an open loop that is not busy.
const STEP: Duration = Duration::from_micros(100);
/// It looks this often whether the run is over.
const STEP_MAX: Duration = Duration::from_millis(20);

#[derive(Debug)]
struct State {
    /// When the traffic begins; unknown until the connections are open.
    start: Option<Instant>,
    /// Turns given out.
    taken: u64,
    /// Turns for which somebody was woken. Whoever is awake may take them first.
    announced: u64,
    parked: VecDeque<Waker>,
}

/// The schedule. See the [module](self) page.
#[derive(Debug)]
pub(super) struct Plan {
    pace: Pace,
    ramp: Duration,
    requests: Option<u64>,
    origin: Instant,
    /// No turn is due from here on; nanoseconds since `origin`.
    end_ns: AtomicU64,
    /// The ramp is over; like `end_ns`.
    window_ns: AtomicU64,
    state: Mutex<State>,
    /// Closed when what is held open may go.
    held: Semaphore,
}

impl Plan {
    pub(super) fn new(pace: Pace, ramp: Duration, requests: Option<u64>) -> Arc<Self> {
        let state = State { start: None, taken: 0, announced: 0, parked: VecDeque::new() };
        let origin = Instant::now();
        let (end_ns, window_ns) = (AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX));
        Arc::new(Self {
            pace,
            ramp,
            requests,
            origin,
            end_ns,
            window_ns,
            state: Mutex::new(state),
            held: Semaphore::new(0),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the plan may panic")
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.origin).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Turns are due from now on, for so long after the ramp.
    pub(super) fn start(&self, duration: Option<Duration>) {
        let now = Instant::now();
        let mut state = self.state();
        if let Some(duration) = duration {
            self.end_ns.fetch_min(self.nanos(now + self.ramp + duration), Ordering::Relaxed);
        }
        self.window_ns.store(self.nanos(now + self.ramp), Ordering::Relaxed);
        state.start = Some(now);
        state.parked.drain(..).for_each(Waker::wake);
    }

    /// Turns end now; those that were due before are still to be taken.
    pub(super) fn close(&self) {
        self.end_ns.fetch_min(self.nanos(Instant::now()), Ordering::Relaxed);
        self.state().parked.drain(..).for_each(Waker::wake);
    }

    /// Whether what was due at `at` counts for rate and latency.
    pub(super) fn is_measured(&self, at: Instant) -> bool {
        self.nanos(at) >= self.window_ns.load(Ordering::Relaxed)
    }

    /// Whether an answer at `at` came while requests were still being sent.
    pub(super) fn is_before_end(&self, at: Instant) -> bool {
        self.nanos(at) <= self.end_ns.load(Ordering::Relaxed)
    }

    /// When the ramp is or was over, once the traffic has begun.
    pub(super) fn window_start(&self) -> Option<Instant> {
        self.instant(&self.window_ns)
    }

    /// When turns end or ended, where that is known.
    pub(super) fn end(&self) -> Option<Instant> {
        self.instant(&self.end_ns)
    }

    fn instant(&self, at_ns: &AtomicU64) -> Option<Instant> {
        match at_ns.load(Ordering::Relaxed) {
            u64::MAX => None,
            nanos => Some(self.origin + Duration::from_nanos(nanos)),
        }
    }

    /// Waits for a turn; `None` once there will be no more.
    pub(super) async fn take(&self) -> Option<Turn> {
        poll_fn(|cx| {
            let mut state = self.state();
            match self.next(&state, Instant::now()) {
                Next::Turn(turn) => {
                    state.taken += 1;
                    Poll::Ready(Some(turn))
                }
                Next::Over => Poll::Ready(None),
                Next::Later => {
                    state.parked.push_back(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Whether every turn has been given out.
    pub(super) fn is_exhausted(&self) -> bool {
        matches!(self.next(&self.state(), Instant::now()), Next::Over)
    }

    /// Lets go of what is held until the end.
    pub(super) fn release(&self) {
        self.held.close();
    }

    /// Waits until [`release`](Self::release).
    pub(super) async fn released(&self) {
        // It has no permits, so this ends when it is closed and in no other way.
        let _ = self.held.acquire().await;
    }

    pub(super) fn is_released(&self) -> bool {
        self.held.is_closed()
    }

    fn next(&self, state: &State, now: Instant) -> Next {
        let ordinal = state.taken;
        let ended = self.nanos(now) >= self.end_ns.load(Ordering::Relaxed);
        let Some(start) = state.start else { return if ended { Next::Over } else { Next::Later } };
        if self.requests.is_some_and(|limit| ordinal >= limit) {
            return Next::Over;
        }
        let due = match self.pace {
            Pace::Closed if ended => return Next::Over,
            Pace::Closed => now,
            Pace::Open(rate) => start + due_after(ordinal, rate, self.ramp),
        };
        if self.nanos(due) >= self.end_ns.load(Ordering::Relaxed) {
            Next::Over
        } else if due > now {
            Next::Later
        } else {
            Next::Turn(Turn { ordinal, due, taken: now })
        }
    }

    /// Wakes parked connections as turns become due. Runs on a thread of its own until turns end.
    pub(super) fn pace(&self) {
        let Pace::Open(rate) = self.pace else { return };
        usage::wake_this_thread_sharply();
        let mut woken = Vec::new();
        loop {
            let now = Instant::now();
            let wait = {
                let mut state = self.state();
                if self.nanos(now) >= self.end_ns.load(Ordering::Relaxed)
                    || self.requests.is_some_and(|limit| state.taken >= limit)
                {
                    woken.extend(state.parked.drain(..));
                    None
                } else {
                    let start = state.start;
                    let wait =
                        start.map(|start| unpark_due(&mut state, &mut woken, now - start, rate, self.ramp));
                    Some(wait.unwrap_or(STEP_MAX))
                }
            };
            // Outside the lock: each is a system call where the other thread sleeps.
            woken.drain(..).for_each(Waker::wake);
            let Some(wait) = wait else { return };
            std::thread::sleep(wait.clamp(STEP, STEP_MAX));
        }
    }
}

enum Next {
    Turn(Turn),
    Later,
    Over,
}

/// Picks one parked connection for each turn that has become due; gives the time to the next turn.
fn unpark_due(
    state: &mut State,
    woken: &mut Vec<Waker>,
    elapsed: Duration,
    rate: f64,
    ramp: Duration,
) -> Duration {
    state.announced = state.announced.max(state.taken);
    loop {
        let due = due_after(state.announced, rate, ramp);
        if due > elapsed {
            return due - elapsed;
        }
        let Some(waker) = state.parked.pop_front() else { return STEP };
        woken.push(waker);
        state.announced += 1;
    }
}

/// When the n-th request is due after the start: at a constant rate, reached linearly over the ramp.
fn due_after(ordinal: u64, rate: f64, ramp: Duration) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "a run has far fewer than 2⁵³ requests")]
    let n = ordinal as f64;
    let ramp = ramp.as_secs_f64();
    // While the rate climbs, n = rate · t² / 2 · ramp⁻¹.
    let in_ramp = rate * ramp / 2.0;
    let seconds = if n < in_ramp { (2.0 * n * ramp / rate).sqrt() } else { ramp + (n - in_ramp) / rate };
    Duration::from_secs_f64(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_RAMP: Duration = Duration::ZERO;

    #[test]
    fn the_rate_is_constant_after_a_ramp_of_half_as_many_requests() {
        let second = Duration::from_secs(1);
        assert_eq!(due_after(0, 100.0, NO_RAMP), NO_RAMP);
        assert_eq!(due_after(250, 100.0, NO_RAMP), Duration::from_millis(2_500));
        assert_eq!(due_after(50, 100.0, second), second);
        assert_eq!(due_after(150, 100.0, second), 2 * second);
        assert!(due_after(25, 100.0, second) > second / 2);
    }

    /// Takes what is due without waiting.
    fn take_due(plan: &Plan) -> Vec<Turn> {
        let mut turns = Vec::new();
        loop {
            let mut state = plan.state();
            let Next::Turn(turn) = plan.next(&state, Instant::now()) else { return turns };
            state.taken += 1;
            turns.push(turn);
        }
    }

    #[test]
    fn what_was_due_and_not_taken_is_handed_out_late_and_in_order() {
        let plan = Plan::new(Pace::Open(1_000.0), NO_RAMP, None);
        plan.start(None);
        std::thread::sleep(Duration::from_millis(30));
        plan.close();
        std::thread::sleep(Duration::from_millis(30));
        let turns = take_due(&plan);
        assert!(turns.len() >= 30, "{} turns", turns.len());
        assert!(turns.iter().all(|turn| plan.is_before_end(turn.due)), "nothing is due after the end");
        assert!(turns.windows(2).all(|pair| pair[1].due - pair[0].due == Duration::from_millis(1)));
        assert!(turns.iter().zip(0..).all(|(turn, at)| turn.ordinal == at));
        assert!(plan.is_exhausted());
    }

    #[test]
    fn a_limit_of_requests_holds_in_both_loops() {
        for pace in [Pace::Closed, Pace::Open(1e9)] {
            let plan = Plan::new(pace, NO_RAMP, Some(3));
            assert!(take_due(&plan).is_empty(), "nothing is due before the start");
            plan.start(None);
            std::thread::sleep(Duration::from_millis(1));
            assert_eq!(take_due(&plan).len(), 3);
            assert!(plan.is_exhausted());
        }
    }
}
