//! The kernel keeps the TCP contract, over many seeds: between two nodes and on one, calm and with small windows.

use std::time::Duration;

use switchboard_sim::contract::{Bed, Check, all};
use switchboard_sim::{NodeId, Options, SimEnv, World};

fn run(options: Options, check: Check<SimEnv>, pick: fn(&[NodeId; 2]) -> (NodeId, NodeId)) {
    let mut world = World::new(options);
    let nodes = [world.add_node("server", None), world.add_node("client", None)];
    let (server, client) = pick(&nodes);
    let bed = Bed { server: world.env(server), client: world.env(client), ip: world.ip(server) };
    world.block_on(client, (check.run)(bed));
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.census().connections, 0, "{} leaves connections (seed {})", check.name, options.seed);
    let panics = world.panics();
    assert!(panics.is_empty(), "{} (seed {}): {panics:?}", check.name, options.seed);
}

#[test]
fn between_two_nodes() {
    for seed in 0..6 {
        for check in all() {
            run(Options::seeded(seed), check, |nodes| (nodes[0], nodes[1]));
        }
    }
}

#[test]
fn on_one_node() {
    for check in all() {
        run(Options::seeded(1), check, |nodes| (nodes[0], nodes[0]));
    }
}

#[test]
fn with_small_windows_and_segments() {
    for seed in 0..3 {
        let mut options = Options::seeded(seed);
        options.net.send_buffer_bytes = 10_000;
        options.net.receive_buffer_bytes = 7_000;
        options.net.segment_bytes = 900;
        options.net.link.latency.base_us = 3;
        options.net.link.latency.jitter_us = 5;
        options.net.backlog = 64;
        for check in all() {
            run(options, check, |nodes| (nodes[0], nodes[1]));
        }
    }
}

#[test]
fn with_loss_on_every_link() {
    for check in all() {
        let mut options = Options::seeded(7);
        options.net.link.loss_ppm = 100;
        options.net.retransmit_first_ms = 1;
        run(options, check, |nodes| (nodes[0], nodes[1]));
    }
}
