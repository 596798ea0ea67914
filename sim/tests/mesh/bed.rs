//! Nodes with a mesh each, and a service that does what a body says.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use switchboard::env::Env;
use switchboard::ids::{Epoch, Incarnation, NodeId};
use switchboard::mesh::{
    Bond, Channel, ClusterId, Identity, Lost, Mesh, MeshConfig, MeshLimits, Peer, Secret, Service, Shield,
    WireRange,
};
use switchboard_sim::{Fault, NodeId as Host, Options, SimEnv, World};

use crate::toy::Toy;

/// Where every node listens.
pub(crate) const PORT: u16 = 7_000;
/// What the nodes of a bed know.
pub(crate) const SECRET: [u8; 32] = [42; 32];
/// The cluster of a bed.
pub(crate) const CLUSTER: ClusterId = ClusterId(0xc1);

/// What happened at a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    Request(Peer, Channel, usize),
    Tell(Peer, Channel, Bytes),
    Lost(NodeId, Lost),
}

/// The notes of one node, over all its lives.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) seen: Mutex<Vec<Seen>>,
    /// Requests whose futures live.
    pub(crate) under_way: AtomicU64,
}

impl Notes {
    pub(crate) fn lost(&self) -> Vec<(NodeId, Lost)> {
        let seen = self.seen.lock().expect("must not be poisoned");
        seen.iter()
            .filter_map(|seen| if let Seen::Lost(node, how) = seen { Some((*node, *how)) } else { None })
            .collect()
    }

    pub(crate) fn peers(&self) -> Vec<Peer> {
        let seen = self.seen.lock().expect("must not be poisoned");
        seen.iter()
            .filter_map(|seen| if let Seen::Request(peer, ..) = seen { Some(*peer) } else { None })
            .collect()
    }

    pub(crate) fn told(&self) -> Vec<Bytes> {
        let seen = self.seen.lock().expect("must not be poisoned");
        seen.iter()
            .filter_map(|seen| if let Seen::Tell(_, _, body) = seen { Some(body.clone()) } else { None })
            .collect()
    }

    pub(crate) fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Relaxed)
    }
}

/// `e…` is echoed at once; `w` and milliseconds (four bytes) later; `h` never; `b` and a length (four bytes) with a body
/// of that length.
struct Doing {
    env: SimEnv,
    notes: Arc<Notes>,
}

struct UnderWay(Arc<Notes>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Service for Doing {
    fn request(&self, from: Peer, channel: Channel, body: Bytes) -> BoxFuture<'static, Bytes> {
        let seen = Seen::Request(from, channel, body.len());
        self.notes.seen.lock().expect("must not be poisoned").push(seen);
        self.notes.under_way.fetch_add(1, Ordering::Relaxed);
        let (env, under_way) = (self.env, UnderWay(Arc::clone(&self.notes)));
        async move {
            let _under_way = under_way;
            let number =
                body.get(1..5).and_then(|number| number.try_into().ok()).map_or(0, u32::from_be_bytes);
            match body.first() {
                Some(b'w') => env.sleep_until(env.now().after_ms(number.into())).await,
                Some(b'h') => std::future::pending().await,
                Some(b'b') => return pattern(number as usize),
                Some(b'p') => {
                    env.sleep_until(env.now().after_ms(1)).await;
                    panic!("planned");
                }
                _ => {}
            }
            body
        }
        .boxed()
    }

    fn tell(&self, from: Peer, channel: Channel, body: Bytes) {
        self.notes.seen.lock().expect("must not be poisoned").push(Seen::Tell(from, channel, body));
    }

    fn link_lost(&self, node: NodeId, how: Lost) {
        self.notes.seen.lock().expect("must not be poisoned").push(Seen::Lost(node, how));
    }
}

/// A request for the service.
pub(crate) fn order(letter: u8, number: u32) -> Bytes {
    let mut body = vec![letter];
    body.extend_from_slice(&number.to_be_bytes());
    Bytes::from(body)
}

/// Bytes that show where they belong.
pub(crate) fn pattern(len: usize) -> Bytes {
    (0..len).map(|at| (at % 251) as u8 ^ (at / 251) as u8).collect::<Vec<u8>>().into()
}

/// How a node differs from the usual.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) identity: Identity,
    pub(crate) secret: [u8; 32],
    pub(crate) limits: MeshLimits,
    /// The name that its shield proves, where it has one.
    pub(crate) name: Option<&'static str>,
}

impl Setting {
    pub(crate) fn new(node: u64) -> Self {
        let wire = WireRange::CURRENT;
        let (node, incarnation, epoch) = (NodeId(node), Incarnation(0), Epoch(1));
        let identity = Identity { cluster: CLUSTER, node, incarnation, epoch, wire, salt: 0x5a17 };
        Self { identity, secret: SECRET, limits: MeshLimits::DEFAULT, name: None }
    }

    pub(crate) fn shielded(node: u64, name: &'static str) -> Self {
        Self { name: Some(name), ..Self::new(node) }
    }

    pub(crate) fn bond(&self) -> Bond {
        let salt = self.identity.salt;
        self.name.map_or(Bond::loose(salt), |name| Bond::of(name, salt))
    }
}

