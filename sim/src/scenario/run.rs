//! Running a scenario: a world with a node, hosts full of clients, a plan of faults, and checkers at the end.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use switchboard::env::{Entropy, Env, Panicked};
use switchboard::node::{Config, HttpConfig, Node};

use super::report::{End, Report};
use super::setup::{Dice, Group, Role, SERVER, Scenario, Setup, Wishes};
use crate::check::{
    Answered, Balance, Checker, ClientId, Entry, Fact, History, InBounds, InOrder, NothingCrosses,
    OneOutcome, RunsOnce,
};
use crate::client::{Era, Persona, attack, live, live_in_full};
use crate::entropy::seed_at;
use crate::env::SimEnv;
use crate::options::Options;
use crate::world::World;

const PORT: u16 = 8080;

/// Runs a scenario.
#[must_use]
pub fn run(scenario: &Scenario, wishes: &Wishes) -> Report {
    let mut dice = Dice(Entropy::from_seed(seed_at(wishes.seed, &[b"scenario", scenario.name.as_bytes()])));
    let setup = Arc::new((scenario.draw)(&mut dice, wishes));
    let options =
        Options { net: setup.net, log_lines_max: wishes.log_lines_max, ..Options::seeded(wishes.seed) };
    let mut world = World::new(options);
    let mut report = Report::new(scenario, wishes, &setup);
    let played = catch_unwind(AssertUnwindSafe(|| play(&mut world, scenario, &setup, wishes)));
    report.trace_hash = world.trace_hash();
    report.virtual_time = world.now();
    report.log = world.log();
    match played {
        Err(payload) => report.end = End::Crash(Panicked::from_payload(&*payload).0),
        Ok(entries) => report.judge(entries, &world, &setup),
    }
    report
}

/// Lets everything happen, and gives the history of it.
fn play(world: &mut World, scenario: &Scenario, setup: &Arc<Setup>, wishes: &Wishes) -> Vec<Entry> {
    let server = world.add_node("server", None);
    assert_eq!(server, SERVER, "the node must be the first");
    let clock = world.add_node("clock", None);
    let history = History::new(world.env(clock)).plant(wishes.plant);
    let observed = history.clone();
    world.observe(move |at, node, event| observed.note_at(at, Fact::Node(node, event.clone())));
    let address = SocketAddr::new(world.ip(server), PORT);
    let (scenario, serving, noted) = (*scenario, Arc::clone(setup), history.clone());
    world.boot(server, move |env| serve(env, address, scenario, Arc::clone(&serving), noted.clone()));
    settle(world, setup, &history, address);
    world.schedule(&setup.faults);
    world.run_until(Duration::from_millis(setup.end_ms));
    history.take()
}

/// Gives every client its host.
fn settle(world: &mut World, setup: &Setup, history: &History, server: SocketAddr) {
    let mut hosts: Vec<Vec<(Role, Persona)>> = (0..setup.hosts).map(|_| Vec::new()).collect();
    let mut number = 0;
    for group in &setup.groups {
        let work = Arc::new(group.work.clone());
        for member in 0..group.count {
            let era = match group.role {
                Role::Stateful => Era::Stateful,
                // Full clients are few: by turns of either era.
                Role::Full if number % 2 == 1 => Era::Stateful,
                Role::Stateless | Role::Full | Role::Hostile => Era::Stateless,
            };
            let (id, listens, work) = (ClientId(number), is_one_in(group, member), Arc::clone(&work));
            let persona = Persona { id, server, era, listens, nap_ms: group.nap_ms, work };
            hosts[number as usize % setup.hosts as usize].push((group.role, persona));
            number += 1;
        }
    }
    for (index, personas) in hosts.into_iter().enumerate() {
        let host = world.add_node(&format!("clients {index}"), None);
        let history = history.clone();
        world.boot(host, move |env| {
            for (role, persona) in &personas {
                let (history, persona) = (history.clone(), persona.clone());
                match role {
                    Role::Full => env.spawn("full client", live_in_full(env, history, persona)),
                    Role::Hostile => env.spawn("hostile client", attack(env, history, persona)),
                    Role::Stateful | Role::Stateless => env.spawn("client", live(env, history, persona)),
                };
            }
            std::future::ready(())
        });
    }
}

const fn is_one_in(group: &Group, member: u32) -> bool {
    group.listens_one_in > 0 && member.is_multiple_of(group.listens_one_in)
}

/// The life of the node.
async fn serve(env: SimEnv, address: SocketAddr, scenario: Scenario, setup: Arc<Setup>, history: History) {
    let http = HttpConfig { hosts: vec![address.ip().to_string()], ..HttpConfig::at(address) };
    let config = Config {
        http: Some(http),
        open_to_the_network: true,
        state_dir: Some(PathBuf::from("/state")),
        limits: setup.limits.clone(),
        ..Config::new()
    };
    let node = Node::start(env, config, (scenario.catalogue)(&history)).await.expect("the node must start");
    history.note(Fact::Booted(env.node()));
    let left_ms = setup.drain_ms.saturating_sub(history.now() / 1_000_000);
    env.sleep_until(env.now().after_ms(left_ms)).await;
    node.drain().await;
}

/// The checkers of every run.
pub(super) fn checkers(setup: &Setup) -> Vec<Box<dyn Checker>> {
    let mut first = 0;
    let forgiven = setup.groups.iter().map(|group| {
        let clients = first..first + group.count;
        first = clients.end;
        (clients, group.forgiven.clone())
    });
    let nanos = |ms: u64| ms.saturating_mul(1_000_000);
    let trouble = nanos(setup.trouble_ms.0)..nanos(setup.trouble_ms.1);
    let answered = Answered::new(trouble, forgiven.collect());
    let once = RunsOnce::new(setup.cut_means_not_taken);
    vec![
        Box::new(OneOutcome::default()),
        Box::new(NothingCrosses::default()),
        Box::new(InOrder::default()),
        Box::new(once),
        Box::new(InBounds::new(&setup.limits)),
        Box::new(Balance::default()),
        Box::new(answered),
    ]
}
