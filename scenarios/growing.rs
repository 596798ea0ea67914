//! A node founds a cluster alone, and serves; then others join, and its groups split while clients work and roam. Every other
//! time a node is killed in the midst of it.

use switchboard_sim::client::Outcome;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};
use switchboard_sim::{Fault, NodeId};

use crate::harm;

/// See the [module](self) page.
pub const GROWING: Scenario = Scenario {
    name: "growing",
    description: "a cluster grows from one node, and its groups split under load: nothing is lost or done twice",
    draw,
    catalogue: crate::catalogue::catalogue,
};

/// Groups of a founder that expects nobody.
const GROUPS: u16 = 8;
/// The others come one after the other, all of them within so long.
const JOINS_WITHIN_MS: u64 = 6_000;
/// By then the founder serves.
const FOUNDED_MS: u64 = 2_500;
fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(28);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 40));
    let mut setup = Setup::cluster(wishes.nodes_or(|| 5), seconds);
    setup.data_groups = GROUPS;
    // Groups split where every node knows what that is.
    (setup.upgrade_ms, setup.level_at_end) = (0, 2);
    let mut at_ms = dice.between(6_000, 7_000);
    for node in 1..setup.nodes {
        setup.joins.push((NodeId(node), at_ms));
        at_ms += dice.between(0, JOINS_WITHIN_MS / u64::from(setup.nodes - 1));
    }
    // Until a node is there, nobody listens at its address.
    let mut forgiven = vec![Outcome::Refused];
    let mut last_ms = at_ms;
    if dice.one_in(2) {
        forgiven.extend(harm::NODE_DIES);
        // The groups split once a third node is there. Near to each other nodes are done with it at once; so they are not.
        setup.net.link.latency.base_us = dice.between(1_000, 12_000);
        let killed_ms = setup.joins[1].1 + dice.between(300, 2_500);
        let there = setup.joins.iter().filter(|(_, joins_ms)| *joins_ms < killed_ms);
        let newest = there.map(|(node, _)| node.0).max().unwrap_or_default();
        let victim = NodeId(dice.count(0, newest));
        let again_ms = killed_ms + dice.between(1, 4_000);
        setup.fault(killed_ms, Fault::Kill(victim));
        setup.fault(again_ms, Fault::Restart(victim));
        last_ms = last_ms.max(again_ms);
    }
    setup.groups = Setup::on_cluster(clients, seconds, &forgiven);
    for group in &mut setup.groups {
        group.work.begin_ms = (FOUNDED_MS, FOUNDED_MS + 1_000);
    }
    setup.trouble_ms = (0, last_ms + harm::CALM_AFTER_MS);
    setup
}
