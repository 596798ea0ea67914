//! Running a scenario: a world with nodes, hosts full of clients, a plan of faults, and checkers at the end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use switchboard::env::{Env, Panicked};
use switchboard::handler::Catalogue;
use switchboard::node::{Config, Node, StartError};

use super::cast::{Cast, observed};
use super::cluster::{Life, Site};
use super::piece::{Piece, Place};
use super::report::{End, Report};
use super::setup::{Scenario, Setup, nanos};
use super::wishes::Wishes;
use crate::check::{
    AlwaysHolds, Answered, Balance, CalledOff, Census, ChangesAreHeard, Checker, Converges, EndedStaysEnded,
    Entry, Fact, History, Holding, InBounds, InOrder, LastWord, MapsRise, NothingCrosses, OneLife, OneLog,
    OneOutcome, RunsOnce, Struck, TasksLinearize,
};
use crate::env::SimEnv;
use crate::node::NodeId;
use crate::options::Options;
use crate::world::World;

/// So many segments are kept for a report, at most.
const CARRIED_MAX: usize = 300_000;

/// Runs a scenario.
///
/// # Panics
/// Where it does not [run on](Scenario::runs_on) as many nodes as are wished for.
#[must_use]
pub fn run(scenario: &Scenario, wishes: &Wishes) -> Report {
    let setup = scenario.setup(wishes);
    let fits = wishes.nodes.is_none_or(|nodes| nodes == setup.nodes);
    assert!(fits, "{} must run on as many nodes as are wished for", scenario.name);
    run_setup(scenario, wishes, setup)
}

/// Runs a setup that is not the one that the scenario draws: of the wishes, those that shape a setup are passed over.
#[must_use]
pub fn run_setup(scenario: &Scenario, wishes: &Wishes, setup: Setup) -> Report {
    run_watched(scenario, wishes, setup, &mut |_| ())
}

/// As [`run_setup`]. `watch` is called with the virtual time after each second of it, and changes nothing.
#[must_use]
pub fn run_watched(
    scenario: &Scenario,
    wishes: &Wishes,
    setup: Setup,
    watch: &mut dyn FnMut(Duration),
) -> Report {
    perform(&Piece::from(scenario), wishes, setup, watch)
}

/// Performs a piece.
pub(crate) fn perform(
    piece: &Piece,
    wishes: &Wishes,
    setup: Setup,
    watch: &mut dyn FnMut(Duration),
) -> Report {
    let setup = Arc::new(setup);
    let Wishes { seed, hash_key, log_lines_max, log_from, flaw, .. } = *wishes;
    let (net, blocking_us, quirks_until_ms) = (setup.net, setup.blocking_us, setup.quirks_until_ms());
    let seeded = Options::seeded(seed);
    let options =
        Options { net, blocking_us, hash_key, log_lines_max, log_from, flaw, quirks_until_ms, ..seeded };
    let mut world = World::new(options);
    if let Some((from_ms, to_ms)) = wishes.carried_ms {
        world.keep_carried(nanos(from_ms)..nanos(to_ms), CARRIED_MAX);
    }
    let mut report = Report::new(piece.name, wishes, &setup);
    let played = Panicked::catch(|| play(&mut world, piece, &setup, wishes, watch));
    report.trace_hash = world.trace_hash();
    report.virtual_time = world.now();
    report.log = world.log();
    report.checkpoints = world.checkpoints();
    (report.faults, report.lives, report.carried) = (world.fired(), world.lives(), world.carried());
    (report.reached, report.quirks) = (world.reached(), world.quirks());
    match played {
        Err(panicked) => report.end = End::Crash(panicked.0),
        Ok(entries) => {
            let mut all = checkers(&setup);
            all.extend((piece.checkers)());
            report.judge(entries, &setup, all, world.panics());
        }
    }
    report
}

