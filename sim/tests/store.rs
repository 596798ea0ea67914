//! The store on a disk that loses power, tears writes, fills up and fails.

use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use switchboard::env::Env;
use switchboard::ids::GroupId;
use switchboard::store::{Failed, OpenError, Scope, Store, StoreOptions};
use switchboard_sim::{DiskOperation, Fault, NodeId, Options, SimEnv, World};

const GROUP: GroupId = GroupId(3);

fn world(seed: u64) -> (World, NodeId) {
    let mut world = World::new(Options::seeded(seed));
    let node = world.add_node("n", None);
    (world, node)
}

async fn open(env: SimEnv) -> Store {
    let store = Store::open(&env, Some(Path::new("d")), StoreOptions::default()).await.expect("must open");
    store.bounds(GROUP).await.expect("must know its bounds");
    store
}

fn entry(index: u64) -> Bytes {
    let mut bytes = index.to_le_bytes().to_vec();
    bytes.resize(8 + usize::try_from(index % 700).expect("must fit"), 7);
    bytes.into()
}

/// Appends one entry; the last index that is durable is kept in `durable`.
async fn append(store: &Store, index: u64, durable: &Arc<Mutex<u64>>) -> Result<(), Failed> {
    let durable = Arc::clone(durable);
    let done = Box::new(move |result: Result<(), Failed>| {
        if result.is_ok() {
            let mut durable = durable.lock().expect("must not be poisoned");
            assert!(*durable < index, "answers must come in order");
            *durable = index;
        }
    });
    store.append(GROUP, index, vec![entry(index)], done).await
}

async fn check(store: &Store, durable: u64) -> u64 {
    let bounds = store.bounds(GROUP).await.expect("must know its bounds");
    let (first, entries) = store.read(GROUP, 0..u64::MAX).await.expect("must read");
    assert!(bounds.end > durable || durable == 0, "{bounds:?} must reach {durable}");
    assert_eq!((first, first + entries.len() as u64), (bounds.start, bounds.end));
    for (index, found) in (first..).zip(&entries) {
        assert_eq!(*found, entry(index));
    }
    bounds.end
}

#[test]
fn what_was_answered_survives_a_power_loss_whatever_becomes_of_the_rest() {
    for seed in 0..100 {
        let (mut world, node) = world(seed);
        let durable = Arc::new(Mutex::new(0));
        for round in 0..4 {
            let (env, place) = (world.env(node), Arc::clone(&durable));
            let expected = *durable.lock().expect("must not be poisoned");
            world.block_on(node, async move {
                let store = open(env).await;
                let next = check(&store, expected).await.max(1);
                let mut entropy = env.entropy("test");
                let task = store.clone();
                // It goes on until the power does.
                env.spawn("appends", async move {
                    for index in next.. {
                        append(&task, index, &place).await.expect("must append");
                        if entropy.chance(1, 3) {
                            env.sleep_until(env.now().after_ms(entropy.below(2))).await;
                        }
                    }
                });
                env.sleep_until(env.now().after_ms(3 + seed % 5 + round)).await;
            });
            world.lose_power(node);
            world.restart(node);
        }
        assert!(*durable.lock().expect("must not be poisoned") > 0, "seed {seed}");
    }
}

#[test]
fn a_store_that_was_half_made_is_made_again() {
    for seed in 0..1_000 {
        let (mut world, node) = world(seed);
        world.apply(Fault::DiskFail { node, only: None, after: seed, count: 1 });
        let env = world.env(node);
        let first = world.block_on(node, async move {
            Store::open(&env, Some(Path::new("d")), StoreOptions::default()).await.map(drop)
        });
        if first.is_ok() {
            assert!(seed > 20, "making a store takes more than {seed} operations");
            return;
        }
        assert!(matches!(first, Err(OpenError::Disk(_))), "operation {seed}: {first:?}");
        world.lose_power(node);
        world.restart(node);
        let env = world.env(node);
        world.block_on(node, async move {
            let store = open(env).await;
            assert_eq!(store.bounds(GROUP).await, Ok(0..0));
        });
    }
    panic!("a store must be made some day");
}

#[test]
fn a_full_disk_poisons_the_store_and_keeps_what_was_answered() {
    for seed in 0..20 {
        let (mut world, node) = world(seed);
        let durable = Arc::new(Mutex::new(0));
        let (env, place) = (world.env(node), Arc::clone(&durable));
        let store = world.block_on(node, open(env));
        let probe = world.block_on(node, {
            let store = store.clone();
            async move {
                for index in 1..20 {
                    append(&store, index, &place).await.expect("must append");
                }
                store.put(Scope::Node, "name", Bytes::from_static(b"x")).await
            }
        });
        assert_eq!(probe, Ok(()));
        world.apply(Fault::DiskCapacity { node, bytes: Some(64 * 1024) });
        let (place, task) = (Arc::clone(&durable), store.clone());
        let (failed, later) = world.block_on(node, async move {
            for index in 20.. {
                if append(&task, index, &place).await.is_err() {
                    break;
                }
                if index % 50 == 0 {
                    let _ = task.put(Scope::Node, "name", Bytes::from_static(b"y")).await;
                }
            }
            let failed = task.failed().await;
            (failed.clone(), task.put(Scope::Node, "name", Bytes::from_static(b"z")).await)
        });
        assert_eq!(later, Err(failed), "every later call must say the first cause");
        drop(store);
        world.kill(node);
        world.apply(Fault::DiskCapacity { node, bytes: None });
        world.restart(node);
        let (env, expected) = (world.env(node), *durable.lock().expect("must not be poisoned"));
        assert!(expected >= 19);
        world.block_on(node, async move { check(&open(env).await, expected).await });
    }
}

