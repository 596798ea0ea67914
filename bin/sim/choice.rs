//! What the command line says of scenarios: which, how large, and under which seed; or which case of a file.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, value_parser};
use switchboard::probe::Flaw;
use switchboard_scenarios::{ALL, LARGE, find};
use switchboard_sim::scenario::{Case, Finding, NoCase, Report, Scenario, Setup, Wishes, run_watched};

/// So many nodes a run may have: twice as many as the largest scenario.
pub(crate) const NODES: RangeInclusive<i64> = 1..=200;
/// So many clients: ten times as many as the largest scenario.
const CLIENTS: RangeInclusive<i64> = 1..=1_000_000;
/// So long they may work: a week.
const SECONDS: RangeInclusive<u64> = 1..=7 * 24 * 3_600;

#[derive(Args, Clone, Copy, Default)]
pub(crate) struct Size {
    /// How many nodes, instead of the scenario's own number.
    #[arg(long, value_parser = value_parser!(u32).range(NODES))]
    pub(crate) nodes: Option<u32>,
    /// How many clients, instead of the scenario's own number.
    #[arg(long, value_parser = value_parser!(u32).range(CLIENTS))]
    pub(crate) clients: Option<u32>,
    /// For how many virtual seconds they work, instead of the scenario's own number.
    #[arg(long, value_parser = value_parser!(u64).range(SECONDS))]
    pub(crate) seconds: Option<u64>,
    /// Goes into the keys of all hashers, and must make no difference: another one gives the same trace hash.
    #[arg(long, default_value_t = 0)]
    pub(crate) hash_key: u64,
    /// Plant a bug in every node, to see whether it is found.
    #[arg(long, value_parser = parse_flaw, hide = true)]
    pub(crate) flaw: Option<Flaw>,
}

impl Size {
    pub(crate) fn wishes(self, seed: u64) -> Wishes {
        let Self { nodes, clients, seconds, hash_key, flaw } = self;
        Wishes { seed, nodes, clients, seconds, hash_key, flaw, ..Wishes::default() }
    }

    /// The first option that was said of those that shape a run.
    fn shape(self) -> Option<&'static str> {
        let said = [
            (self.nodes.is_some(), "--nodes"),
            (self.clients.is_some(), "--clients"),
            (self.seconds.is_some(), "--seconds"),
            (self.flaw.is_some(), "--flaw"),
        ];
        said.into_iter().find_map(|(is_said, option)| is_said.then_some(option))
    }
}

/// What the command line says of one run.
#[derive(Args)]
pub(crate) struct OneRun {
    /// The name of a scenario, or a file that holds a case.
    what: String,
    /// The seed of a scenario.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    size: Size,
}

impl OneRun {
    /// # Errors
    /// [`NoSubject`].
    pub(crate) fn subject(&self) -> Result<Subject, NoSubject> {
        Subject::new(&self.what, self.seed, self.size)
    }

    /// The same, where the first seed is meant if none is said.
    ///
    /// # Errors
    /// [`NoSubject`].
    pub(crate) fn subject_or_first(&self) -> Result<Subject, NoSubject> {
        let first = (!is_case(&self.what)).then_some(FIRST_SEED);
        Subject::new(&self.what, self.seed.or(first), self.size)
    }
}

/// One run: a scenario under a seed, or a case.
pub(crate) struct Subject {
    pub(crate) scenario: &'static Scenario,
    pub(crate) wishes: Wishes,
    /// What it is made of, where the seed does not say so.
    case: Option<Setup>,
    /// The file that does.
    file: Option<PathBuf>,
}

/// Why there is nothing to run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSubject {
    #[error("{0}")]
    Scenario(String),
    #[error("{0} has no seed: --seed N")]
    NoSeed(String),
    #[error("{0:?} is no run: write SCENARIO:SEED, as in calm:1, or the name of a case's file")]
    NoRun(String),
    #[error("{0} says everything itself: no {1}")]
    Said(PathBuf, &'static str),
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    #[error("{0}: {1}")]
    Case(PathBuf, NoCase),
}

/// A name that ends like this is a file's.
const CASE_SUFFIX: &str = ".json";

/// The seed where none is said.
pub(crate) const FIRST_SEED: u64 = 1;

/// Whether a name is that of a case's file.
pub(crate) fn is_case(what: &str) -> bool {
    what.ends_with(CASE_SUFFIX)
}

impl Subject {
    /// The scenario of this name under a seed, or the case in this file.
    ///
    /// # Errors
    /// [`NoSubject`].
    pub(crate) fn new(what: &str, seed: Option<u64>, size: Size) -> Result<Self, NoSubject> {
        if is_case(what) {
            return Self::of_file(Path::new(what), seed, size);
        }
        let scenario = scenarios(what, size).map_err(NoSubject::Scenario)?[0];
        let seed = seed.ok_or_else(|| NoSubject::NoSeed(what.to_owned()))?;
        Ok(Self::of_seed(scenario, size.wishes(seed)))
    }

