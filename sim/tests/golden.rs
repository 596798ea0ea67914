//! The hashes of three small kernel programs, kept. They change only when what the kernel does changes, and then the
//! change of the snapshot says so in review. They are the same in debug and release, and on every machine.

use std::net::SocketAddr;
use std::time::Duration;

use switchboard::env::{Disk, Env, File, Listener, OpenMode, yield_now};
use switchboard::event::Event;
use switchboard::ids::ConnectionId;
use switchboard_sim::{Fault, Options, Plan, Policy, SimEnv, Step, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Ten tasks that yield, sleep and record, in seeded order.
fn tasks_and_sleeps(policy: Policy) -> String {
    let mut world = World::new(Options { policy, ..Options::seeded(11) });
    for name in ["a", "b"] {
        let node = world.add_node(name, None);
        world.boot(node, |env| async move {
            for number in 0..10 {
                env.spawn("sleeper", async move {
                    let mut entropy = env.entropy("nap");
                    for _ in 0..3 {
                        yield_now().await;
                        env.sleep_until(env.now().after_ms(entropy.below(4))).await;
                        env.record(&Event::ConnectionOpened(ConnectionId(number)));
                    }
                });
            }
        });
    }
    world.run_for(Duration::from_secs(1));
    summary(&world)
}

async fn talk(env: SimEnv, address: SocketAddr) {
    let mut stream = env.connect(address).await.expect("must connect");
    for round in 0..50_usize {
        stream.write_all(&vec![7; 100 * round]).await.expect("must write");
        let mut back = vec![0; 100 * round];
        stream.read_exact(&mut back).await.expect("must read");
    }
}

async fn serve(env: SimEnv) {
    let mut listener = env.listen(SocketAddr::from(([0, 0, 0, 0], 80))).await.expect("must bind");
    while let Ok((stream, _)) = listener.accept().await {
        env.spawn("echo", async move {
            let (mut read, mut write) = tokio::io::split(stream);
            let _ = tokio::io::copy(&mut read, &mut write).await;
        });
    }
}

/// Echoes through loss and a partition that heals.
fn echoes_through_faults() -> String {
    let mut options = Options::seeded(12);
    options.net.link.loss_ppm = 5_000;
    let mut world = World::new(options);
    let (server, client) = (world.add_node("server", None), world.add_node("client", None));
    let address = SocketAddr::new(world.ip(server), 80);
    world.boot(server, serve);
    world.run_for(Duration::from_millis(1));
    world.boot(client, move |env| async move {
        for _ in 0..4 {
            env.spawn("talk", talk(env, address));
        }
    });
    let cut = Fault::Partition { a: vec![server], b: vec![client] };
    world.schedule(&Plan {
        steps: vec![Step { at_ms: 5, fault: cut }, Step { at_ms: 900, fault: Fault::HealAll }],
    });
    world.run_for(Duration::from_secs(60));
    summary(&world)
}

/// A journal that loses power again and again.
fn a_disk_without_power() -> String {
    let mut world = World::new(Options::seeded(13));
    let node = world.add_node("n", None);
    world.boot(node, |env| async move {
        let disk = env.disk();
        let file = disk.open("log".as_ref(), OpenMode::CreateIfMissing).expect("must open");
        let mut at = file.len().expect("must have a length");
        loop {
            for _ in 0..3 {
                file.write_at(at, &[1; 700]).expect("must write");
                at += 700;
            }
            env.sleep_until(env.now().after_ms(3)).await;
            file.sync().expect("must sync");
            disk.sync_directory("".as_ref()).expect("must sync");
        }
    });
    for _ in 0..5 {
        world.run_for(Duration::from_millis(10));
        world.lose_power(node);
        world.restart(node);
    }
    summary(&world)
}

fn summary(world: &World) -> String {
    assert!(world.panics().is_empty(), "{:?}", world.panics());
    let fired: Vec<_> = world.fired().into_iter().map(|fired| fired.touched).collect();
    format!("{} marks={} faults touched {fired:?}", world.trace_hash(), world.census().marks)
}

#[test]
fn small_programs_keep_their_hashes() {
    let lines = [
        format!("tasks, random order: {}", tasks_and_sleeps(Policy::Random)),
        format!("tasks, wake order:   {}", tasks_and_sleeps(Policy::Fifo)),
        format!("echoes and faults:   {}", echoes_through_faults()),
        format!("disk without power:  {}", a_disk_without_power()),
    ];
    insta::with_settings!({ snapshot_path => "../../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("kernel__golden", lines.join("\n"));
    });
}