/// Lets everything happen, and gives the history of it.
fn play(
    world: &mut World,
    piece: &Piece,
    setup: &Arc<Setup>,
    wishes: &Wishes,
    watch: &mut dyn FnMut(Duration),
) -> Vec<Entry> {
    let servers: Vec<NodeId> =
        (0..setup.nodes).map(|number| world.add_node(&format!("server {number}"), None)).collect();
    assert_eq!(servers, setup.servers(), "the nodes must be the first");
    let clock = world.add_node("clock", None);
    let history = History::new(world.env(clock)).plant(wishes.plant).with_words(wishes.keeps_history);
    world.observe(observed(&history));
    let sites = servers.iter().map(|server| Site::alone(world.ip(*server))).collect();
    let cast = Cast::new(setup, &history, sites);
    for server in servers {
        let (cast, piece) = (cast.clone(), piece.clone());
        world.boot(server, move |env| {
            let (tools, sites) = (Arc::clone(&piece.tools), cast.sites());
            let make =
                move |history: &History| tools(Place { node: server, env, sites, history: history.clone() });
            let life = cast.serve(server, env, make, start);
            async move {
                if life.await == Life::GivenUp {
                    env.exit();
                }
            }
        });
    }
    for number in 0..setup.hosts {
        let host = world.add_node(&format!("clients {number}"), None);
        let (cast, scripts) = (cast.clone(), Arc::clone(&piece.scripts));
        world.boot(host, move |env| {
            cast.come(number, &env);
            cast.act(number, env, &scripts);
            std::future::ready(())
        });
    }
    world.schedule(&setup.faults);
    if let Some(moment) = cast.stock_at() {
        pass(world, moment, watch);
        look(world, setup, &history, Fact::Holds);
        let env = world.env(clock);
        drop(env.spawn("stock", cast.take_stock(env)));
    }
    pass(world, Duration::from_millis(setup.end_ms), watch);
    if setup.drains() {
        look(world, setup, &history, Fact::Leaves);
    }
    history.take()
}

/// Notes what each node holds that is to be well.
fn look(world: &World, setup: &Setup, history: &History, say: fn(NodeId, Holding) -> Fact) {
    for node in setup.servers().into_iter().filter(|node| !setup.rest.contains(node)) {
        let holding = Holding { tasks: world.tasks(node), memory: world.memory(node) };
        history.note(say(node, holding));
    }
}

/// Lets things happen until then.
fn pass(world: &mut World, until: Duration, watch: &mut dyn FnMut(Duration)) {
    while world.now() < until {
        world.run_until(until.min(world.now() + Duration::from_secs(1)));
        watch(world.now());
    }
}

/// The one place where a node meets the kernel.
fn start(
    env: SimEnv,
    config: Config,
    catalogue: Catalogue,
) -> BoxFuture<'static, Result<Node<SimEnv>, StartError>> {
    Box::pin(Node::start(env, config, catalogue))
}

/// The checkers of every run.
pub(crate) fn checkers(setup: &Setup) -> Vec<Box<dyn Checker>> {
    let mut first = 0;
    let forgiven = setup.groups.iter().map(|group| {
        let clients = first..first + group.count;
        first = clients.end;
        (clients, group.forgiven.clone())
    });
    let range = |(from, to): (u64, u64)| nanos(from)..nanos(to);
    let trouble = range(setup.trouble_ms);
    let deaths = setup.deaths_ms().map(|(node, at_ms)| (node, nanos(at_ms))).collect();
    let is_cluster = setup.nodes > 1;
    let (struck, absences) = (setup.struck(), setup.absences());
    let blamed = Struck {
        hosts: is_cluster.then(|| struck.clone()),
        rest: setup.rest.clone(),
        client_hosts: (setup.client_host(0), setup.hosts),
    };
    let answered = Answered::new(trouble.clone(), forgiven.collect(), blamed);
    let once = RunsOnce::new(setup.cut_means_not_taken);
    let grace = nanos(setup.limits.session_grace_ms);
    let excused = vec![struck, absences.clone()];
    let called_off =
        CalledOff::new(trouble.clone(), nanos(setup.limits.call_ms_max), setup.rest.clone(), excused);
    let mut all: Vec<Box<dyn Checker>> = vec![
        Box::new(AlwaysHolds::default()),
        Box::new(OneOutcome::default()),
        Box::new(NothingCrosses::default()),
        Box::new(InOrder::default()),
        Box::new(once),
        Box::new(InBounds::new(&setup.limits, is_cluster)),
        Box::new(EndedStaysEnded::new(absences, grace)),
        Box::new(ChangesAreHeard::new(trouble, deaths, setup.rest.clone())),
        Box::new(LastWord::default()),
        Box::new(OneLife::default()),
        Box::new(OneLog::default()),
        Box::new(TasksLinearize::default()),
        Box::new(called_off),
        Box::new(MapsRise::default()),
        Box::new(Balance::new(setup.rest.clone(), setup.drains())),
        Box::new(answered),
    ];
    if is_cluster && setup.drains() {
        let left = u32::try_from(setup.leaves.len()).expect("so many nodes must fit");
        let (stay, gone) = (setup.nodes - left, setup.replaced + left);
        let converges = Converges::new(stay, gone, setup.level_at_end, setup.groups_at_end);
        all.push(Box::new(converges.without(setup.rest.clone())));
        all.push(Box::new(Census::of(3 * setup.groups_at_end, stay as usize - setup.rest.len())));
    }
    all
}