    /// A scenario under a seed.
    pub(crate) const fn of_seed(scenario: &'static Scenario, wishes: Wishes) -> Self {
        Self { scenario, wishes, case: None, file: None }
    }

    fn of_file(path: &Path, seed: Option<u64>, size: Size) -> Result<Self, NoSubject> {
        if let Some(option) = seed.map(|_| "--seed").or(size.shape()) {
            return Err(NoSubject::Said(path.to_owned(), option));
        }
        let text = std::fs::read_to_string(path).map_err(|error| NoSubject::File(path.to_owned(), error))?;
        let case = Case::read(&text).map_err(|error| NoSubject::Case(path.to_owned(), error))?;
        let Some(scenario) = find(&case.scenario) else {
            return Err(NoSubject::Scenario(format!("there is no scenario {:?}", case.scenario)));
        };
        let wishes =
            Wishes { seed: case.seed, flaw: case.flaw, hash_key: size.hash_key, ..Wishes::default() };
        Ok(Self { scenario, wishes, case: Some(case.setup), file: Some(path.to_owned()) })
    }

    /// What it is made of.
    pub(crate) fn setup(&self) -> Setup {
        self.case.clone().unwrap_or_else(|| self.scenario.setup(&self.wishes))
    }

    /// Runs it.
    pub(crate) fn play(&self) -> Report {
        self.play_watched(&mut |_| ())
    }

    /// Runs it; `watch` is called with the virtual time after each second of it.
    pub(crate) fn play_watched(&self, watch: &mut dyn FnMut(Duration)) -> Report {
        let report = run_watched(self.scenario, &self.wishes, self.setup(), watch);
        match &self.file {
            None => report,
            Some(path) => Report { replay: format!("cargo sim replay {}", path.display()), ..report },
        }
    }

    /// The same, with this said of the report.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Wishes)) -> Self {
        let mut wishes = self.wishes;
        change(&mut wishes);
        Self { scenario: self.scenario, wishes, case: self.case.clone(), file: self.file.clone() }
    }

    /// This, as a case under that seed.
    pub(crate) fn case(&self, seed: u64, finding: Option<Finding>, setup: Setup) -> Case {
        Case { scenario: self.scenario.name.to_owned(), seed, flaw: self.wishes.flaw, finding, setup }
    }

    /// The same seed, of which something else is made.
    pub(crate) const fn made_of(&self, setup: Setup) -> Self {
        Self { scenario: self.scenario, wishes: self.wishes, case: Some(setup), file: None }
    }
}

pub(crate) fn parse_flaw(name: &str) -> Result<Flaw, String> {
    Flaw::find(name).ok_or_else(|| {
        let names: Vec<&str> = Flaw::ALL.iter().map(|flaw| flaw.name()).collect();
        format!("there are: {}", names.join(", "))
    })
}

/// Whether a name stands for all scenarios that there are, or all of a cluster.
pub(crate) fn is_standard(name: &str) -> bool {
    ["all", "all-cluster"].contains(&name)
}

/// The scenarios that a name stands for: one, `all`, or `all-cluster`, of which those that do not run on so many nodes are left
/// out.
///
/// # Errors
/// Why there is none, in words.
pub(crate) fn scenarios(name: &str, size: Size) -> Result<Vec<&'static Scenario>, String> {
    let own = |scenario: &Scenario| scenario.setup(&Wishes::default()).nodes;
    let why_not = |scenario: &Scenario| match (own(scenario), size.nodes) {
        (1, None) => None,
        (1, Some(_)) => Some(format!("{} runs on one node", scenario.name)),
        (own, Some(nodes)) if !scenario.runs_on(nodes) => {
            Some(format!("{} does not run on {nodes} nodes; {own} would do", scenario.name))
        }
        _ => None,
    };
    let from =
        |least| ALL.iter().filter(move |scenario| own(scenario) >= least && why_not(scenario).is_none());
    let found: Vec<&Scenario> = match (name, find(name)) {
        ("all", _) => from(1).collect(),
        ("all-cluster", _) => from(2).collect(),
        (_, Some(scenario)) => match why_not(scenario) {
            Some(why) => return Err(why),
            None => vec![scenario],
        },
        (_, None) => {
            let names: Vec<&str> = ALL.iter().chain(LARGE).map(|scenario| scenario.name).collect();
            let names = names.join(", ");
            return Err(format!("there is no scenario {name:?}; there are: {names}, and all, all-cluster"));
        }
    };
    if found.is_empty() { Err("no scenario runs on so many nodes".to_owned()) } else { Ok(found) }
}
