//! What the command line says of scenarios: which, and how large.

use clap::Args;
use switchboard::node::Flaw;
use switchboard_scenarios::{ALL, find};
use switchboard_sim::scenario::{Scenario, Wishes};

#[derive(Args, Clone, Copy, Default)]
pub(crate) struct Size {
    /// How many nodes, instead of the scenario's own number.
    #[arg(long)]
    pub(crate) nodes: Option<u32>,
    /// How many clients, instead of the scenario's own number.
    #[arg(long)]
    pub(crate) clients: Option<u32>,
    /// For how many virtual seconds they work, instead of the scenario's own number.
    #[arg(long)]
    pub(crate) seconds: Option<u64>,
    /// Plant a bug in every node of the cluster, to see whether it is found.
    #[arg(long, value_parser = parse_flaw, hide = true)]
    pub(crate) flaw: Option<Flaw>,
}

impl Size {
    pub(crate) fn wishes(self, seed: u64, log_lines_max: usize) -> Wishes {
        let Self { nodes, clients, seconds, flaw } = self;
        Wishes { seed, nodes, clients, seconds, flaw, plant: None, log_lines_max }
    }
}

fn parse_flaw(name: &str) -> Result<Flaw, String> {
    Flaw::ALL.into_iter().find(|flaw| flaw.name() == name).ok_or_else(|| {
        let names: Vec<&str> = Flaw::ALL.iter().map(|flaw| flaw.name()).collect();
        format!("there are: {}", names.join(", "))
    })
}

/// The scenarios that a name stands for: one, `all`, or `all-cluster`, of which those that do not run on so many nodes are left
/// out.
///
/// # Errors
/// Why there is none, in words.
pub(crate) fn scenarios(name: &str, size: Size) -> Result<Vec<&'static Scenario>, String> {
    let own = |scenario: &Scenario| scenario.setup(&Wishes::default()).nodes;
    let why_not = |scenario: &Scenario| match (own(scenario), size.nodes) {
        (1, None) if size.flaw.is_none() => None,
        (1, _) => Some(format!("{} runs on one node", scenario.name)),
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
            let names: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
            let names = names.join(", ");
            return Err(format!("there is no scenario {name:?}; there are: {names}, and all, all-cluster"));
        }
    };
    if found.is_empty() { Err("no scenario runs on so many nodes".to_owned()) } else { Ok(found) }
}
