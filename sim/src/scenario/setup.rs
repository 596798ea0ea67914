//! What a scenario is made of: everything that a seed decides, as values that can be printed, stored and edited.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use switchboard::control::groups_wanted;
use switchboard::env::Entropy;
use switchboard::handler::Catalogue;
use switchboard::limits::Limits;

use super::dice::Dice;
use super::wishes::Wishes;
use crate::check::History;
use crate::client::{Errand, Outcome, Work};
use crate::entropy::seed_at;
use crate::fault::Fault;
use crate::net::NetOptions;
use crate::node::NodeId;
use crate::options::BLOCKING_US;
use crate::plan::{Plan, Step};

/// The node that serves; of several, the first, which founds their cluster.
pub const SERVER: NodeId = NodeId(0);

/// By then the node serves.
pub const START_MS: u64 = 20;

/// Milliseconds of silence after which a stream of a small cluster carries a comment.
const KEEP_ALIVE_MS: u64 = 4_000;

/// By then a cluster of a few nodes serves.
pub const FORMED_MS: u64 = 6_000;

/// So many nodes are more than a few,
const MANY: u32 = 10;
/// and take so much longer, for groups move to each node that comes.
const MANY_FORM_LATER_MS: u64 = 9_000;

/// One seed in so many gives quirks to the nodes of a cluster in which things go wrong.
const QUIRKS_ONE_IN: u64 = 3;
/// In a foreign world a disk takes milliseconds for what takes it microseconds in the kernel.
const FOREIGN_START_LATER_MS: u64 = 1_000;

/// Nanoseconds of virtual time, in which histories are told.
pub(super) const fn nanos(ms: u64) -> u64 {
    ms.saturating_mul(1_000_000)
}

/// A kind of client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Role {
    /// 2025-11-25 over raw HTTP.
    Stateful,
    /// 2026-07-28 over raw HTTP.
    Stateless,
    /// 2026-07-28 over hyper's client.
    Full,
    /// Sends what no server should take.
    Hostile,
}

/// Clients that have their kind and their work in common.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Their kind.
    pub role: Role,
    /// How many.
    pub count: u32,
    /// One in so many keeps a stream open; 0 for none.
    pub listens_one_in: u32,
    /// Whether two readers listen to a session at once, where one listens.
    pub twins: bool,
    /// Whether they come back to a call's stream behind an earlier event than the last that they were given.
    pub rereads: bool,
    /// Milliseconds that they read nothing once an answer has begun to stream.
    pub nap_ms: u64,
    /// One in so many sends every request to another node than the one before; 0 for none.
    pub roams_one_in: u32,
    /// What they do.
    pub work: Work,
    /// Ends that are no fault of anybody's while things go wrong.
    pub forgiven: Vec<Outcome>,
    /// The script that they follow instead of errands: which of their trial's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<u16>,
}

impl Group {
    /// Well-behaved clients, one in four of which listens, and to whom nothing bad may happen.
    #[must_use]
    pub const fn new(role: Role, count: u32, work: Work) -> Self {
        Self {
            role,
            count,
            listens_one_in: 4,
            twins: false,
            rereads: false,
            nap_ms: 0,
            roams_one_in: 3,
            work,
            forgiven: Vec::new(),
            script: None,
        }
    }

    /// The same, to whom this may happen in times of trouble.
    #[must_use]
    pub fn forgive(mut self, outcomes: &[Outcome]) -> Self {
        self.forgiven.extend_from_slice(outcomes);
        self
    }
}

/// Everything that shapes a run. Read from a file, what is not said there is as in a [calm](Self::calm) run of one node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Setup {
    /// The limits of the node.
    pub limits: Limits,
    /// The network.
    pub net: NetOptions,
    /// How long what blocks takes at a node, a write to its disk above all, in microseconds: from, to.
    pub blocking_us: (u64, u64),
    /// How many nodes serve: several are one cluster.
    pub nodes: u32,
    /// Data groups of a cluster at first.
    pub data_groups: u16,
    /// Data groups of a cluster at the end.
    pub groups_at_end: usize,
    /// Nodes that start later than the others, and when.
    pub joins: Vec<(NodeId, u64)>,
    /// How long a key of a cluster seals before the next one does.
    pub key_rotate_ms: u64,
    /// How long a node of a cluster is down before others take what it held.
    pub replace_after_ms: u64,
    /// Nodes that are gone for good at the end, others of the same number being in their place.
    pub replaced: u32,
    /// A node that boots from then on is of a newer version: it speaks a wire version more.
    pub upgrade_ms: u64,
    /// What every node of a cluster must understand at the end.
    pub level_at_end: u64,
    /// How many hosts the clients live on.
    pub hosts: u32,
    /// Who calls.
    pub groups: Vec<Group>,
    /// What goes wrong, and when.
    pub faults: Plan,
    /// Whether nodes have quirks, until the trouble is over: what their code may do at any time, and mostly does not.
    pub quirks: bool,
    /// Virtual milliseconds during which things may go wrong: from, to. Outside of them every request ends as it should.
    pub trouble_ms: (u64, u64),
    /// Nodes that stay broken to the end. What the others owe they owe without them.
    pub rest: Vec<NodeId>,
    /// Whether a connection that is cut before an answer must mean that its request was not taken.
    pub cut_means_not_taken: bool,
    /// Outcomes, errands and points, by name, that a run must have met, or it proved nothing.
    pub must_meet: Vec<Cow<'static, str>>,
    /// Nodes that drain for a restart of theirs, and when.
    pub restarts: Vec<(NodeId, u64)>,
    /// Nodes that are told to leave for good, and when.
    pub leaves: Vec<(NodeId, u64)>,
    /// When the node drains.
    pub drain_ms: u64,
    /// When the run is over.
    pub end_ms: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self::calm(0)
    }
}

