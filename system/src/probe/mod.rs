//! What a simulation asks of the code of a node: [points](Point) that it must see reached, [quirks](Quirk) that the code may
//! have at any time and mostly has not, and [flaws](Flaw) that it must never have, for tests that must find them.
//!
//! Each is one closed list, so what was never reached can be told as well as what was. A world answers for them
//! ([`Env`](crate::env::Env)); in production nothing of it is left in the program but a name or two.

mod flaw;
mod point;
mod quirk;

pub use flaw::Flaw;
pub use point::Point;
pub use quirk::Quirk;

/// A closed list of names, each with what it stands for.
macro_rules! closed_list {
    ($(#[doc = $about:literal])+ $List:ident { $($(#[doc = $what:literal])+ $Item:ident = $name:literal,)+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        pub enum $List {
            $($(#[doc = $what])+ #[serde(rename = $name)] $Item,)+
        }

        impl $List {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$Item,)+];

            /// Its name in files and on command lines.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Item => $name,)+
                }
            }

            /// What it stands for, in words.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self {
                    $(Self::$Item => concat!($($what),+).trim_ascii_start(),)+
                }
            }

            /// The one of a name.
            #[must_use]
            pub fn find(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|item| item.name() == name)
            }
        }
    };
}

use closed_list;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_have_one_name() {
        let names = |names: Vec<&'static str>| {
            let distinct: BTreeSet<&str> = names.iter().copied().collect();
            assert_eq!(distinct.len(), names.len(), "{names:?}");
        };
        names(Point::ALL.iter().map(|point| point.name()).collect());
        names(Quirk::ALL.iter().map(|quirk| quirk.name()).collect());
        names(Flaw::ALL.iter().map(|flaw| flaw.name()).collect());
        assert_eq!(Point::find(Point::ALL[0].name()), Some(Point::ALL[0]));
    }
}
