//! What is wrong with a configuration, and where.

use std::fmt;

/// Where a problem stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// In an option of the command line.
    Flag(&'static str),
    /// In the file, at no place of its own.
    File,
    /// In the file, at a line and a column, both counted from one.
    At {
        /// The line.
        line: usize,
        /// The character in it.
        column: usize,
    },
}

impl Place {
    /// The place of a byte in a text.
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self::At { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What, and what is allowed instead.
    pub reason: String,
}

/// Everything that is wrong with a configuration, in the order of the file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Problems {
    /// What the file is called.
    pub file: String,
    /// Never empty.
    pub list: Vec<Problem>,
}

impl Problems {
    pub(super) fn one(file: &str, problem: Problem) -> Self {
        Self { file: file.to_owned(), list: vec![problem] }
    }
}

/// One line for each problem: `file:line:column: what is wrong`.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = &self.file;
        for (at, Problem { place, reason }) in self.list.iter().enumerate() {
            let end = if at == 0 { "" } else { "\n" };
            match place {
                Place::Flag(flag) => write!(f, "{end}{flag}: {reason}")?,
                Place::File => write!(f, "{end}{file}: {reason}")?,
                Place::At { line, column } => write!(f, "{end}{file}:{line}:{column}: {reason}")?,
            }
        }
        Ok(())
    }
}
