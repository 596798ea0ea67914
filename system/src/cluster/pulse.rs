//! What a node looks at several times a second, and what takes no time.
//!
//! Whether it stood still: its process stopped, its machine suspended. Others who could not reach it meanwhile serve sessions
//! that it owns without a lease, in their grace, and it knows of none of them. So for as long as a lease and a grace last it takes
//! everybody for somebody who may serve, as an owner does that is new.
//!
//! And whether anybody leads its groups, and follows it where it leads.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Cluster, Inner};
use crate::env::{Env, Instant, reachable};

/// How often it is looked at.
const BEAT_MS: u64 = 200;
/// Every so many looks the groups are looked at, too.
const BEATS: u64 = 5;
/// A longer time between two looks is a standstill. Nobody takes a shorter one for one: a node waits for the owner of a session for
/// half a second before it goes on without a lease.
const STANDSTILL_MS: u64 = 400;

/// When this node was last seen to go on, and to have stood still, in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    beat_ns: AtomicU64,
    stood_still_ns: AtomicU64,
}

impl Pulse {
    /// Looks at the time. Who may have stood still until just now has.
    fn beat(&self, now: Instant) -> bool {
        let last = Instant::from_nanos(self.beat_ns.swap(now.as_nanos(), Ordering::AcqRel));
        let has_stood_still = last.as_nanos() > 0 && now >= last.after_ms(STANDSTILL_MS);
        if has_stood_still {
            self.stood_still_ns.fetch_max(now.as_nanos(), Ordering::AcqRel);
        }
        has_stood_still
    }
}

impl<E: Env> Inner<E> {
    /// When this node was last found to have stood still; the beginning of time where it never was. Right at once, also before
    /// anything else had its turn.
    pub(super) fn stood_still(&self) -> Instant {
        if self.mesh.is_none() {
            // Nobody else serves what a lone node owns, and nobody looks.
            return Instant::default();
        }
        if self.pulse.beat(self.env.now()) {
            reachable!(self.env, StoodStill);
        }
        Instant::from_nanos(self.pulse.stood_still_ns.load(Ordering::Acquire))
    }
}

impl<E: Env> Cluster<E> {
    /// Looks for as long as the node lives.
    pub(super) async fn beat(self) {
        for beat in 0_u64.. {
            self.0.stood_still();
            if beat.is_multiple_of(BEATS) {
                self.look_at_groups();
            }
            self.0.env.sleep_until(self.0.env.now().after_ms(BEAT_MS)).await;
        }
    }

    /// Wakes groups that sleep while something is wrong with them, and has leaders know whether they are followed.
    fn look_at_groups(&self) {
        let inner = &self.0;
        let view = inner.view();
        for owner in inner.owners_sorted() {
            let status = owner.group.status();
            let leads = owner.leading().is_some();
            let is_well = if leads {
                // Awake, it finds out whether anybody follows it.
                inner.sees_majority(&status.voters)
            } else {
                // Whoever would have woken it is gone.
                status.leadership.leader.is_some_and(|leader| view.runs(leader))
            };
            if status.is_asleep && !is_well {
                owner.group.wake();
            }
            owner.prove(!leads || status.is_confirmed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_time_between_two_looks_is_a_standstill_and_a_short_one_is_none() {
        let (pulse, at) = (Pulse::default(), |ms| Instant::from_nanos(0).after_ms(ms));
        for (ms, expected) in
            [(10_000, false), (10_200, false), (10_599, false), (10_999, true), (11_199, false)]
        {
            assert_eq!(pulse.beat(at(ms)), expected, "at {ms} ms");
        }
        assert_eq!(pulse.stood_still_ns.load(Ordering::Relaxed), at(10_999).as_nanos());
    }
}
