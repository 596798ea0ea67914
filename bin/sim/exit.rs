//! What the program ends with, and which of two ends is worse.

use switchboard_sim::TRAPPED;

/// A command that makes no sense, or that could not be carried out.
pub(crate) const USAGE: u8 = 2;
/// A run in which something panicked, or whose process died.
pub(crate) const CRASH: u8 = 12;
/// Two runs of one seed that differ.
pub(crate) const DIFFERENT: u8 = 13;
/// Seeds of the standard scenarios that all pass and together do not go everywhere.
pub(crate) const NOT_EVERYWHERE: u8 = 16;
/// A hunt for planted bugs that does not find one of them, or finds it with too much around it.
pub(crate) const NOT_FOUND: u8 = 17;
/// What a shell reports of a program that a signal ended: Ctrl-C,
pub(crate) const INTERRUPTED: u8 = 130;
/// and a reader that went away.
pub(crate) const PIPE_BROKE: u8 = 141;
/// A panic of this program's own.
pub(crate) const PANICKED: u8 = 101;

/// From the worst on: a safety promise, a liveness promise, a crash, two runs that differ, a trap, a fault that touched nothing, a
/// run that was refused, one that passed.
const WORST_FIRST: [u8; 8] = [10, 11, CRASH, DIFFERENT, TRAPPED, 14, USAGE, 0];

/// The worse of the ends of two runs. One that nobody knows is a crash.
pub(crate) fn worse(one: u8, other: u8) -> u8 {
    let rank = |code: u8| {
        let place = |code| WORST_FIRST.iter().position(|known| *known == code);
        place(code).or(place(CRASH))
    };
    if rank(one) <= rank(other) { one } else { other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_promise_is_worse_than_a_fault_that_touched_nothing() {
        for (one, other, worst) in [
            (14, 10, 10),
            (11, 10, 10),
            (TRAPPED, 11, 11),
            (14, TRAPPED, TRAPPED),
            (0, 2, 2),
            (2, 14, 14),
            (0, 0, 0),
            (99, 14, 99),
        ] {
            assert_eq!((worse(one, other), worse(other, one)), (worst, worst), "{one} and {other}");
        }
    }
}