impl Setup {
    /// A calm run of so many seconds: nothing goes wrong, and nobody calls yet.
    #[must_use]
    pub fn calm(seconds: u64) -> Self {
        let end_ms = seconds * 1_000;
        Self {
            limits: Limits::default(),
            net: NetOptions::default(),
            blocking_us: BLOCKING_US,
            nodes: 1,
            data_groups: 16,
            groups_at_end: 16,
            joins: Vec::new(),
            key_rotate_ms: 7 * 24 * 3_600_000,
            replace_after_ms: 60_000,
            replaced: 0,
            upgrade_ms: u64::MAX,
            level_at_end: 1,
            hosts: 8,
            groups: Vec::new(),
            restarts: Vec::new(),
            leaves: Vec::new(),
            faults: Plan::default(),
            quirks: false,
            trouble_ms: (u64::MAX, u64::MAX),
            rest: Vec::new(),
            cut_means_not_taken: false,
            must_meet: Vec::new(),
            drain_ms: end_ms + 40_000,
            end_ms: end_ms + 60_000,
        }
    }

    /// A calm run of so many nodes, which have a while to find each other before anybody calls.
    #[must_use]
    pub fn cluster(nodes: u32, seconds: u64) -> Self {
        let groups_at_end = groups_wanted(nodes as usize);
        let data_groups = u16::try_from(groups_at_end).expect("so many groups must fit");
        let mut setup = Self { nodes, data_groups, groups_at_end, ..Self::calm(seconds) };
        if nodes < 50 {
            // A run is short, and whoever listens at a host that went dark must find out within it.
            setup.limits.keep_alive_ms = KEEP_ALIVE_MS;
        }
        setup
    }

    /// What a seed makes of what is drawn under this name.
    pub(crate) fn drawn(name: &str, wishes: &Wishes, draw: impl FnOnce(&mut Dice) -> Self) -> Self {
        let dice = |what: &[u8], is_fair| {
            let seed = seed_at(wishes.seed, &[what, name.as_bytes()]);
            Dice { entropy: Entropy::from_seed(seed), is_fair }
        };
        let mut setup = draw(&mut dice(b"scenario", wishes.is_foreign));
        if setup.nodes >= MANY {
            setup.postpone(MANY_FORM_LATER_MS);
        }
        // Where nothing goes wrong, nobody is forgiven anything; a foreign world has no quirks.
        let is_troubled = setup.trouble_ms.0 < u64::MAX && !wishes.is_foreign;
        setup.quirks = setup.nodes > 1 && is_troubled && dice(b"quirks", true).one_in(QUIRKS_ONE_IN);
        if wishes.is_foreign {
            setup.postpone(FOREIGN_START_LATER_MS);
        }
        setup
    }

    /// Until when nodes have quirks; 0 where they have none. In the end, when nodes are asked how their cluster stands, they have
    /// none any more.
    pub(super) fn quirks_until_ms(&self) -> u64 {
        if self.quirks { self.trouble_ms.1.min(self.busy_ms()) } else { 0 }
    }

    /// When processes of nodes end in the middle of what they do.
    pub(super) fn deaths_ms(&self) -> impl Iterator<Item = (NodeId, u64)> {
        let drains = |node| self.restarts.iter().any(|(other, _)| *other == node);
        self.faults.steps.iter().filter_map(move |step| match step.fault {
            Fault::Kill(node)
            | Fault::PowerLoss(node)
            | Fault::PowerLossInWrite { node, .. }
            | Fault::DiskLoss(node)
            | Fault::DiskFail { node, .. }
            | Fault::DiskCapacity { node, bytes: Some(_) } => Some((node, step.at_ms)),
            Fault::Restart(node) if !drains(node) => Some((node, step.at_ms)),
            _ => None,
        })
    }

    /// Whether the disk of a node has been sick by then: what it holds may be lost, and the node may give up.
    pub(super) fn is_sick(&self, node: NodeId, by_ms: u64) -> bool {
        let sick = |step: &Step| {
            let whose = match &step.fault {
                Fault::DiskFail { node, .. }
                | Fault::DiskCapacity { node, bytes: Some(_) }
                | Fault::DiskCorrupt { node, .. } => *node,
                _ => return false,
            };
            whose == node && step.at_ms <= by_ms
        };
        self.faults.steps.iter().any(sick)
    }

