//! Whether what happened to one object can have happened one operation after the other: Wing and Gong's question, answered
//! in Lowe's way, return by return.
//!
//! An operation takes effect at one moment between its invocation and its return; one that never returned, at any moment
//! after its invocation, or never. Followed is every state that the object can be in, each with those operations under way
//! that have taken effect already. A return leaves those in which its operation has; where none is left, no order explains
//! what was seen.
//!
//! The cost grows with the number of operations that are under way at once, not with their number: a history with few at a
//! time takes one pass. Both have a bound, and a history beyond it is not judged to be sound.

use std::collections::BTreeSet;

/// Operations that may be under way at once.
const UNDER_WAY_MAX: usize = 16;
/// Ways to explain what happened so far that are followed at once.
const WAYS_MAX: usize = 4_096;

/// A moment in the life of an object. Operations go by their place in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Moment {
    /// An operation was begun.
    Invoked(usize),
    /// Its answer was there.
    Returned(usize),
}

/// What became of the question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// There is an order that explains everything.
    Explained,
    /// None explains how this operation returned.
    Contradicted(usize),
    /// When this operation came, more was under way than is followed.
    TooMuch(usize),
}

/// Looks for an order. `step` gives every state in which an operation may leave the object where it takes effect in one:
/// none where it cannot take effect there with the answer that it had.
pub(super) fn explain<S: Copy + Ord, O>(
    begin: S,
    operations: &[O],
    moments: &[Moment],
    step: impl Fn(S, &O) -> Vec<S>,
) -> Verdict {
    let mut under_way: [Option<usize>; UNDER_WAY_MAX] = [None; UNDER_WAY_MAX];
    let mut ways = BTreeSet::from([(begin, 0_u32)]);
    for moment in moments {
        match *moment {
            Moment::Invoked(operation) => match under_way.iter_mut().find(|place| place.is_none()) {
                Some(place) => *place = Some(operation),
                None => return Verdict::TooMuch(operation),
            },
            Moment::Returned(operation) => {
                let place = under_way.iter().position(|other| *other == Some(operation));
                let place = place.expect("an operation must have begun before it returns");
                let step = |state, operation: usize| step(state, &operations[operation]);
                let Some(left) = after_return(ways, &under_way, place, step) else {
                    return Verdict::TooMuch(operation);
                };
                if left.is_empty() {
                    return Verdict::Contradicted(operation);
                }
                ways = left;
                under_way[place] = None;
            }
        }
    }
    Verdict::Explained
}

/// The ways in which the operation at `place` has taken effect, no longer named as under way; `None` where there are too
/// many.
fn after_return<S: Copy + Ord>(
    ways: BTreeSet<(S, u32)>,
    under_way: &[Option<usize>],
    place: usize,
    step: impl Fn(S, usize) -> Vec<S>,
) -> Option<BTreeSet<(S, u32)>> {
    let mut left = BTreeSet::new();
    let mut open: Vec<(S, u32)> = ways.iter().copied().collect();
    let mut seen = ways;
    while let Some((state, effective)) = open.pop() {
        if effective & (1 << place) != 0 {
            left.insert((state, effective & !(1 << place)));
            continue;
        }
        for (other, operation) in under_way.iter().enumerate() {
            let Some(operation) = operation else { continue };
            if effective & (1 << other) != 0 {
                continue;
            }
            for next in step(state, *operation) {
                let way = (next, effective | (1 << other));
                if seen.insert(way) {
                    open.push(way);
                }
            }
        }
        if seen.len() > WAYS_MAX {
            return None;
        }
    }
    Some(left)
}

#[cfg(test)]
mod tests {
    use super::Moment::{Invoked, Returned};
    use super::*;

    /// A number that is written and read.
    enum Cell {
        Write(u8),
        Read(u8),
    }

    fn step(state: u8, operation: &Cell) -> Vec<u8> {
        match operation {
            Cell::Write(number) => vec![*number],
            Cell::Read(number) if *number == state => vec![state],
            Cell::Read(_) => Vec::new(),
        }
    }

    fn judge(operations: &[Cell], moments: &[Moment]) -> Verdict {
        explain(0, operations, moments, step)
    }

    #[test]
    fn a_read_during_a_write_may_see_either_and_one_after_it_must_see_it() {
        let operations = [Cell::Write(1), Cell::Read(0), Cell::Read(1), Cell::Read(0)];
        let both = [Invoked(0), Invoked(1), Invoked(2), Returned(2), Returned(1), Returned(0)];
        assert_eq!(judge(&operations, &both), Verdict::Explained);
        let late = [Invoked(0), Returned(0), Invoked(3), Returned(3)];
        assert_eq!(judge(&operations, &late), Verdict::Contradicted(3));
    }

    #[test]
    fn nobody_may_see_what_was_before_once_somebody_has_seen_what_is_new() {
        let operations = [Cell::Write(1), Cell::Read(1), Cell::Read(0)];
        let moments = [Invoked(0), Invoked(1), Returned(1), Invoked(2), Returned(2), Returned(0)];
        assert_eq!(judge(&operations, &moments), Verdict::Contradicted(2));
    }

    #[test]
    fn a_write_that_never_returned_may_take_effect_late_or_never_but_once() {
        let operations = [Cell::Write(1), Cell::Read(0), Cell::Read(1), Cell::Write(2), Cell::Read(1)];
        let late = [Invoked(0), Invoked(1), Returned(1), Invoked(2), Returned(2)];
        assert_eq!(judge(&operations, &late), Verdict::Explained);
        let never = [Invoked(0), Invoked(1), Returned(1)];
        assert_eq!(judge(&operations, &never), Verdict::Explained);
        let again = [&late[..], &[Invoked(3), Returned(3), Invoked(4), Returned(4)]].concat();
        assert_eq!(judge(&operations, &again), Verdict::Contradicted(4));
    }

    #[test]
    fn a_history_beyond_the_bound_is_not_called_sound() {
        let operations: Vec<Cell> = (0..=16).map(Cell::Write).collect();
        let moments: Vec<Moment> = (0..=16).map(Invoked).collect();
        assert_eq!(judge(&operations, &moments), Verdict::TooMuch(16));
    }
}
