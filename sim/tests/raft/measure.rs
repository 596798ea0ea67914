//! What a group costs. Counts are asserted, for they do not depend on the machine; processor time and memory are printed.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use switchboard::env::{Env, Instant};
use switchboard::ids::{GroupId, NodeId};
use switchboard::raft::{At, Corrupt, Group, Machine, Network, Options, Unreachable};
use switchboard::store::{Store, StoreOptions};
use switchboard_sim::{Options as WorldOptions, SimEnv, World};

use crate::cluster::{Cluster, Plan, lock};

#[test]
fn an_idle_group_of_three_sends_less_than_five_messages_a_second() {
    let mut cluster = Cluster::new(&Plan { pause_ms: 0, ..Plan::new(1, 3) });
    cluster.run_ms(5_000);
    let before = lock(&cluster.truth).messages;
    cluster.run_ms(60_000);
    let sent = lock(&cluster.truth).messages - before;
    println!("idle, three members: {sent} requests a minute, as many answers");
    assert!(sent < 5 * 60, "{sent}");
}

struct Echo;

impl Machine for Echo {
    fn apply(&mut self, _at: At, command: &Bytes) -> Bytes {
        command.clone()
    }

    fn snapshot(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _snapshot: &[u8]) -> Result<(), Corrupt> {
        Ok(())
    }
}

struct Alone;

impl Network for Alone {
    fn send(
        &self,
        _to: NodeId,
        _group: GroupId,
        _message: Bytes,
        _bulk: bool,
        _deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<Bytes, Unreachable>> + Send>> {
        Box::pin(async { Err(Unreachable) })
    }
}

async fn start(env: SimEnv, store: Store, group: u64) -> Group {
    let options = Options::new(GroupId(group), NodeId(1));
    let group = Group::start(env, options, store, Arc::new(Mutex::new(Echo)), Arc::new(Alone)).await;
    let group = group.expect("must start");
    group.found(&BTreeSet::from([NodeId(1)])).await.expect("must be founded");
    group.propose(Bytes::from_static(b"first"), env.now().after_ms(1_000)).await.expect("must lead at once");
    group
}

/// Time that this thread has run, in nanoseconds.
fn thread_nanos() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default()
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}

#[test]
fn a_command_of_a_single_voter_in_memory_is_cheap() {
    const COMMANDS: u64 = 5_000;
    let mut world = World::new(WorldOptions::seeded(1));
    let node = world.add_node("n", None);
    let env = world.env(node);
    world.block_on(node, async move {
        let store = Store::open(&env, None, StoreOptions::default()).await.expect("must open");
        let group = start(env, store, 1).await;
        let command = Bytes::from(vec![7; 200]);
        let begin = thread_nanos();
        for _ in 0..COMMANDS {
            group.propose(command.clone(), env.now().after_ms(5_000)).await.expect("must commit");
        }
        println!("one after another: {} ns of CPU a command", (thread_nanos() - begin) / COMMANDS);
        let begin = thread_nanos();
        for _ in 0..COMMANDS / 50 {
            let many = (0..50).map(|_| group.propose(command.clone(), env.now().after_ms(5_000)));
            for reply in futures_util::future::join_all(many).await {
                reply.expect("must commit");
            }
        }
        println!("fifty at a time: {} ns of CPU a command", (thread_nanos() - begin) / COMMANDS);
    });
}

#[test]
fn nine_groups_of_a_single_node_are_up_within_a_node_start() {
    let mut world = World::new(WorldOptions::seeded(1));
    let node = world.add_node("n", None);
    let env = world.env(node);
    let (cpu, begin) = (thread_nanos(), world.now());
    world.block_on(node, async move {
        let directory = Some(std::path::Path::new("data"));
        let store = Store::open(&env, directory, StoreOptions::default()).await.expect("must open");
        futures_util::future::join_all((0..9).map(|group| start(env, store.clone(), group))).await;
    });
    let took = world.now() - begin;
    println!("nine groups: {took:?} of virtual time, {} us of CPU", (thread_nanos() - cpu) / 1_000);
    assert!(took.as_millis() < 20, "{took:?}: nobody to ask, so nothing to wait for but the disk");
}

#[test]
fn an_idle_group_is_small() {
    let mut world = World::new(WorldOptions::seeded(1));
    let node = world.add_node("n", None);
    let env = world.env(node);
    world.block_on(node, async move {
        let store = Store::open(&env, None, StoreOptions::default()).await.expect("must open");
        let few = futures_util::future::join_all((0..50).map(|group| start(env, store.clone(), group))).await;
        let before = resident_bytes();
        let many =
            futures_util::future::join_all((50..550).map(|group| start(env, store.clone(), group))).await;
        println!("an idle group: {} KiB", resident_bytes().saturating_sub(before) / 500 / 1024);
        drop((few, many));
    });
}
