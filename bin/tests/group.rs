//! Consensus groups on the production world: that they run, and what they cost. Figures are printed; what is asserted is
//! only what no machine should miss.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use switchboard::env::{Env, Instant};
use switchboard::ids::{GroupId, NodeId};
use switchboard::raft::{At, Corrupt, Group, Machine, Network, Options, Unreachable};
use switchboard::store::{Store, StoreOptions};
use switchboard_bin::world::TokioEnv;

/// A machine that counts.
struct Count(u64);

impl Machine for Count {
    fn apply(&mut self, _at: At, _command: &Bytes) -> Bytes {
        self.0 += 1;
        Bytes::copy_from_slice(&self.0.to_le_bytes())
    }

    fn snapshot(&self) -> Vec<u8> {
        self.0.to_le_bytes().to_vec()
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Corrupt> {
        self.0 = u64::from_le_bytes(snapshot.try_into().map_err(|_| Corrupt("not a number"))?);
        Ok(())
    }
}

/// There is nobody else.
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

async fn start(env: &TokioEnv, store: &Store, group: u64) -> Group {
    let options = Options::new(GroupId(group), NodeId(1));
    let machine = Arc::new(Mutex::new(Count(0)));
    let group = Group::start(env.clone(), options, store.clone(), machine, Arc::new(Alone)).await;
    let group = group.expect("must start");
    group.found(&BTreeSet::from([NodeId(1)])).await.expect("must be founded");
    let mut leadership = group.watch_leader();
    while leadership.borrow_and_update().leader.is_none() {
        leadership.changed().await.expect("must run");
    }
    group
}

async fn start_all(env: &TokioEnv, directory: Option<&Path>, groups: u64) -> (Store, Vec<Group>) {
    let store = Store::open(env, directory, StoreOptions::default()).await.expect("must open");
    let groups = futures_util::future::join_all((0..groups).map(|group| start(env, &store, group))).await;
    (store, groups)
}

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn ms(begin: Instant, env: &TokioEnv) -> f64 {
    env.now().since(begin).as_secs_f64() * 1e3
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nine_groups_of_a_single_node_are_up_soon_and_come_back_from_the_disk() {
    let directory = std::env::temp_dir().join(format!("switchboard-group-{}", std::process::id()));
    let scratch = Scratch(directory);
    let env = TokioEnv::boot().expect("the system must have randomness");
    let begin = env.now();
    let (store, groups) = start_all(&env, Some(&scratch.0), 9).await;
    println!("nine groups on a fresh disk: {:.1} ms", ms(begin, &env));
    for group in &groups {
        group.propose(Bytes::from_static(b"x"), env.now().after_ms(5_000)).await.expect("must commit");
    }
    for group in groups {
        group.stop().await;
    }
    store.close().await;
    drop(store);
    let begin = env.now();
    let (_store, groups) = start_all(&env, Some(&scratch.0), 9).await;
    println!("nine groups back from the disk: {:.1} ms", ms(begin, &env));
    assert!(ms(begin, &env) < 5_000.0);
    for group in &groups {
        let reply = group.propose(Bytes::from_static(b"y"), env.now().after_ms(5_000)).await;
        assert_eq!(reply.expect("must commit"), 2_u64.to_le_bytes().as_slice());
    }
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

#[tokio::test]
async fn a_command_of_a_single_voter_in_memory_is_cheap() {
    const COMMANDS: u64 = 5_000;
    let env = TokioEnv::boot().expect("the system must have randomness");
    let (_store, groups) = start_all(&env, None, 1).await;
    let command = Bytes::from(vec![7; 200]);
    let begin = thread_nanos();
    for _ in 0..COMMANDS {
        groups[0].propose(command.clone(), env.now().after_ms(5_000)).await.expect("must commit");
    }
    println!(
        "one after another: {:.1} us of CPU a command",
        (thread_nanos() - begin) as f64 / 1e3 / COMMANDS as f64
    );
    let begin = thread_nanos();
    for _ in 0..COMMANDS / 50 {
        let many = (0..50).map(|_| groups[0].propose(command.clone(), env.now().after_ms(5_000)));
        for reply in futures_util::future::join_all(many).await {
            reply.expect("must commit");
        }
    }
    println!(
        "fifty at a time: {:.1} us of CPU a command",
        (thread_nanos() - begin) as f64 / 1e3 / COMMANDS as f64
    );
}

#[tokio::test]
async fn an_idle_group_is_small() {
    let env = TokioEnv::boot().expect("the system must have randomness");
    let (store, few) = start_all(&env, None, 50).await;
    let before = resident_bytes();
    let many: Vec<Group> =
        futures_util::future::join_all((50..550).map(|group| start(&env, &store, group))).await;
    let each = resident_bytes().saturating_sub(before) / 500;
    println!("an idle group: {} KiB", each / 1024);
    assert!(each < 1024 * 1024, "{each}");
    drop((few, many));
}
