//! Where two runs part: first by their checkpoints, which every run has, and then by their logs from there on.

use std::fmt;

use crate::trace::{CHECKPOINT_MARKS, Line};

/// So many lines tell everything between two checkpoints: a mark may come with some that say more of it.
pub const WINDOW_LINES: usize = LINES_PER_MARK * CHECKPOINT_MARKS as usize;
const LINES_PER_MARK: usize = 6;
/// Lines that both have in common, kept before those that differ.
const COMMON: usize = 6;
/// Lines of each run, kept from where they differ.
const DIFFERENT: usize = 4;

/// The number of marks up to which both runs are known to be the same, by their checkpoints.
#[must_use]
pub fn same_marks<T: PartialEq>(one: &[T], other: &[T]) -> u64 {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    same as u64 * CHECKPOINT_MARKS
}

/// What two runs did when they began to differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parting {
    /// The last lines that both have.
    pub both: Vec<Line>,
    /// How the one went on.
    pub first: Vec<Line>,
    /// How the other did.
    pub second: Vec<Line>,
}

impl Parting {
    /// The first difference of two logs that begin at the same mark.
    #[must_use]
    pub fn new(one: &[Line], other: &[Line]) -> Self {
        let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
        let some = |lines: &[Line]| lines[same..].iter().take(DIFFERENT).cloned().collect();
        Self { both: one[same.saturating_sub(COMMON)..same].to_vec(), first: some(one), second: some(other) }
    }

    /// Writes it, with these names for the two runs.
    ///
    /// # Errors
    /// Of the writer.
    pub fn tell(&self, names: [&str; 2], to: &mut dyn fmt::Write) -> fmt::Result {
        for line in &self.both {
            writeln!(to, "  both   {line}")?;
        }
        for (name, lines) in names.into_iter().zip([&self.first, &self.second]) {
            for line in lines {
                writeln!(to, "  {name:<6} {line}")?;
            }
            if lines.is_empty() {
                writeln!(to, "  {name:<6} ended there, or what differs does not show in words")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tell(["first", "second"], f)
    }
}
