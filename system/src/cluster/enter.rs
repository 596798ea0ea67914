//! Finding out who this node is: from its disk, by founding a cluster, or by asking its seeds to be let in.
//!
//! An identity is written down before it is used. It is asked for under a number that was written down too, so a crash at any
//! point leads to the same id, and not to a second one.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::hosting::MAP;
use super::life::ClusterError;
use super::service::Port;
use super::settings::{ClusterConfig, Settings};
use super::wire::{self, ControlAnswer, ControlAsk, Message};
use crate::control::{Card, ClusterMap, Command, Reply, Stamped};
use crate::env::Env;
use crate::ids::{Epoch, Incarnation, NodeId};
use crate::mesh::{APPLICANT, Bond, Identity, Mesh, MeshConfig, MeshLimits, Secret, WireRange};
use crate::store::{Scope, Store};

/// How long a node looks for the way into its cluster before it gives up: a start that hangs tells its operator nothing.
const JOIN_MS_MAX: u64 = 60_000;
/// How long seeds are asked whether there is a cluster before one is founded.
const FOUND_ASK_MS: u64 = 2_000;
/// How long one seed may take.
const SEED_MS_MAX: u64 = 1_500;
const PAUSE_MS: u64 = 200;
const IDENTITY: &str = "identity";
/// The id of the node that founds a cluster.
const FOUNDER: NodeId = NodeId(1);

/// Who a node is, as its disk knows it.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) node: NodeId,
    pub(super) incarnation: Incarnation,
    /// What the node joins or founds with, or the salt of it where it proves a name: asked again after a crash, the answer
    /// is the same id.
    pub(super) nonce: u128,
    /// Whether it founds: it votes from the first moment.
    pub(super) founds: bool,
}

/// What this node says of itself.
pub(super) fn card(settings: &Settings) -> Card {
    let unspecified = SocketAddr::from(([127, 0, 0, 1], 0));
    let mesh =
        settings.cluster.as_ref().map_or(unspecified, |config| config.advertise.unwrap_or(config.listen));
    let zone = settings.cluster.as_ref().map(|config| config.zone.clone()).unwrap_or_default();
    Card { mesh, http: settings.http.clone(), zone, wire: settings.wire(), weight: 1 }
}

/// A cluster's name, as the mesh compares it.
fn cluster_id(config: &ClusterConfig) -> crate::mesh::ClusterId {
    crate::mesh::ClusterId(xxh3_128(config.name.as_bytes()))
}

/// Who this node is on the mesh.
pub(super) fn identity(config: &ClusterConfig, written: Written) -> Identity {
    Identity {
        cluster: cluster_id(config),
        node: written.node,
        incarnation: written.incarnation,
        epoch: Epoch(0),
        wire: WireRange { min: config.wire.0, max: config.wire.1 },
        salt: written.nonce,
    }
}

/// What a node joins or founds with: its name is in it, where it proves one.
pub(super) fn joins_with(settings: &Settings, nonce: u128) -> u128 {
    let shield = settings.cluster.as_ref().and_then(|config| config.shield.as_ref());
    shield.map_or(Bond::loose(nonce), |shield| Bond::of(shield.name(), nonce)).0
}

/// Whether other nodes will let this one be who it was.
pub(super) fn check_name(
    settings: &Settings,
    written: Written,
    map: &ClusterMap,
) -> Result<(), ClusterError> {
    let shield = settings.cluster.as_ref().and_then(|config| config.shield.as_ref());
    let (Some(shield), Some(node)) = (shield, map.node(written.node)) else { return Ok(()) };
    let name = shield.name();
    if Bond(node.joined_with()).admits(Bond::of(name, written.nonce)) {
        return Ok(());
    }
    Err(ClusterError::Foreign(format!(
        "{} joined with a certificate of another name than {name:?}: give it one of that name again, or remove the state \
         directory to join as a new node",
        written.node
    )))
}

/// Listens for other nodes, as whoever this node is so far.
pub(super) async fn start_mesh<E: Env>(
    env: &E,
    config: &ClusterConfig,
    written: Option<Written>,
    port: Arc<Port<E>>,
) -> Result<Mesh<E>, ClusterError> {
    let nobody = Written { node: APPLICANT, incarnation: Incarnation(1), nonce: 0, founds: false };
    let mesh = MeshConfig {
        listen: config.listen,
        identity: identity(config, written.unwrap_or(nobody)),
        secret: Secret::new(config.secret),
        shield: config.shield.clone(),
        limits: MeshLimits::DEFAULT,
    };
    Mesh::start(env.clone(), mesh, port).await.map_err(|error| ClusterError::Listen(config.listen, error))
}

/// The identity on the disk, if there is one.
pub(super) async fn read_identity(store: &Store) -> Result<Option<Written>, ClusterError> {
    let Some(bytes) = store.get(Scope::Node, IDENTITY).await? else { return Ok(None) };
    wire::decode(&bytes).map(Some).map_err(|_| {
        ClusterError::Foreign("the identity in the state directory is not of this version".into())
    })
}

/// Writes an identity down. Durable when it returns.
pub(super) async fn write_identity(store: &Store, written: Written) -> Result<(), ClusterError> {
    store.put(Scope::Node, IDENTITY, wire::encode(&written)).await?;
    Ok(())
}

