//! The mesh on real loopback sockets: that it works there, and what it costs.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use switchboard::env::Env;
use switchboard::ids::{Epoch, Incarnation, NodeId};
use switchboard::mesh::{
    Bond, Channel, ClusterId, Identity, Lost, Mesh, MeshConfig, MeshLimits, Peer, Secret, Service, WireRange,
};
use switchboard_bin::load::usage::{processor_time, resident_bytes};
use switchboard_bin::world::TokioEnv;

struct Echo;

impl Service for Echo {
    fn request(&self, _: Peer, _: Channel, body: Bytes) -> BoxFuture<'static, Bytes> {
        std::future::ready(body).boxed()
    }

    fn tell(&self, _: Peer, _: Channel, _: Bytes) {}

    fn link_lost(&self, _: NodeId, _: Lost) {}
}

async fn mesh(env: &TokioEnv, node: u64) -> Mesh<TokioEnv> {
    let identity = Identity {
        cluster: ClusterId(1),
        node: NodeId(node),
        incarnation: Incarnation(1),
        epoch: Epoch(1),
        wire: WireRange::CURRENT,
        salt: 0,
    };
    let listen = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    let secret = Secret::new([1; 32]);
    let config = MeshConfig { listen, identity, secret, shield: None, limits: MeshLimits::DEFAULT };
    Mesh::start(env.clone(), config, Arc::new(Echo)).await.expect("loopback must bind")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_any_length_are_answered_over_real_sockets() {
    let env = TokioEnv::boot().expect("the system must have randomness");
    let (a, b) = (mesh(&env, 1).await, mesh(&env, 2).await);
    a.know(NodeId(2), b.local_address(), Bond::loose(0));
    let due = env.now().after_ms(30_000);
    let bodies = [0, 1, 200, 5_000, 100_000, 3 << 20].map(|len| Bytes::from(vec![7; len]));
    let asked = bodies.iter().cycle().take(120);
    let answers =
        join_all(asked.clone().map(|body| a.request(NodeId(2), Channel::Traffic, body.clone(), due)));
    for (body, answer) in asked.clone().zip(answers.await) {
        // What passes the queue of a link is turned away, never lost.
        assert!(answer == Ok(body.clone()) || answer == Err(switchboard::mesh::MeshError::Overloaded));
    }
    assert_eq!(a.request(NodeId(2), Channel::Bulk, bodies[5].clone(), due).await.as_ref(), Ok(&bodies[5]));
    b.stop().await;
    assert!(a.request(NodeId(2), Channel::Traffic, Bytes::new(), due).await.is_err());
}

#[tokio::test]
#[ignore = "measures: needs a quiet machine"]
async fn what_a_round_trip_and_an_idle_link_cost() {
    let env = TokioEnv::boot().expect("the system must have randomness");
    let (a, b) = (mesh(&env, 1).await, mesh(&env, 2).await);
    a.know(NodeId(2), b.local_address(), Bond::loose(0));
    let own = std::process::id();
    let body = Bytes::from(vec![7; 200]);
    for (askers, rounds) in [(1_u32, 20_000_u32), (64, 2_000), (1_000, 200)] {
        let start = processor_time(own).expect("must be told");
        let asking = (0..askers).map(|_| async {
            for _ in 0..rounds {
                let due = env.now().after_ms(30_000);
                a.request(NodeId(2), Channel::Traffic, body.clone(), due).await.expect("must be answered");
            }
        });
        join_all(asking.collect::<Vec<_>>()).await;
        let spent = processor_time(own).expect("must be told") - start;
        println!("{askers} at once: {:?} of CPU a round trip of 200 B, both ends", spent / (askers * rounds));
    }

    let mut others = Vec::new();
    for node in 100..300 {
        let other = mesh(&env, node).await;
        a.know(NodeId(node), other.local_address(), Bond::loose(0));
        others.push(other);
    }
    let before = resident_bytes(own).expect("must be told");
    let channels = [Channel::Consensus, Channel::Traffic, Channel::Bulk];
    for node in 100..300 {
        for channel in channels {
            let due = env.now().after_ms(30_000);
            a.request(NodeId(node), channel, body.clone(), due).await.expect("must be answered");
        }
    }
    env.sleep_until(env.now().after_ms(200)).await;
    let grown = resident_bytes(own).expect("must be told").saturating_sub(before);
    println!("{} bytes of memory an idle link, both its ends together", grown / 600);
}
