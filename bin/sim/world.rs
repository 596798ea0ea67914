//! In which world a scenario runs.

use clap::ValueEnum;
use switchboard_sim::scenario::{Report, Scenario, Wishes};

/// See the [module](self) page.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub(crate) enum World {
    /// Our own event kernel: every fault, and any size.
    #[default]
    Kernel,
    /// turmoil: up to 20 hosts.
    Turmoil,
    /// madsim: up to 200 hosts, in a build of its own, `.ci/madsim`.
    Madsim,
}

impl World {
    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Turmoil => "turmoil",
            Self::Madsim => "madsim",
        }
    }

    /// Whether a second run in one process is another one than the first.
    pub(crate) const fn is_once_a_process(self) -> bool {
        matches!(self, Self::Turmoil)
    }

    /// What is wished for there.
    pub(crate) fn wishes(self, wishes: &Wishes) -> Wishes {
        Wishes { is_foreign: self != Self::Kernel, ..*wishes }
    }

    /// The one command that runs it again.
    pub(crate) fn replay(self, scenario: &Scenario, wishes: &Wishes) -> String {
        match self {
            Self::Kernel => format!("cargo sim replay {} {wishes}", scenario.name),
            other => format!("cargo sim run --world {} {} {wishes}", other.name(), scenario.name),
        }
    }

    /// Runs a scenario.
    ///
    /// # Errors
    /// Why this world does not run it, in words.
    pub(crate) fn play(self, scenario: &Scenario, wishes: &Wishes) -> Result<Report, String> {
        match self {
            Self::Kernel => Ok(switchboard_sim::scenario::run(scenario, wishes)),
            #[cfg(not(madsim))]
            Self::Turmoil => {
                switchboard_sim::worlds::turmoil::run(scenario, wishes).map_err(|refused| refused.to_string())
            }
            #[cfg(not(madsim))]
            Self::Madsim => Err(format!(
                "madsim takes the place of the system's clock for a whole process and has a build of its own: .ci/madsim {} {wishes}",
                scenario.name
            )),
            #[cfg(madsim)]
            Self::Turmoil => Err("turmoil is not in a build with madsim".to_owned()),
            #[cfg(madsim)]
            Self::Madsim => {
                switchboard_sim::worlds::madsim::run(scenario, wishes).map_err(|refused| refused.to_string())
            }
        }
    }
}