#[test]
fn a_failed_sync_is_never_followed_by_an_answer() {
    for seed in 0..50 {
        let (mut world, node) = world(seed);
        let durable = Arc::new(Mutex::new(0));
        let (env, place) = (world.env(node), Arc::clone(&durable));
        let store = world.block_on(node, open(env));
        world.apply(Fault::DiskFail { node, only: Some(DiskOperation::Sync), after: seed % 9, count: 1 });
        world.block_on(node, async move {
            for index in 1.. {
                if append(&store, index, &place).await.is_err() {
                    break;
                }
                env.sleep_until(env.now().after_ms(1)).await;
            }
            assert!(store.failed().await.to_string().contains("the disk failed"), "it must name the cause");
        });
        world.lose_power(node);
        world.restart(node);
        let (env, expected) = (world.env(node), *durable.lock().expect("must not be poisoned"));
        world.block_on(node, async move { check(&open(env).await, expected).await });
    }
}

#[test]
fn truncated_and_purged_entries_stay_away_and_pairs_and_snapshots_come_back() {
    let (mut world, node) = world(9);
    let durable = Arc::new(Mutex::new(0));
    let env = world.env(node);
    world.block_on(node, async move {
        let store = open(env).await;
        for index in 1..100 {
            append(&store, index, &durable).await.expect("must append");
        }
        store.truncate(GROUP, 50).await.expect("must truncate");
        store.append(GROUP, 50, vec![entry(50)], Box::new(drop)).await.expect("must append");
        store.purge(GROUP, 10).await.expect("must purge");
        store.put_lazily(Scope::Group(GROUP), "lazy", Bytes::from_static(b"later"));
        store.put_snapshot(GROUP, Bytes::from(vec![5; 100_000])).await.expect("must put");
        store.put(Scope::Group(GroupId(4)), "vote", Bytes::from_static(b"other")).await.expect("must put");
        assert_eq!(store.bounds(GROUP).await, Ok(10..51));
        store.close().await;
        assert!(store.read(GROUP, 0..99).await.is_err());
    });
    world.lose_power(node);
    world.restart(node);
    let env = world.env(node);
    world.block_on(node, async move {
        let store = open(env).await;
        assert_eq!(store.bounds(GROUP).await, Ok(10..51));
        assert_eq!(store.snapshot(GROUP).await, Ok(Some(Bytes::from(vec![5; 100_000]))));
        assert_eq!(store.get(Scope::Group(GROUP), "lazy").await, Ok(Some(Bytes::from_static(b"later"))));
        store.forget(GROUP).await.expect("must forget");
        assert_eq!(store.bounds(GROUP).await, Ok(0..0));
        assert_eq!(store.snapshot(GROUP).await, Ok(None));
        let other = store.get(Scope::Group(GroupId(4)), "vote").await;
        assert_eq!(other, Ok(Some(Bytes::from_static(b"other"))), "another group's must stay");
    });
}

#[test]
fn one_transaction_carries_what_many_groups_ask_for() {
    let (mut world, node) = world(11);
    let env = world.env(node);
    world.block_on(node, async move {
        let store = open(env).await;
        let begin = env.now();
        let mut tasks = Vec::new();
        for group in 0..200 {
            let store = store.clone();
            tasks.push(async move {
                store
                    .put(Scope::Group(GroupId(group)), "k", Bytes::from_static(b"v"))
                    .await
                    .expect("must put");
            });
        }
        futures_util::future::join_all(tasks).await;
        let took = env.now().since(begin);
        assert!(took.as_micros() < 600, "two hundred writes took {took:?}: that is more than three commits");
    });
}

#[test]
fn the_same_seed_writes_the_same_bytes() {
    let run = |seed| {
        let (mut world, node) = world(seed);
        let env = world.env(node);
        world.block_on(node, async move {
            let store = open(env).await;
            let durable = Arc::new(Mutex::new(0));
            for index in 1..2_000 {
                append(&store, index, &durable).await.expect("must append");
                if index % 100 == 0 {
                    store.purge(GROUP, index - 50).await.expect("must purge");
                    store.put_snapshot(GROUP, entry(index)).await.expect("must put");
                }
            }
            store.close().await;
        });
        world.trace_hash()
    };
    assert_eq!(run(5), run(5));
}