    /// How many clients there are in all.
    #[must_use]
    pub fn clients(&self) -> u32 {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// The host of this number that clients live on.
    #[must_use]
    pub const fn client_host(&self, number: u32) -> NodeId {
        NodeId(self.nodes + 1 + number)
    }

    /// Every node.
    #[must_use]
    pub fn servers(&self) -> Vec<NodeId> {
        (0..self.nodes).map(NodeId).collect()
    }

    /// All hosts that clients live on.
    #[must_use]
    pub fn client_hosts(&self) -> Vec<NodeId> {
        (0..self.hosts).map(|number| self.client_host(number)).collect()
    }

    /// Adds a fault at a time.
    pub fn fault(&mut self, at_ms: u64, fault: Fault) {
        self.faults.steps.push(Step { at_ms, fault });
    }

    /// Half of the clients of each era and two over hyper, doing the usual work, to whom this may happen in times of trouble.
    #[must_use]
    pub fn both_eras(clients: u32, seconds: u64, forgiven: &[Outcome]) -> Vec<Group> {
        let group = |role, count| Group::new(role, count, Self::usual_work(seconds)).forgive(forgiven);
        let stateful = group(Role::Stateful, clients / 2);
        vec![stateful, group(Role::Stateless, clients - clients / 2), group(Role::Full, 2)]
    }

    /// The same at a cluster, once that had time to form: they have tasks too, and end their sessions now and then.
    #[must_use]
    pub fn on_cluster(clients: u32, seconds: u64, forgiven: &[Outcome]) -> Vec<Group> {
        let mut groups = Self::both_eras(clients, seconds, forgiven);
        for group in &mut groups {
            group.work.begin_ms = (FORMED_MS, FORMED_MS + 1_000);
            group.work.errands.extend([(Errand::Task(4), 25), (Errand::Quiz, 8), (Errand::Renew, 15)]);
            group.work.errands.extend([(Errand::Poke, 4), (Errand::Relist, 2)]);
        }
        groups
    }

    /// Everything that clients do, and everything that goes wrong, comes so much later.
    fn postpone(&mut self, ms: u64) {
        let later = |at_ms: &mut u64| *at_ms = at_ms.saturating_add(ms);
        for work in self.groups.iter_mut().map(|group| &mut group.work) {
            [&mut work.begin_ms.0, &mut work.begin_ms.1, &mut work.end_ms].into_iter().for_each(later);
        }
        self.faults.steps.iter_mut().map(|step| &mut step.at_ms).for_each(later);
        self.restarts
            .iter_mut()
            .chain(&mut self.leaves)
            .chain(&mut self.joins)
            .map(|(_, at_ms)| at_ms)
            .for_each(later);
        // What is of the newer version from the beginning stays so.
        if self.upgrade_ms > 0 {
            later(&mut self.upgrade_ms);
        }
        let others = [&mut self.trouble_ms.0, &mut self.trouble_ms.1, &mut self.drain_ms, &mut self.end_ms];
        others.into_iter().for_each(later);
    }

    /// Whether the run lasts until nodes have drained. A measurement of clients that are idle need not.
    #[must_use]
    pub const fn drains(&self) -> bool {
        self.end_ms > self.drain_ms
    }

    /// From when to when clients ask.
    #[must_use]
    pub fn work_ms(&self) -> (u64, u64) {
        let begin_ms = self.groups.iter().map(|group| group.work.begin_ms.1).min().unwrap_or_default();
        (begin_ms, self.busy_ms().max(begin_ms))
    }

    /// Until when clients ask.
    #[must_use]
    pub fn busy_ms(&self) -> u64 {
        self.groups.iter().map(|group| group.work.end_ms).max().unwrap_or_default().min(self.end_ms)
    }

    /// The work that most clients do: mostly short calls, now and then a long one, a question, a mishap.
    #[must_use]
    pub fn usual_work(seconds: u64) -> Work {
        let errands = vec![
            (Errand::Echo, 770),
            (Errand::Slow(6), 90),
            (Errand::Ask, 60),
            (Errand::List, 30),
            (Errand::Ping, 30),
            (Errand::Panic, 10),
            (Errand::Poke, 4),
            (Errand::Hang, 4),
        ];
        Work {
            errands,
            pace_ms: (500, 1_500),
            begin_ms: (START_MS, START_MS + 1_000),
            end_ms: seconds * 1_000,
            patience_ms: 30_000,
        }
    }
}

/// A scenario: one idea of what may happen to a node, as a value.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about, in a sentence.
    pub description: &'static str,
    /// Draws a setup.
    pub draw: fn(&mut Dice, &Wishes) -> Setup,
    /// The tools of the node, which note in the history what they do.
    pub catalogue: fn(&History) -> Catalogue,
}

impl Scenario {
    /// What the wishes and the seed in them make of it.
    #[must_use]
    pub fn setup(&self, wishes: &Wishes) -> Setup {
        Setup::drawn(self.name, wishes, |dice| (self.draw)(dice, wishes))
    }

    /// Whether it runs on so many nodes: not every scenario makes sense on any number.
    #[must_use]
    pub fn runs_on(&self, nodes: u32) -> bool {
        self.setup(&Wishes { nodes: Some(nodes), ..Wishes::default() }).nodes == nodes
    }
}
