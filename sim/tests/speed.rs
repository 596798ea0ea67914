//! How much the kernel carries. Prints figures; asserts only what no machine should miss.

use std::net::SocketAddr;
use std::time::Duration;

use switchboard::env::{Env, Listener};
use switchboard_sim::{Options, SimEnv, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn serve(env: SimEnv) {
    let mut listener = env.listen(SocketAddr::from(([0, 0, 0, 0], 80))).await.expect("must bind");
    loop {
        let (mut stream, _) = listener.accept().await.expect("must accept");
        env.spawn("echo", async move {
            let mut buffer = [0; 64];
            loop {
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(length) => stream.write_all(&buffer[..length]).await.expect("must write"),
                }
            }
        });
    }
}

async fn client(env: SimEnv, address: SocketAddr, connections: u32, rounds: u32, pause_ms: u64) {
    for _ in 0..connections {
        env.spawn("client", async move {
            let mut stream = env.connect(address).await.expect("must connect");
            let mut buffer = [7; 32];
            for _ in 0..rounds {
                stream.write_all(&[1; 32]).await.expect("must write");
                stream.read_exact(&mut buffer).await.expect("must read");
                if pause_ms > 0 {
                    env.sleep_until(env.now().after_ms(pause_ms)).await;
                }
            }
            std::future::pending::<()>().await;
        });
    }
}

/// A world with `pairs` server and client nodes, each pair with so many connections.
fn populate(pairs: u32, connections: u32, rounds: u32, pause_ms: u64) -> World {
    let mut options = Options::seeded(1);
    options.net.backlog = 100_000;
    let mut world = World::new(options);
    for pair in 0..pairs {
        let server = world.add_node(&format!("server {pair}"), None);
        world.boot(server, serve);
        let address = SocketAddr::new(world.ip(server), 80);
        let caller = world.add_node(&format!("client {pair}"), None);
        world.run_for(Duration::from_micros(1));
        world.boot(caller, move |env| client(env, address, connections, rounds, pause_ms));
    }
    world
}

#[expect(clippy::disallowed_methods, reason = "speed is measured by the real clock")]
fn measure(work: impl FnOnce()) -> Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

#[test]
fn echo_round_trips_a_second() {
    let rounds = 20_000_u32;
    let mut world = populate(1, 10, rounds, 0);
    let took = measure(|| world.run_until_idle());
    let count = 10 * rounds;
    println!("{count} echo round trips in {took:?}: {:.0} a second", f64::from(count) / took.as_secs_f64());
    assert!(world.panics().is_empty());
    assert!(took < Duration::from_secs(60));
}

#[test]
fn idle_connections_cost_memory_alone() {
    let (pairs, connections) = (20_u32, 1_000_u32);
    let before = resident_bytes();
    let mut world = populate(pairs, connections, 1, 0);
    let took = measure(|| world.run_for(Duration::from_secs(20)));
    let bytes = (resident_bytes() - before) / u64::from(pairs * connections);
    println!(
        "{} connections, one round trip each, in {took:?}; {bytes} bytes a pair with its two tasks",
        pairs * connections
    );
    let census = world.census();
    assert_eq!(census.connections, (pairs * connections) as usize);
    assert_eq!((census.events, census.timers), (0, 0), "an idle connection must have no event");
    let took = measure(|| world.run_for(Duration::from_secs(3_600)));
    assert!(took < Duration::from_secs(1), "an idle hour took {took:?}");
}

#[test]
fn paced_round_trips() {
    let mut world = populate(10, 1_000, 10, 1_000);
    let took = measure(|| world.run_for(Duration::from_secs(10)));
    println!("10,000 connections with an echo a second: 10 virtual seconds in {took:?}");
    assert!(world.panics().is_empty());
}
