//! The clocks of a node: virtual time seen through a rate that may be wrong, and a time of day that may be wrong too.

use serde::{Deserialize, Serialize};

/// How wrong a clock runs, in parts per billion: 1,000,000 gains a millisecond a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Drift(pub i32);

/// A clock that moved in straight lines so far: since `virtual_base` it runs from `local_base` at one rate.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    virtual_base: u64,
    local_base: u64,
    drift: Drift,
}

impl Clock {
    pub(crate) fn started(now: u64, drift: Drift) -> Self {
        Self { virtual_base: now, local_base: 0, drift }
    }

    /// What it shows at this virtual time.
    pub(crate) fn read(&self, now: u64) -> u64 {
        self.local_base.saturating_add(stretch(now.saturating_sub(self.virtual_base), self.drift))
    }

    /// The first virtual time at which it shows `local` or later.
    pub(crate) fn when(&self, local: u64) -> u64 {
        let ahead = u128::from(local.saturating_sub(self.local_base));
        let rate = u128::from(rate(self.drift));
        let estimate = (ahead * 1_000_000_000).div_ceil(rate);
        self.virtual_base.saturating_add(u64::try_from(estimate).unwrap_or(u64::MAX))
    }

    pub(crate) fn drift(&self) -> Drift {
        self.drift
    }

    /// Changes its rate from now on; what it shows does not jump.
    pub(crate) fn set_drift(&mut self, now: u64, drift: Drift) {
        *self = Self { virtual_base: now, local_base: self.read(now), drift };
    }
}

/// Local nanoseconds per virtual second.
fn rate(drift: Drift) -> u64 {
    u64::try_from(1_000_000_000_i64 + i64::from(drift.0)).expect("a clock must not run backwards").max(1)
}

fn stretch(elapsed: u64, drift: Drift) -> u64 {
    if drift.0 == 0 {
        return elapsed;
    }
    u64::try_from(u128::from(elapsed) * u128::from(rate(drift)) / 1_000_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_set_by_a_drifting_clock_is_never_early() {
        for drift in [-900_000_000, -1_000, -1, 0, 1, 7, 1_000_000, i32::MAX] {
            let clock = Clock { virtual_base: 17, local_base: 5, drift: Drift(drift) };
            for local in [5, 6, 1_000, 999_999_937, 86_400_000_000_000] {
                let at = clock.when(local);
                assert!(clock.read(at) >= local, "drift {drift} local {local}");
                assert!(at == 17 || clock.read(at - 1) < local, "drift {drift} local {local} is late");
            }
        }
    }

    #[test]
    fn a_change_of_rate_does_not_move_what_is_shown() {
        let mut clock = Clock::started(0, Drift(500_000_000));
        assert_eq!(clock.read(1_000), 1_500);
        clock.set_drift(1_000, Drift(-500_000_000));
        assert_eq!(clock.read(1_000), 1_500);
        assert_eq!(clock.read(2_000), 2_000);
    }
}
