//! Scenarios in this world.

use futures_util::future::BoxFuture;
use switchboard::handler::Catalogue;
use switchboard::node::{Config, Node, StartError};

use super::{MadsimEnv, MadsimWorld};
use crate::scenario::{Report, Scenario, Setup, Wishes};
use crate::worlds::play::{self, Refused};

/// Runs a scenario, in the weather of this world instead of the kernel's.
///
/// # Errors
/// [`Refused`], where this world cannot do what the scenario needs; nothing was run then.
pub fn run(scenario: &Scenario, wishes: &Wishes) -> Result<Report, Refused> {
    let foreign = Wishes { is_foreign: true, ..*wishes };
    run_setup(scenario, &foreign, scenario.setup(&foreign))
}

/// Runs a setup that is not the one that the scenario draws.
///
/// # Errors
/// See [`run`].
pub fn run_setup(scenario: &Scenario, wishes: &Wishes, setup: Setup) -> Result<Report, Refused> {
    play::run::<MadsimWorld>(scenario, wishes, setup, start)
}

/// The one place where a node meets this world.
fn start(
    env: MadsimEnv,
    config: Config,
    catalogue: Catalogue,
) -> BoxFuture<'static, Result<Node<MadsimEnv>, StartError>> {
    Box::pin(Node::start(env, config, catalogue))
}
