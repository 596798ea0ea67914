//! Running a scenario in a foreign world.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use switchboard::env::{Env, Panicked};
use switchboard::event::Event;
use switchboard::probe::Point;
use xxhash_rust::xxh3::xxh3_128;

use super::life::lock;
use crate::check::{Entry, History};
use crate::fault::{Fault, Fired};
use crate::net::NetOptions;
use crate::node::NodeId;
use crate::options::BLOCKING_US;
use crate::plan::Plan;
use crate::scenario::{Cast, End, Group, Report, Scenario, Setup, Site, Start, Wishes, checkers, observed};
use crate::trace::TraceHash;

/// A world that is not the kernel: hosts, programs on them, and faults.
pub trait Foreign: Sized {
    /// As its nodes see it.
    type Env: Env;
    /// Its name.
    const NAME: &'static str;
    /// So many hosts at most.
    const HOSTS_MAX: usize;
    /// What stands before the name of a scenario and its wishes, where a report says what was run.
    const COMMAND: &'static str;

    /// A world without hosts, a function of its seed.
    #[must_use]
    fn new(seed: u64) -> Self;

    /// Whether this world can do a fault.
    #[must_use]
    fn can(fault: &Fault) -> bool;

    /// Whether clients like these come to the end in this world that the scenario is about.
    #[must_use]
    fn can_host(_group: &Group) -> bool {
        true
    }

    /// Adds a host, on which nothing runs yet.
    ///
    /// # Panics
    /// Where there are [`HOSTS_MAX`](Self::HOSTS_MAX) already.
    fn add_node(&mut self, name: &str) -> NodeId;

    /// The address of a host.
    #[must_use]
    fn ip(&self, node: NodeId) -> IpAddr;

    /// The world as the present process of a host sees it.
    #[must_use]
    fn env(&self, node: NodeId) -> Self::Env;

    /// Says what a host runs, once, and starts it. It is started again by every restart.
    fn boot<F, Fut>(&mut self, node: NodeId, program: F)
    where
        F: Fn(Self::Env) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static;