/// The map that this node saw last; the empty one where it saw none.
pub(super) async fn read_map(store: &Store) -> Result<ClusterMap, ClusterError> {
    let Some(bytes) = store.get(Scope::Node, MAP).await? else { return Ok(ClusterMap::default()) };
    ClusterMap::decode(&bytes)
        .map_err(|error| ClusterError::Foreign(format!("the map in the state directory: {error}")))
}

/// Finds out who a node is that has no identity: it founds, or asks its seeds to be let in.
pub(super) async fn enter<E: Env>(
    env: &E,
    settings: &Settings,
    store: &Store,
    mesh: Option<&Mesh<E>>,
    nonce: u128,
) -> Result<Written, ClusterError> {
    let founder = Written { node: FOUNDER, incarnation: Incarnation(1), nonce, founds: true };
    let (Some(mesh), Some(config)) = (mesh, &settings.cluster) else { return Ok(founder) };
    let applicant = Written { node: APPLICANT, founds: false, ..founder };
    write_identity(store, applicant).await?;
    if config.found && !is_founded(env, config, mesh).await {
        return Ok(founder);
    }
    let join = Command::Join {
        card: card(settings),
        incarnation: applicant.incarnation,
        nonce: joins_with(settings, nonce),
    };
    let stamped = Stamped { at_ms: env.wall().unix_ms(), command: join };
    let body = Message::Control(ControlAsk::Propose { command: stamped.encode().into() }).encode();
    let give_up = env.now().after_ms(JOIN_MS_MAX);
    let (mut turn, mut next, mut last) = (0, None, "nothing".to_owned());
    while env.now() < give_up {
        // Every other time the first of the list, which mostly is who founds: while a cluster begins, the others know as
        // little as this node.
        let at = if turn % 2 == 0 { 0 } else { turn / 2 % config.seeds.len().max(1) };
        let seed = next.take().or_else(|| config.seeds.get(at).copied());
        turn += 1;
        let Some(seed) = seed else { break };
        match ask_seed(env, mesh, seed, body.clone()).await {
            Ok(ControlAnswer::Reply(reply)) => match Reply::decode(&reply) {
                Ok(Reply::Joined(node, _)) => {
                    remember_map(env, store, mesh, seed).await;
                    return Ok(Written { node, ..applicant });
                }
                Ok(Reply::Refused(refusal)) => last = refusal.to_string(),
                _ => "an answer of another version".clone_into(&mut last),
            },
            Ok(ControlAnswer::NotLeader { address: Some(address), .. }) if turn % 4 != 0 => {
                next = Some(address);
            }
            Ok(ControlAnswer::NoCluster) => "it is in no cluster itself".clone_into(&mut last),
            Ok(_) => "the control group has no leader".clone_into(&mut last),
            Err(error) => last = error,
        }
        if next.is_none() {
            let jitter = u64::try_from(nonce % u128::from(PAUSE_MS)).unwrap_or(0);
            env.sleep_until(env.now().after_ms(PAUSE_MS + jitter)).await;
        }
    }
    Err(ClusterError::NoSeed(config.name.clone(), JOIN_MS_MAX / 1_000, last))
}

/// Whether any seed knows of a cluster. A founder that was started anew with an empty disk must not found another one.
async fn is_founded<E: Env>(env: &E, config: &ClusterConfig, mesh: &Mesh<E>) -> bool {
    let give_up = env.now().after_ms(FOUND_ASK_MS);
    let own = config.advertise.unwrap_or(config.listen);
    let body = Message::Control(ControlAsk::Map).encode();
    for seed in config.seeds.iter().filter(|seed| **seed != own) {
        if env.now() >= give_up {
            break;
        }
        if let Ok(ControlAnswer::Map(map)) = ask_seed(env, mesh, *seed, body.clone()).await
            && ClusterMap::decode(&map).is_ok_and(|map| map.cluster().is_some())
        {
            return true;
        }
    }
    false
}

async fn ask_seed<E: Env>(
    env: &E,
    mesh: &Mesh<E>,
    seed: SocketAddr,
    body: Bytes,
) -> Result<ControlAnswer, String> {
    let due = env.now().after_ms(SEED_MS_MAX);
    let (_, answer) = mesh.request_at(seed, body, due).await.map_err(|error| format!("{seed}: {error}"))?;
    wire::decode(&answer).map_err(|error| format!("{seed}: {error}"))
}

/// Keeps the map that a seed has, so that the node knows whom to ask. Where it does not come, the seeds' addresses would be
/// lost; so it is asked for until it does, and a crash before that only asks again.
async fn remember_map<E: Env>(env: &E, store: &Store, mesh: &Mesh<E>, seed: SocketAddr) {
    let body = Message::Control(ControlAsk::Map).encode();
    for _ in 0..20 {
        if let Ok(ControlAnswer::Map(map)) = ask_seed(env, mesh, seed, body.clone()).await
            && store.put(Scope::Node, MAP, map).await.is_ok()
        {
            return;
        }
        env.sleep_until(env.now().after_ms(PAUSE_MS)).await;
    }
}
