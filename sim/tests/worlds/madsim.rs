use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use madsim::net::NetSim;
use switchboard::env::{Env, Listener};
use switchboard_sim::contract::{Bed, all};
use switchboard_sim::worlds::Foreign;
use switchboard_sim::worlds::madsim::{MadsimEnv, MadsimWorld};
use switchboard_sim::{Fault, Plan, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn two_hosts_keep_every_check_of_the_contract() {
    for check in all::<MadsimEnv>() {
        for seed in 1..=3 {
            println!("{} (seed {seed})", check.name);
            let mut world = MadsimWorld::new(seed);
            let [server, client] = ["server", "client"].map(|name| world.add_node(name));
            world.boot(server, |_| std::future::ready(()));
            let bed = Bed { server: world.env(server), client: world.env(client), ip: world.ip(server) };
            world.block_on(client, (check.run)(bed));
        }
    }
}

#[test]
fn one_host_keeps_every_check_of_the_contract() {
    for check in all::<MadsimEnv>() {
        println!("{}", check.name);
        let mut world = MadsimWorld::new(1);
        let host = world.add_node("host");
        let (env, ip) = (world.env(host), world.ip(host));
        world.block_on(host, (check.run)(Bed { server: env.clone(), client: env, ip }));
    }
}

/// Otherwise it wakes the other end, and hyper, which flushes whenever it is woken, never comes to rest.
#[test]
fn a_flush_of_nothing_sends_nothing() {
    let mut world = MadsimWorld::new(1);
    let host = world.add_node("host");
    let (env, address) = (world.env(host), SocketAddr::new(world.ip(host), 80));
    let sent = world.block_on(host, async move {
        let mut listener = env.listen(address).await.expect("the port must be free");
        let mut stream = env.connect(address).await.expect("must connect");
        let _accepted = listener.accept().await.expect("must accept");
        let before = NetSim::current().stat().msg_count;
        for _ in 0..100 {
            stream.flush().await.expect("must flush");
        }
        env.sleep_until(env.now().after_ms(1_000)).await;
        NetSim::current().stat().msg_count - before
    });
    assert_eq!(sent, 0);
}

#[test]
fn a_process_that_stands_still_can_be_killed_and_starts_again() {
    let mut world = MadsimWorld::new(1);
    let [server, client] = ["server", "client"].map(|name| world.add_node(name));
    let address = SocketAddr::new(world.ip(server), 80);
    world.boot(server, move |env| async move {
        let mut listener = env.listen(address).await.expect("the port must be free");
        while let Ok((mut stream, _)) = listener.accept().await {
            // Whoever is gone already is not greeted.
            let _ = stream.write_all(b"hello").await;
        }
    });
    let greeted = Arc::new(AtomicU64::new(0));
    let last = Arc::clone(&greeted);
    world.boot(client, move |env| {
        let last = Arc::clone(&last);
        async move {
            loop {
                env.sleep_until(env.now().after_ms(10)).await;
                let Ok(mut stream) = env.connect(address).await else { continue };
                let mut hello = [0; 5];
                if stream.read_exact(&mut hello).await.is_ok() {
                    last.store(env.now().as_nanos(), Relaxed);
                }
            }
        }
    });
    let faults = [Fault::Pause(server), Fault::Kill(server), Fault::Restart(server)];
    let steps = (1..).zip(faults).map(|(second, fault)| Step { at_ms: second * 1_000, fault }).collect();
    world.schedule(&Plan { steps });
    let mut greeted_at_second = |second| {
        world.run_until(Duration::from_secs(second));
        greeted.load(Relaxed) / 1_000_000_000
    };
    assert_eq!([1, 2, 3, 5].map(&mut greeted_at_second), [0, 1, 1, 4]);
    assert_eq!(world.panics(), Vec::<String>::new());
    assert_eq!(world.fired().iter().map(|fired| fired.touched).collect::<Vec<_>>(), [1, 1, 1]);
}