    /// Runs a future to its end on a host that was not booted.
    ///
    /// # Panics
    /// Where the future or any task panics, or where it does not end within an hour of simulated time.
    fn block_on<F>(&mut self, node: NodeId, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Calls `observer` with every event that any node records: time in nanoseconds, node, event.
    fn observe(&mut self, observer: impl Fn(u64, NodeId, &Event) + Send + Sync + 'static);

    /// Adds the steps of a plan to what will happen.
    ///
    /// # Panics
    /// Where a fault is one that this world [cannot do](Self::can).
    fn schedule(&mut self, plan: &Plan);

    /// Lets everything happen until a moment.
    fn run_until(&mut self, moment: Duration);

    /// Simulated time since the world began.
    #[must_use]
    fn now(&self) -> Duration;

    /// The panics of all tasks so far: where, and the message.
    #[must_use]
    fn panics(&self) -> Vec<String>;

    /// Every fault that was applied.
    #[must_use]
    fn fired(&self) -> Vec<Fired>;
}

/// Why a world does not run a setup. It is said before anything is run: what a world left out silently, a run in it would
/// seem to have survived.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// It does not carry as many hosts.
    #[error("{world} carries {most} hosts, and this run needs {needed}")]
    Hosts {
        /// The world.
        world: &'static str,
        /// So many it carries.
        most: usize,
        /// So many are needed.
        needed: usize,
    },
    /// It cannot do this fault.
    #[error("{world} cannot do this fault: {fault:?}")]
    Fault {
        /// The world.
        world: &'static str,
        /// The fault.
        fault: Box<Fault>,
    },
    /// Clients would meet something else there than what they are for.
    #[error(
        "{world} has no clients that {what}: its network would end their connections otherwise than they are made for"
    )]
    Clients {
        /// The world.
        world: &'static str,
        /// What they do.
        what: &'static str,
    },
    /// It has a network of its own.
    #[error("{world} has a network of its own, and this run needs another: {net:?}")]
    Net {
        /// The world.
        world: &'static str,
        /// The network.
        net: Box<NetOptions>,
    },
    /// What blocks takes as long there as it takes.
    #[error("{0} has disks of one speed, and this run needs others: only the kernel does")]
    Disks(&'static str),
    /// Bugs are planted by the kernel alone.
    #[error("{0} plants no bugs in nodes: only the kernel does")]
    Flaw(&'static str),
    /// Hashers are keyed by the kernel alone.
    #[error("{0} gives hashers no key: only the kernel does")]
    HashKey(&'static str),
    /// It keeps no log of what it does.
    #[error("{0} keeps no log of what it does: only the kernel does")]
    Log(&'static str),
}

/// Hosts of a setup: its nodes, a clock, and those that clients live on.
fn check<W: Foreign>(setup: &Setup, wishes: &Wishes) -> Result<(), Refused> {
    let world = W::NAME;
    let needed = (setup.nodes + 1 + setup.hosts) as usize;
    if needed > W::HOSTS_MAX {
        return Err(Refused::Hosts { world, most: W::HOSTS_MAX, needed });
    }
    if let Some(group) = setup.groups.iter().find(|group| !W::can_host(group)) {
        let what = if group.nap_ms > 0 { "stop reading" } else { "send what no server should take" };
        return Err(Refused::Clients { world, what });
    }
    if setup.net != NetOptions::default() {
        return Err(Refused::Net { world, net: Box::new(setup.net) });
    }
    if setup.blocking_us != BLOCKING_US {
        return Err(Refused::Disks(world));
    }
    if wishes.flaw.is_some() {
        return Err(Refused::Flaw(world));
    }
    if wishes.hash_key != 0 {
        return Err(Refused::HashKey(world));
    }
    if wishes.log_lines_max > 0 || wishes.log_from.is_some() {
        return Err(Refused::Log(world));
    }
    match setup.faults.steps.iter().find(|step| !W::can(&step.fault)) {
        Some(step) => Err(Refused::Fault { world, fault: Box::new(step.fault.clone()) }),
        None => Ok(()),
    }
}

/// Runs a setup. The trace hash of the report is that of the history.
pub(super) fn run<W: Foreign>(
    scenario: &Scenario,
    wishes: &Wishes,
    setup: Setup,
    start: Start<W::Env>,
) -> Result<Report, Refused> {
    check::<W>(&setup, wishes)?;
    let setup = Arc::new(setup);
    let mut world = W::new(wishes.seed);
    let mut report = Report::new(scenario.name, wishes, &setup);
    report.replay = format!("{} {} {wishes}", W::COMMAND, scenario.name);
    let reached = Reached::default();
    let played = Panicked::catch(|| play(&mut world, scenario, &setup, wishes, start, &reached));
    (report.virtual_time, report.faults) = (world.now(), world.fired());
    report.reached.clone_from(&lock(&reached));
    match played {
        Err(panicked) => report.end = End::Crash(panicked.0),
        Ok(entries) => {
            report.trace_hash = hash(&entries);
            report.judge(entries, &setup, checkers(&setup), world.panics());
        }
    }
    Ok(report)
}

/// How often each point was reached.
type Reached = Arc<Mutex<BTreeMap<Point, u64>>>;

/// Counts the points that nodes reach, and hands everything on.
fn counted(
    reached: &Reached,
    then: impl Fn(u64, NodeId, &Event) + Send + Sync + 'static,
) -> impl Fn(u64, NodeId, &Event) + Send + Sync + 'static {
    let reached = Arc::clone(reached);
    move |at, node, event| {
        if let Event::Reached(point) = event {
            *lock(&reached).entry(*point).or_default() += 1;
        }
        then(at, node, event);
    }
}

fn play<W: Foreign>(
    world: &mut W,
    scenario: &Scenario,
    setup: &Arc<Setup>,
    wishes: &Wishes,
    start: Start<W::Env>,
    reached: &Reached,
) -> Vec<Entry> {
    let servers: Vec<NodeId> =
        (0..setup.nodes).map(|number| world.add_node(&format!("server {number}"))).collect();
    assert_eq!(servers, setup.servers(), "the nodes must be the first");
    let clock = world.add_node("clock");
    let hosts: Vec<NodeId> =
        (0..setup.hosts).map(|number| world.add_node(&format!("clients {number}"))).collect();
    let history = History::new(world.env(clock)).plant(wishes.plant).with_words(wishes.keeps_history);
    world.observe(counted(reached, observed(&history)));
    let sites = servers.iter().map(|server| Site::alone(world.ip(*server))).collect();
    let cast = Cast::new(setup, &history, sites);
    let takes_stock = cast.clone();
    world.boot(clock, move |env| {
        let cast = takes_stock.clone();
        async move {
            if let Some(moment) = cast.stock_at() {
                env.sleep_until(env.now().after(moment)).await;
                cast.take_stock(env).await;
            }
        }
    });
    for server in servers {
        let cast = cast.clone();
        let tools = scenario.catalogue;
        world.boot(server, move |env| cast.serve(server, env, tools, start).map(drop));
    }
    for (number, host) in (0..).zip(hosts) {
        let cast = cast.clone();
        world.boot(host, move |env| {
            let cast = cast.clone();
            async move { cast.come(number, &env) }
        });
    }
    world.schedule(&setup.faults);
    world.run_until(Duration::from_millis(setup.end_ms));
    history.take()
}

fn hash(entries: &[Entry]) -> TraceHash {
    let mut text = String::new();
    for entry in entries {
        let _ = writeln!(text, "{entry}");
    }
    TraceHash(xxh3_128(text.as_bytes()))
}
