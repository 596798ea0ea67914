//! A cluster whose nodes prove names: it forms, its nodes come back, and nobody is one of them by saying so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use switchboard::env::Env;
use switchboard::ids::{Epoch, Incarnation, NodeId};
use switchboard::mesh::{
    APPLICANT, Channel, ClusterId, Identity, Lost, Mesh, MeshConfig, MeshError, MeshLimits, Peer, Refusal,
    Secret, Service, Shield, WireRange,
};
use switchboard_sim::SimEnv;
use xxhash_rust::xxh3::xxh3_128;

use crate::bed::{Bed, MESH, NAME, SECRET};
use crate::toy::Toy;

const LIMIT: Duration = Duration::from_secs(60);

struct Nobody;

impl Service for Nobody {
    fn request(&self, _: Peer, _: Channel, body: Bytes) -> BoxFuture<'static, Bytes> {
        std::future::ready(body).boxed()
    }

    fn tell(&self, _: Peer, _: Channel, _: Bytes) {}

    fn link_lost(&self, _: NodeId, _: Lost) {}
}

/// What a node of the cluster answers to somebody who knows its secret and says that he is this node.
async fn knock(env: SimEnv, node: NodeId, name: &'static str, to: SocketAddr) -> Result<Bytes, MeshError> {
    let identity = Identity {
        cluster: ClusterId(xxh3_128(NAME.as_bytes())),
        node,
        incarnation: Incarnation(1_000),
        epoch: Epoch(1),
        wire: WireRange::CURRENT,
        salt: 1,
    };
    let config = MeshConfig {
        listen: SocketAddr::from(([0, 0, 0, 0], MESH)),
        identity,
        secret: Secret::new(SECRET),
        shield: Some(Arc::new(Toy::new(env, name)) as Arc<dyn Shield>),
        limits: MeshLimits::DEFAULT,
    };
    let mesh = Mesh::start(env, config, Arc::new(Nobody)).await.expect("the port is free");
    let answer = mesh.request_at(to, Bytes::from_static(b"?"), env.now().after_ms(5_000)).await;
    mesh.stop().await;
    answer.map(|(_, answer)| answer)
}

#[test]
fn a_cluster_inside_of_shields_forms_and_its_ids_are_for_those_alone_whom_they_were_given_to() {
    let mut bed = Bed::with(11, 3, 4, &["a", "b", "c"]);
    bed.run_until_formed(LIMIT);
    let incarnations = |bed: &mut Bed| -> Vec<u64> {
        let status = bed.status(0);
        let nodes = status["nodes"].as_array().expect("nodes");
        nodes.iter().map(|node| node["incarnation"].as_u64().expect("a number")).collect()
    };
    assert_eq!(incarnations(&mut bed), [1, 1, 1]);
    for node in [1, 2] {
        bed.world.kill(bed.nodes[node]);
        bed.world.restart(bed.nodes[node]);
        bed.world.run_for(Duration::from_secs(10));
    }
    assert_eq!(incarnations(&mut bed), [1, 2, 2], "who comes back under its name is let in");

    let host = bed.world.add_node("somebody", None);
    let (env, to) = (bed.world.env(host), SocketAddr::new(bed.world.ip(bed.nodes[0]), MESH));
    // The name alone is not enough either: its salt is on a disk that somebody else does not have.
    for name in ["z", "a", "b", "c"] {
        let answer = bed.world.block_on(host, knock(env, NodeId(2), name, to));
        assert_eq!(answer, Err(MeshError::Refused(Refusal::OtherName(NodeId(2)))), "{name}");
    }
    let answer = bed.world.block_on(host, knock(env, APPLICANT, "z", to));
    assert!(answer.is_ok(), "whoever knows the secret may ask to be taken in: {answer:?}");
    assert_eq!(incarnations(&mut bed), [1, 2, 2]);
    assert!(bed.world.panics().is_empty(), "{:?}", bed.world.panics());
}
