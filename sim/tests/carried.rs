//! What the network carried is written down where somebody asks for it, and asking changes nothing; so are the turns in the life of
//! a node.

use std::net::SocketAddr;
use std::time::Duration;

use switchboard::env::{Env, Listener};
use switchboard_sim::{Carried, Fault, NodeId, Options, Plan, Step, TraceHash, Turned, Turning, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MS: u64 = 1_000_000;

/// A server greets, is cut off, and speaks again meanwhile: that is lost at first, and arrives once the cut has healed.
fn greeting(keeps: bool) -> (Vec<Carried>, TraceHash) {
    let mut world = World::new(Options::seeded(5));
    let (server, client) = (world.add_node("server", None), world.add_node("client", None));
    world.boot(server, |env| async move {
        let mut listener = env.listen("0.0.0.0:80".parse().unwrap()).await.unwrap();
        let (mut stream, _peer) = listener.accept().await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        env.sleep_until(env.now().after_ms(100)).await;
        stream.write_all(b"again").await.unwrap();
    });
    if keeps {
        world.keep_carried(0..2_000 * MS, 100);
    }
    let cut = Fault::Partition { a: vec![server], b: vec![client] };
    world.schedule(&Plan {
        steps: vec![Step { at_ms: 50, fault: cut }, Step { at_ms: 150, fault: Fault::HealAll }],
    });
    let (env, address) = (world.env(client), SocketAddr::new(world.ip(server), 80));
    let heard = world.block_on(client, async move {
        let mut stream = env.connect(address).await.unwrap();
        let mut heard = [0; 10];
        stream.read_exact(&mut heard).await.unwrap();
        heard
    });
    assert_eq!(&heard, b"helloagain");
    (world.carried(), world.trace_hash())
}

#[test]
fn every_segment_is_written_down_with_what_became_of_it() {
    let (carried, _) = greeting(true);
    let seen: Vec<(&[u8], bool)> = carried.iter().map(|one| (&one.head[..], one.is_lost)).collect();
    assert_eq!(seen, [(&b"hello"[..], false), (b"again", true), (b"again", false)]);
    for one in &carried {
        assert_eq!((one.from, one.to, one.bytes), (NodeId(0), NodeId(1), 5));
        assert!(one.sent_at < one.at, "{one:?} must take time");
    }
}

#[test]
fn a_run_that_is_written_down_is_the_same_run() {
    let (none, hash) = greeting(false);
    assert!(none.is_empty());
    assert_eq!(greeting(true).1, hash);
}

#[test]
fn turns_in_a_life_are_told_in_the_order_of_time() {
    let mut world = World::new(Options::seeded(5));
    let node = world.add_node("node", None);
    world.boot(node, |_| std::future::pending());
    let faults = [
        Fault::Pause(node),
        Fault::Resume(node),
        Fault::PowerLoss(node),
        Fault::Restart(node),
        Fault::Kill(node),
    ];
    for fault in faults {
        world.run_for(Duration::from_millis(1));
        world.apply(fault);
    }
    let into = [Turning::Paused, Turning::Resumed, Turning::Dark, Turning::Started, Turning::Stopped];
    let turns = (1..).zip(into).map(|(ms, into)| Turned { at: ms * MS, node, into });
    let mut wanted: Vec<Turned> = turns.collect();
    wanted.truncate(into.len());
    assert_eq!(world.lives(), wanted);
}