/// A node of a bed.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) host: Host,
    pub(crate) id: NodeId,
    pub(crate) address: SocketAddr,
    pub(crate) bond: Bond,
    pub(crate) notes: Arc<Notes>,
    mesh: Rc<RefCell<Option<Mesh<SimEnv>>>>,
    pub(crate) incarnation: Rc<Cell<u64>>,
}

impl Member {
    pub(crate) fn mesh(&self) -> Mesh<SimEnv> {
        self.mesh.borrow().clone().expect("the node must be up")
    }
}

/// A world with nodes.
pub(crate) struct Bed {
    pub(crate) world: World,
    pub(crate) members: Vec<Member>,
}

impl Bed {
    /// So many nodes, with ids from 1 on, which know each other.
    pub(crate) fn new(seed: u64, nodes: u64) -> Self {
        Self::with(seed, (1..=nodes).map(Setting::new).collect())
    }

    pub(crate) fn with(seed: u64, settings: Vec<Setting>) -> Self {
        let mut bed = Self { world: World::new(Options::seeded(seed)), members: Vec::new() };
        for setting in settings {
            bed.add(setting);
        }
        bed.introduce();
        bed
    }

    pub(crate) fn add(&mut self, setting: Setting) -> Member {
        let host = self.world.add_node(&setting.identity.node.to_string(), None);
        let member = Member {
            host,
            id: setting.identity.node,
            address: SocketAddr::new(self.world.ip(host), PORT),
            bond: setting.bond(),
            notes: Arc::default(),
            mesh: Rc::default(),
            incarnation: Rc::new(Cell::new(0)),
        };
        let (place, notes) = (Rc::clone(&member.mesh), Arc::clone(&member.notes));
        let incarnation = Rc::clone(&member.incarnation);
        self.world.boot(host, move |env| {
            let (setting, place, notes) = (setting.clone(), Rc::clone(&place), Arc::clone(&notes));
            incarnation.set(incarnation.get() + 1);
            let identity = Identity { incarnation: Incarnation(incarnation.get()), ..setting.identity };
            async move {
                let listen = SocketAddr::from(([0, 0, 0, 0], PORT));
                let config = MeshConfig {
                    listen,
                    identity,
                    secret: Secret::new(setting.secret),
                    shield: setting.name.map(|name| Arc::new(Toy::new(env, name)) as Arc<dyn Shield>),
                    limits: setting.limits,
                };
                let service = Arc::new(Doing { env, notes });
                let mesh = Mesh::start(env, config, service).await.expect("must start");
                *place.borrow_mut() = Some(mesh);
            }
        });
        self.world.run_for(Duration::from_millis(1));
        self.members.push(member.clone());
        member
    }

    /// Tells every node where the others are; after a restart, again.
    pub(crate) fn introduce(&self) {
        for member in &self.members {
            for other in self.members.iter().filter(|other| other.id != member.id) {
                member.mesh().know(other.id, other.address, other.bond);
            }
        }
    }

    pub(crate) fn tiny_io(&mut self, bytes_max: u32) {
        for member in &self.members {
            self.world.apply(Fault::TinyIo { node: member.host, bytes_max: Some(bytes_max) });
        }
    }

    /// Runs a future at a member, and the world with it.
    pub(crate) fn at<F>(&mut self, member: &Member, future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.world.block_on(member.host, future)
    }

    /// One request from a member to another within ten seconds.
    pub(crate) fn ask(
        &mut self,
        from: &Member,
        to: &Member,
        body: Bytes,
    ) -> Result<Bytes, switchboard::mesh::MeshError> {
        let (mesh, env, to) = (from.mesh(), self.world.env(from.host), to.id);
        self.at(
            from,
            async move { mesh.request(to, Channel::Traffic, body, env.now().after_ms(10_000)).await },
        )
    }

    /// Starts a request that runs on; where its outcome comes to.
    pub(crate) fn start(
        &self,
        from: &Member,
        to: &Member,
        body: Bytes,
        due_ms: u64,
        is_patient: bool,
    ) -> Outcome {
        let (mesh, env, to) = (from.mesh(), self.world.env(from.host), to.id);
        let outcome = Outcome::default();
        let place = outcome.clone();
        let due = env.now().after_ms(due_ms);
        env.spawn("asker", async move {
            let answer = if is_patient {
                mesh.request_patiently(to, Channel::Traffic, body, due).await
            } else {
                mesh.request(to, Channel::Traffic, body, due).await
            };
            *place.lock().expect("must not be poisoned") = Some((env.now().as_nanos() / 1_000_000, answer));
        });
        outcome
    }

    /// No task panicked.
    pub(crate) fn finish(&self) {
        assert!(self.world.panics().is_empty(), "{:?} (seed {})", self.world.panics(), self.world.seed());
    }
}

/// What became of a request, and when in milliseconds of its node.
pub(crate) type Outcome = Arc<Mutex<Option<(u64, Result<Bytes, switchboard::mesh::MeshError>)>>>;

pub(crate) fn outcome(outcome: &Outcome) -> Option<Result<Bytes, switchboard::mesh::MeshError>> {
    outcome.lock().expect("must not be poisoned").clone().map(|(_, answer)| answer)
}
