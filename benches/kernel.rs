//! The event kernel: round trips of a small message over simulated TCP, and timers, per second of real time.

use std::net::SocketAddr;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use switchboard::env::{Env, Listener};
use switchboard_sim::{Options, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ROUND_TRIPS: u64 = 1_000;
const TIMERS: u64 = 10_000;

fn echo_world() -> World {
    let mut world = World::new(Options::seeded(7));
    let (server, client) = (world.add_node("server", None), world.add_node("client", None));
    world.boot(server, |env| async move {
        let address = "0.0.0.0:80".parse().expect("an address");
        let mut listener = env.listen(address).await.expect("the port must be free");
        let (mut stream, _) = listener.accept().await.expect("a client must come");
        let mut piece = [0; 64];
        while let Ok(count) = stream.read(&mut piece).await
            && count > 0
        {
            stream.write_all(&piece[..count]).await.expect("the client must read");
        }
    });
    let address = SocketAddr::new(world.ip(server), 80);
    world.boot(client, move |env| async move {
        let mut stream = env.connect(address).await.expect("the server must listen");
        let mut piece = [0; 16];
        for _ in 0..ROUND_TRIPS {
            stream.write_all(b"sixteen bytes...").await.expect("the server must read");
            stream.read_exact(&mut piece).await.expect("the server must answer");
        }
    });
    world
}

fn timer_world() -> World {
    let mut world = World::new(Options::seeded(7));
    let node = world.add_node("node", None);
    world.boot(node, |env| async move {
        for step in 1..=TIMERS {
            env.sleep_until(env.now().after(Duration::from_micros(step % 7))).await;
        }
    });
    world
}

fn kernel(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernel");
    group.throughput(Throughput::Elements(ROUND_TRIPS));
    group.bench_function("echo round trips", |b| {
        b.iter_batched(echo_world, |mut world| world.run_until_idle(), BatchSize::PerIteration);
    });
    group.throughput(Throughput::Elements(TIMERS));
    group.bench_function("timers", |b| {
        b.iter_batched(timer_world, |mut world| world.run_until_idle(), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, kernel);
criterion_main!(benches);
