//! What the code of nodes is asked for beside what it does: which points it reached, and which quirks it is to have.
//!
//! Each quirk has a stream of its own below the seed: whether the seed has it at all, how often, and when. So a quirk more in
//! the code changes nothing of the others.

use std::collections::BTreeMap;

use switchboard::probe::{Point, Quirk};

use crate::entropy::Draws;

/// One seed in so many has a quirk.
const SEEDS_ONE_IN: u64 = 4;
/// How often a quirk that the seed has shows, in a million times: from, to.
const PPM: (u64, u64) = (1_000, 100_000);
/// These are asked for seldom, and then for long.
const SELDOM_ASKED: [Quirk; 2] = [Quirk::SnapshotEarly, Quirk::PiecesSmall];
/// How often they show.
const SELDOM_PPM: u64 = 500_000;

/// See the [module](self) page.
#[derive(Default)]
pub(crate) struct Probe {
    pub(crate) reached: BTreeMap<Point, u64>,
    quirks: BTreeMap<Quirk, Habit>,
}

/// A quirk under one seed.
struct Habit {
    draws: Draws,
    ppm: u32,
    shown: u64,
}

impl Habit {
    fn new(seed: u64, quirk: Quirk) -> Self {
        let mut draws = Draws::new(seed, quirk.name());
        let has_it = draws.below(SEEDS_ONE_IN) == 0;
        let ppm = PPM.0 + draws.below(PPM.1 - PPM.0);
        let ppm = if SELDOM_ASKED.contains(&quirk) { SELDOM_PPM } else { ppm };
        let ppm = if has_it { u32::try_from(ppm).expect("a share of a million must fit") } else { 0 };
        Self { draws, ppm, shown: 0 }
    }
}

impl Probe {
    /// A point was reached once more.
    pub(crate) fn reach(&mut self, point: Point) {
        *self.reached.entry(point).or_default() += 1;
    }

    /// Whether a quirk shows now.
    pub(crate) fn shows(&mut self, seed: u64, quirk: Quirk) -> bool {
        let habit = self.quirks.entry(quirk).or_insert_with(|| Habit::new(seed, quirk));
        let shows = habit.draws.chance_ppm(habit.ppm);
        habit.shown += u64::from(shows);
        shows
    }

    /// How often each quirk showed that did.
    pub(crate) fn shown(&self) -> BTreeMap<Quirk, u64> {
        let shown = self.quirks.iter().filter(|(_, habit)| habit.shown > 0);
        shown.map(|(quirk, habit)| (*quirk, habit.shown)).collect()
    }

    /// How often the streams of all quirks were asked.
    pub(crate) fn draws(&self) -> u64 {
        self.quirks.values().map(|habit| habit.draws.count()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_seed_has_some_of_the_quirks_and_shows_them_now_and_then() {
        let mut seeds_with: BTreeMap<Quirk, u32> = BTreeMap::new();
        for seed in 0..400 {
            let mut probe = Probe::default();
            for quirk in Quirk::ALL.iter().copied() {
                let shown = (0..2_000).filter(|_| probe.shows(seed, quirk)).count();
                assert!(shown < 1_200, "a quirk that always shows hides what comes after it");
                *seeds_with.entry(quirk).or_default() += u32::from(shown > 0);
            }
        }
        for quirk in Quirk::ALL {
            assert!((60..140).contains(&seeds_with[quirk]), "{quirk:?} in {} of 400", seeds_with[quirk]);
        }
    }
}
