//! The nodes of a run: one that is alone, or a cluster; each is started, drained and started again as the setup says, and
//! at the end each is asked how its cluster stands.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use switchboard::env::{Either, Env, deadline, race};
use switchboard::handler::Catalogue;
use switchboard::node::{ClusterConfig, Config, HttpConfig, Node, StartError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::setup::Setup;
use crate::check::{Fact, History, Standing};
use crate::node::NodeId;

/// Starts a node in a world: one function for each, so that consensus and HTTP are compiled once for each.
pub type Start<E> = fn(E, Config, Catalogue) -> BoxFuture<'static, Result<Node<E>, StartError>>;

/// How the life of a node's process went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// To its end.
    Lived,
    /// The node could not keep its state: its process must end now.
    GivenUp,
}

/// Where a node is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// Its address.
    pub ip: IpAddr,
    /// Where clients are served.
    pub http: u16,
    /// Where nodes meet.
    pub mesh: u16,
    /// Where operators ask.
    pub admin: u16,
    /// Where it keeps its state.
    pub state_dir: PathBuf,
}

impl Site {
    /// On a host of its own.
    #[must_use]
    pub fn alone(ip: IpAddr) -> Self {
        Self { ip, http: 8080, mesh: 7946, admin: 9090, state_dir: PathBuf::from("/state") }
    }

    /// Where clients turn to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.http)
    }
}

/// Failures of nodes come in threes: so many zones are there.
const ZONES: u32 = 3;
/// Every node knows it.
const SECRET: [u8; 32] = [7; 32];
/// How long a node may take to say how it stands.
const STANDING_MS_MAX: u64 = 5_000;

/// What every node of a run has in common.
pub(super) struct Nodes {
    pub(super) setup: Arc<Setup>,
    pub(super) history: History,
    pub(super) sites: Arc<[Site]>,
}

impl Nodes {
    fn config(&self, node: NodeId, booted_ms: u64) -> Config {
        let site = &self.sites[node.index()];
        let at = |port| SocketAddr::new(site.ip, port);
        // Clients call all nodes by the name of the first, as through one that spreads them.
        let hosts = self.sites.iter().map(|site| site.ip.to_string()).collect();
        let is_cluster = self.setup.nodes > 1;
        let cluster = is_cluster.then(|| ClusterConfig {
            seeds: self.sites.iter().map(|site| SocketAddr::new(site.ip, site.mesh)).collect(),
            found: node == NodeId(0),
            zone: format!("zone {}", node.0 % ZONES),
            groups: self.setup.data_groups,
            key_rotate_ms: self.setup.key_rotate_ms,
            replace_after_ms: self.setup.replace_after_ms,
            wire: if booted_ms < self.setup.upgrade_ms { (1, 1) } else { (1, 2) },
            ..ClusterConfig::new("scenario", at(site.mesh), SECRET)
        });
        Config {
            http: Some(HttpConfig { hosts, ..HttpConfig::at(at(site.http)) }),
            admin: is_cluster.then(|| at(site.admin)),
            open_to_the_network: true,
            state_dir: Some(site.state_dir.clone()),
            limits: self.setup.limits.clone(),
            cluster,
            ..Config::new()
        }
    }

    /// The life of a node's process. Whether it ended because the node gave up: then nothing of it may go on.
    pub(super) async fn serve<E: Env>(
        self: Arc<Self>,
        id: NodeId,
        env: E,
        tools: impl FnOnce(&History) -> Catalogue + Send,
        start: Start<E>,
    ) -> Life {
        if let Some((_, joins_ms)) = self.setup.joins.iter().find(|(node, _)| *node == id) {
            let waits_ms = joins_ms.saturating_sub(self.history.now() / 1_000_000);
            env.sleep_until(env.now().after_ms(waits_ms)).await;
        }
        let catalogue = tools(&self.history.of(id));
        let booted_ms = self.history.now() / 1_000_000;
        let starting = start(env.clone(), self.config(id, booted_ms), catalogue);
        let node = match starting.await {
            Ok(node) => node,
            Err(error) => return self.give_up(id, error.to_string().into()),
        };
        self.history.note(Fact::Booted(id));
        let now_ms = self.history.now() / 1_000_000;
        let leaves = self.setup.leaves.iter().find(|(other, at_ms)| *other == id && *at_ms > now_ms);
        if let Some((_, at_ms)) = leaves {
            env.sleep_until(env.now().after_ms(at_ms - now_ms)).await;
            ask(&env, self.admin(id), "POST /leave").await.expect("a node must hear its operator");
            // It ends by itself.
            node.stopped().await;
            self.history.note(Fact::Drained(id));
            return Life::Lived;
        }
        let restarts = self.setup.restarts.iter().filter(|(other, _)| *other == id).map(|(_, at_ms)| *at_ms);
        let drain_ms = restarts.filter(|at_ms| *at_ms > now_ms).min().unwrap_or(self.setup.drain_ms);
        let until_drain = env.sleep_until(env.now().after_ms(drain_ms.saturating_sub(now_ms)));
        if let Either::Right(Some(why)) = race(until_drain, node.stopped()).await {
            return self.give_up(id, why);
        }
        node.drain().await;
        self.history.note(Fact::Drained(id));
        Life::Lived
    }

    /// A node gave up, and said why. Only one whose disk is sick may, and it must say so.
    fn give_up(&self, node: NodeId, why: Arc<str>) -> Life {
        let now_ms = self.history.now() / 1_000_000;
        let is_sick = self.setup.is_sick(node, now_ms) && why.contains("store");
        assert!(is_sick, "{node} must start and go on, and gave up: {why}");
        self.history.note(Fact::GaveUp(node, why));
        Life::GivenUp
    }

    fn admin(&self, node: NodeId) -> SocketAddr {
        let site = &self.sites[node.index()];
        SocketAddr::new(site.ip, site.admin)
    }

    /// Asks every node that is to be well how its cluster stands, and notes what it says.
    pub(super) async fn take_stock<E: Env>(self: Arc<Self>, env: E) {
        if self.setup.nodes == 1 {
            // It has nobody to agree with.
            return;
        }
        let left = |node: &NodeId| self.setup.leaves.iter().any(|(other, _)| other == node);
        let is_well = |node: &NodeId| !left(node) && !self.setup.rest.contains(node);
        for node in self.setup.servers().into_iter().filter(is_well) {
            let due = env.now().after_ms(STANDING_MS_MAX);
            let said = deadline(&env, due, ask(&env, self.admin(node), "GET /status")).await;
            let standing = said.ok().and_then(Result::ok).and_then(|body| Standing::read(&body));
            self.history.note(Fact::Stands(node, standing));
        }
    }
}

/// The body of the answer to an operator's request.
async fn ask<E: Env>(env: &E, address: SocketAddr, what: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = env.connect(address).await?;
    let request =
        format!("{what} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let body = memchr::memmem::find(&answer, b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    Ok(answer.split_off(body))
}
