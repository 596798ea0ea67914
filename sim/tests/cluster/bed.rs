//! A cluster of whole nodes, and a plain way to ask them things.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use switchboard::env::Env;
use switchboard::handler::{Catalogue, Server, Tool};
use switchboard::mesh::Shield;
use switchboard::node::{ClusterConfig, Config, HttpConfig, Node};
use switchboard_sim::{NodeId, Options, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::toy::Toy;

pub(crate) const HTTP: u16 = 8080;
pub(crate) const ADMIN: u16 = 9090;
pub(crate) const MESH: u16 = 7070;
/// What its nodes know, and what their cluster is called.
pub(crate) const SECRET: [u8; 32] = [7; 32];
pub(crate) const NAME: &str = "bed";

/// Nodes that found one cluster, and a host to ask them from.
pub(crate) struct Bed {
    pub(crate) world: World,
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) client: NodeId,
    /// Which of them have started.
    ready: Rc<RefCell<BTreeSet<usize>>>,
}

fn catalogue() -> Catalogue {
    let tool = Tool::without_arguments("greet", |ctx| async move {
        ctx.progress(1.0, None, Some("half way")).await;
        Ok("hello")
    });
    Server::new("cluster", "1").tool(tool).build().expect("a catalogue")
}

impl Bed {
    /// So many nodes with so many groups. The first founds, the others ask all of them for the way in.
    pub(crate) fn new(seed: u64, count: u32, groups: u16) -> Self {
        Self::with(seed, count, groups, &[])
    }

    /// As [`new`](Self::new), with a shield for each node that there is a name for.
    pub(crate) fn with(seed: u64, count: u32, groups: u16, names: &[&'static str]) -> Self {
        let mut world = World::new(Options::seeded(seed));
        let nodes: Vec<NodeId> = (0..count).map(|n| world.add_node(&format!("node {n}"), None)).collect();
        let client = world.add_node("client", None);
        let seeds: Vec<SocketAddr> =
            nodes.iter().map(|node| SocketAddr::new(world.ip(*node), MESH)).collect();
        let ready = Rc::new(RefCell::new(BTreeSet::new()));
        for (number, node) in nodes.iter().enumerate() {
            let ip = world.ip(*node);
            let (seeds, ready) = (seeds.clone(), ready.clone());
            let name = names.get(number).copied();
            world.boot(*node, move |env| {
                let cluster = ClusterConfig {
                    seeds: seeds.clone(),
                    found: number == 0,
                    zone: format!("z{}", number % 3),
                    nodes: count as usize,
                    groups,
                    shield: name.map(|name| Arc::new(Toy::new(env, name)) as Arc<dyn Shield>),
                    ..ClusterConfig::new(NAME, SocketAddr::new(ip, MESH), SECRET)
                };
                let http =
                    HttpConfig { hosts: vec![ip.to_string()], ..HttpConfig::at(SocketAddr::new(ip, HTTP)) };
                let config = Config {
                    http: Some(http),
                    admin: Some(SocketAddr::new(ip, ADMIN)),
                    open_to_the_network: true,
                    state_dir: Some(PathBuf::from("/state")),
                    cluster: Some(cluster),
                    ..Config::new()
                };
                let ready = ready.clone();
                async move {
                    let node = Node::start(env, config, catalogue()).await.expect("a node must start");
                    ready.borrow_mut().insert(number);
                    node.stopped().await;
                }
            });
        }
        Self { world, nodes, client, ready }
    }

    /// What a node answers to a request, head and body.
    pub(crate) fn ask(&mut self, node: usize, port: u16, request: &str) -> String {
        let address = SocketAddr::new(self.world.ip(self.nodes[node]), port);
        let env = self.world.env(self.client);
        let request = request.replace("{host}", &address.to_string());
        self.world.block_on(self.client, async move {
            let ask = async {
                let mut stream = env.connect(address).await?;
                stream.write_all(request.as_bytes()).await?;
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await?;
                std::io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
            };
            let due = env.now().after_ms(10_000);
            match switchboard::env::deadline(&env, due, ask).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => format!("broken: {error}"),
                Err(_) => "no answer in time".to_owned(),
            }
        })
    }

    /// How the cluster stands, as a node tells its operator.
    pub(crate) fn status(&mut self, node: usize) -> Value {
        let answer =
            self.ask(node, ADMIN, "GET /status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or_else(|_| panic!("a status must be JSON: {answer}"))
    }

    /// Runs until every group has its replicas and a leader everywhere, and gives the virtual time.
    pub(crate) fn run_until_formed(&mut self, limit: Duration) -> Duration {
        let replicas = self.nodes.len().min(3);
        while self.world.now() < limit {
            self.world.run_for(Duration::from_millis(200));
            if self.ready.borrow().len() < self.nodes.len() {
                continue;
            }
            let status = self.status(0);
            let groups = status["groups"].as_array().cloned().unwrap_or_default();
            let formed = |group: &Value| {
                group["leader"].is_u64()
                    && !group["moving"].as_bool().unwrap_or(true)
                    && group["replicas"].as_array().is_some_and(|nodes| nodes.len() == replicas)
            };
            if !groups.is_empty() && groups.iter().all(formed) {
                return self.world.now();
            }
        }
        panic!("not formed within {limit:?}: {:#}", self.status(0));
    }
}
