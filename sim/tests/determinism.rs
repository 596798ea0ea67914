//! The same seed is the same run; another seed is another.

use std::net::SocketAddr;
use std::time::Duration;

use switchboard::env::{Env, Listener, Task};
use switchboard::table::FixedHasher;
use switchboard_sim::{NodeId, Options, SimEnv, TraceHash, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn serve(env: SimEnv, port: u16) {
    let mut listener = env.listen(SocketAddr::from(([0, 0, 0, 0], port))).await.expect("must bind");
    loop {
        let (mut stream, _) = listener.accept().await.expect("must accept");
        env.spawn("echo", async move {
            let mut buffer = [0; 512];
            while let Ok(length) = stream.read(&mut buffer).await {
                if length == 0 || stream.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn call(env: SimEnv, server: SocketAddr, rounds: u32) -> u32 {
    let mut entropy = env.entropy("client");
    let mut stream = env.connect(server).await.expect("must connect");
    let mut matched = 0;
    for _ in 0..rounds {
        let mut sent = [0; 100];
        entropy.fill(&mut sent);
        stream.write_all(&sent).await.expect("must write");
        let mut got = [0; 100];
        stream.read_exact(&mut got).await.expect("must read");
        matched += u32::from(sent == got);
        env.sleep_until(env.now().after_ms(entropy.below(5))).await;
    }
    matched
}

fn echo_world(seed: u64) -> TraceHash {
    let mut world = World::new(Options::seeded(seed));
    let server = world.add_node("server", None);
    let address = SocketAddr::new(world.ip(server), 80);
    world.boot(server, move |env| serve(env, 80));
    let clients: Vec<NodeId> = (0..5).map(|index| world.add_node(&format!("client {index}"), None)).collect();
    for client in &clients[1..] {
        world.boot(*client, move |env| async move {
            assert_eq!(call(env, address, 20).await, 20);
        });
    }
    let env = world.env(clients[0]);
    let matched = world.block_on(clients[0], async move {
        env.sleep_until(env.now().after_ms(1)).await;
        let task = env.spawn("one more", async move {
            call(env, address, 3).await;
        });
        task.join().await.expect("must not panic");
        call(env, address, 20).await
    });
    assert_eq!(matched, 20);
    world.run_for(Duration::from_secs(1));
    assert!(world.panics().is_empty(), "{:?}", world.panics());
    world.trace_hash()
}

#[test]
fn the_same_seed_gives_the_same_hash_and_another_seed_another() {
    let first = echo_world(1);
    assert_eq!(first, echo_world(1));
    assert_ne!(first, echo_world(2));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the point is that the thread makes no difference")]
fn two_threads_give_the_same_hash() {
    let first = echo_world(3);
    let second = std::thread::spawn(|| echo_world(3)).join().expect("must not panic");
    assert_eq!(first, second);
}

/// A task that walks a map in the order of its hashes, and takes longer for some entries than for others.
#[expect(clippy::disallowed_types, reason = "the point is that it is found")]
fn walking_world(hash_key: u64) -> TraceHash {
    let mut world = World::new(Options { hash_key, ..Options::seeded(4) });
    let node = world.add_node("walker", None);
    world.boot(node, |env| async move {
        let mut map = std::collections::HashMap::with_hasher(FixedHasher::new(env.hash_key()));
        map.extend((1..=16).map(|number| (number, ())));
        for number in map.into_keys() {
            env.sleep_until(env.now().after_ms(number)).await;
        }
    });
    world.run_for(Duration::from_secs(1));
    world.trace_hash()
}

#[test]
fn what_walks_a_map_in_the_order_of_its_hashes_is_another_run_under_another_key() {
    assert_eq!(walking_world(1), walking_world(1));
    assert_ne!(walking_world(1), walking_world(2));
}
