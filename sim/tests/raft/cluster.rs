//! Nodes that run one consensus group and nothing else, with a load, and what is checked of them all the time.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use switchboard::env::{Env, Instant, Listener, deadline};
use switchboard::ids::{GroupId, NodeId};
use switchboard::raft::{
    At, Corrupt, Group, Machine, Network, Options, ProposeError, Role, Status, Timing, Unreachable,
};
use switchboard::store::{Store, StoreOptions};
use switchboard_sim::{Options as WorldOptions, SimEnv, SimStream, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PORT: u16 = 7000;

/// What every node and every boot agrees on, or the run fails.
#[derive(Default)]
pub(crate) struct Truth {
    /// What stands at each index.
    log: BTreeMap<u64, (u64, Bytes)>,
    /// Who led each term.
    leaders: BTreeMap<u64, NodeId>,
    /// Commands that were acknowledged.
    pub(crate) acknowledged: BTreeSet<u64>,
    /// Commands that may have happened.
    pub(crate) unknown: u64,
    /// Messages that nodes sent.
    pub(crate) messages: u64,
    /// Snapshots that were restored.
    pub(crate) restored: u64,
}

impl Truth {
    fn applied(&mut self, at: At, command: &Bytes) {
        let found = self.log.entry(at.index).or_insert_with(|| (at.term, command.clone()));
        assert_eq!(*found, (at.term, command.clone()), "two logs differ at {}", at.index);
        self.led(at.term, at.leader);
    }

    fn led(&mut self, term: u64, leader: NodeId) {
        assert_eq!(*self.leaders.entry(term).or_insert(leader), leader, "term {term} had two leaders");
    }
}

/// A machine that keeps every command, and hands out numbers.
pub(crate) struct Ledger {
    truth: Arc<Mutex<Truth>>,
    pub(crate) commands: Vec<u64>,
    last: u64,
}

impl Machine for Ledger {
    fn apply(&mut self, at: At, command: &Bytes) -> Bytes {
        assert!(at.index > self.last, "an index came twice");
        self.last = at.index;
        lock(&self.truth).applied(at, command);
        self.commands.push(u64::from_le_bytes(command[..8].try_into().expect("must be a number")));
        Bytes::copy_from_slice(&(self.commands.len() as u64).to_le_bytes())
    }

    fn snapshot(&self) -> Vec<u8> {
        let numbers = std::iter::once(self.last).chain(self.commands.iter().copied());
        numbers.flat_map(u64::to_le_bytes).collect()
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Corrupt> {
        let numbers = snapshot.chunks(8).map(|number| number.try_into().map(u64::from_le_bytes));
        let mut numbers = numbers.collect::<Result<Vec<_>, _>>().map_err(|_| Corrupt("not numbers"))?;
        if numbers.is_empty() {
            return Err(Corrupt("empty"));
        }
        self.last = numbers.remove(0);
        self.commands = numbers;
        lock(&self.truth).restored += 1;
        Ok(())
    }
}

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("must not be poisoned")
}

/// One connection a message: the least that carries faults.
struct Wire {
    env: SimEnv,
    from: NodeId,
    addresses: BTreeMap<NodeId, SocketAddr>,
    truth: Arc<Mutex<Truth>>,
}

async fn write(stream: &mut SimStream, message: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(message.len()).expect("must fit");
    let frame: Vec<u8> = length.to_le_bytes().into_iter().chain(message.iter().copied()).collect();
    stream.write_all(&frame).await
}

async fn read(stream: &mut SimStream) -> std::io::Result<Bytes> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let mut message = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut message).await?;
    Ok(message.into())
}

impl Network for Wire {
    fn send(
        &self,
        to: NodeId,
        _group: GroupId,
        message: Bytes,
        bulk: bool,
        until: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<Bytes, Unreachable>> + Send>> {
        assert!(bulk || message.len() < 512 * 1024 + 1024);
        lock(&self.truth).messages += 1;
        let (env, from, address) = (self.env, self.from, self.addresses[&to]);
        let exchange = async move {
            let mut stream = env.connect(address).await?;
            stream.write_all(&from.0.to_le_bytes()).await?;
            write(&mut stream, &message).await?;
            read(&mut stream).await
        };
        Box::pin(async move {
            deadline(&env, until, exchange).await.map_err(|_| Unreachable)?.map_err(|_| Unreachable)
        })
    }
}

async fn serve(env: SimEnv, group: Group) {
    let mut listener = env.listen(SocketAddr::from(([0, 0, 0, 0], PORT))).await.expect("must bind");
    while let Ok((mut stream, _)) = listener.accept().await {
        let group = group.clone();
        env.spawn("message", async move {
            let mut from = [0; 8];
            if stream.read_exact(&mut from).await.is_ok()
                && let Ok(message) = read(&mut stream).await
            {
                let answer = group.handle(NodeId(u64::from_le_bytes(from)), message).await;
                let _ = write(&mut stream, &answer).await;
            }
        });
    }
}

/// How the nodes of a cluster live.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) size: u64,
    /// The founders; the others wait to be told.
    pub(crate) voters: u64,
    pub(crate) snapshot_after: u64,
    /// Bytes of a command.
    pub(crate) command_bytes: usize,
    /// Milliseconds between two commands of a node; none where it is 0.
    pub(crate) pause_ms: u64,
    pub(crate) on_disk: bool,
}

impl Plan {
    pub(crate) fn new(seed: u64, size: u64) -> Self {
        Self { seed, size, voters: size, snapshot_after: 4096, command_bytes: 8, pause_ms: 20, on_disk: true }
    }
}

/// What the test holds of a node's present boot.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) group: Group,
    pub(crate) machine: Arc<Mutex<Ledger>>,
}

impl Member {
    /// The commands that its machine took.
    pub(crate) fn taken(&self) -> BTreeSet<u64> {
        lock(&self.machine).commands.iter().copied().collect()
    }
}

pub(crate) struct Cluster {
    pub(crate) world: World,
    pub(crate) nodes: Vec<switchboard_sim::NodeId>,
    pub(crate) truth: Arc<Mutex<Truth>>,
    pub(crate) members: Arc<Mutex<BTreeMap<NodeId, Member>>>,
    pub(crate) is_loaded: Arc<Mutex<bool>>,
}

#[derive(Clone)]
struct Life {
    plan: Plan,
    me: NodeId,
    addresses: BTreeMap<NodeId, SocketAddr>,
    truth: Arc<Mutex<Truth>>,
    members: Arc<Mutex<BTreeMap<NodeId, Member>>>,
    is_loaded: Arc<Mutex<bool>>,
}

impl Life {
    async fn run(self, env: SimEnv) {
        let Self { plan, me, addresses, truth, members, is_loaded } = self;
        let directory = plan.on_disk.then(|| Path::new("data"));
        let store = Store::open(&env, directory, StoreOptions::default()).await.expect("must open");
        let ledger = Ledger { truth: Arc::clone(&truth), commands: Vec::new(), last: 0 };
        let machine = Arc::new(Mutex::new(ledger));
        let network = Wire { env, from: me, addresses, truth: Arc::clone(&truth) };
        let options = Options {
            timing: Timing::default(),
            snapshot_after: plan.snapshot_after,
            keep_after_snapshot: plan.snapshot_after / 4,
            ..Options::new(GroupId(1), me)
        };
        let group = Group::start(env, options, store, Arc::clone(&machine) as _, Arc::new(network));
        let group = group.await.expect("must start");
        let member = Member { group: group.clone(), machine };
        let before = lock(&members).insert(me, member);
        drop(before);
        env.spawn("serve", serve(env, group.clone()));
        env.spawn("leaders", leaders(group.clone(), Arc::clone(&truth)));
        if me == NodeId(1) {
            group.found(&(1..=plan.voters).map(NodeId).collect()).await.expect("must be founded");
        }
        if plan.pause_ms > 0 {
            load(env, group, me, plan, truth, is_loaded).await;
        }
    }
}

async fn leaders(group: Group, truth: Arc<Mutex<Truth>>) {
    let mut leadership = group.watch_leader();
    loop {
        let now = *leadership.borrow_and_update();
        if let Some(leader) = now.leader {
            lock(&truth).led(now.term, leader);
        }
        if leadership.changed().await.is_err() {
            return;
        }
    }
}

/// Proposes, one command after another, wherever this node leads.
async fn load(
    env: SimEnv,
    group: Group,
    me: NodeId,
    plan: Plan,
    truth: Arc<Mutex<Truth>>,
    on: Arc<Mutex<bool>>,
) {
    let mut number = (me.0 << 48) | (u64::from(env.boot()) << 32);
    loop {
        env.sleep_until(env.now().after_ms(plan.pause_ms)).await;
        if !*lock(&on) || group.status().role != Role::Leader {
            continue;
        }
        number += 1;
        let mut command = number.to_le_bytes().to_vec();
        command.resize(plan.command_bytes, 0);
        let begin = env.now();
        match group.propose(command.into(), begin.after_ms(2_000)).await {
            Ok(_) => {
                assert!(lock(&truth).acknowledged.insert(number));
            }
            Err(ProposeError::Unknown) => lock(&truth).unknown += 1,
            Err(_) => {}
        }
        assert!(env.now().since(begin) < Duration::from_millis(2_100), "a proposal outlived its deadline");
    }
}

impl Cluster {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut world = World::new(WorldOptions::seeded(plan.seed));
        let nodes: Vec<_> =
            (1..=plan.size).map(|number| world.add_node(&format!("node {number}"), None)).collect();
        let addresses: BTreeMap<_, _> = (1..=plan.size)
            .zip(&nodes)
            .map(|(number, node)| (NodeId(number), SocketAddr::new(world.ip(*node), PORT)))
            .collect();
        let truth = Arc::new(Mutex::new(Truth::default()));
        let members = Arc::new(Mutex::new(BTreeMap::new()));
        let is_loaded = Arc::new(Mutex::new(true));
        for (number, node) in (1..=plan.size).zip(&nodes) {
            let life = Life {
                plan: plan.clone(),
                me: NodeId(number),
                addresses: addresses.clone(),
                truth: Arc::clone(&truth),
                members: Arc::clone(&members),
                is_loaded: Arc::clone(&is_loaded),
            };
            world.boot(*node, move |env| life.clone().run(env));
        }
        Self { world, nodes, truth, members, is_loaded }
    }

    pub(crate) fn run_ms(&mut self, ms: u64) {
        self.world.run_for(Duration::from_millis(ms));
        assert!(self.world.panics().is_empty(), "seed {}: {:?}", self.world.seed(), self.world.panics());
    }

    pub(crate) fn node(&self, number: NodeId) -> switchboard_sim::NodeId {
        self.nodes[usize::try_from(number.0 - 1).expect("must fit")]
    }

    pub(crate) fn member(&self, number: u64) -> Member {
        lock(&self.members)[&NodeId(number)].clone()
    }

    pub(crate) fn status(&self, number: u64) -> Status {
        self.member(number).group.status()
    }

    /// Does something with a member's group on its node, and lets time pass until it is done.
    pub(crate) fn on<F>(&mut self, number: NodeId, act: impl FnOnce(Group, SimEnv) -> F) -> F::Output
    where
        F: Future<Output: 'static> + 'static,
    {
        let (group, node) = (self.member(number.0).group, self.node(number));
        let env = self.world.env(node);
        self.world.block_on(node, act(group, env))
    }

    /// Who leads in the newest term, of those that say so themselves.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        let members = lock(&self.members);
        let leaders = members.iter().map(|(node, member)| (*node, member.group.status()));
        let leaders = leaders.filter(|(_, status)| status.role == Role::Leader);
        leaders.max_by_key(|(_, status)| status.leadership.term).map(|(node, _)| node)
    }

    /// Lets time pass until somebody leads.
    pub(crate) fn wait_for_leader(&mut self) -> NodeId {
        for _ in 0..200 {
            if let Some(leader) = self.leader() {
                return leader;
            }
            self.run_ms(100);
        }
        panic!("seed {}: nobody leads", self.world.seed());
    }

    pub(crate) fn acknowledged(&self) -> usize {
        lock(&self.truth).acknowledged.len()
    }

    /// Stops the load, lets everybody come up, and checks that all have the same, with all that was acknowledged.
    pub(crate) fn settle(&mut self) {
        let seed = self.world.seed();
        *lock(&self.is_loaded) = false;
        self.world.heal_all();
        self.run_ms(15_000);
        let leader = self.wait_for_leader();
        let lead = self.status(leader.0);
        let truth = lock(&self.truth);
        let members: BTreeSet<NodeId> = lead.voters.union(&lead.learners).copied().collect();
        for node in members {
            let member = self.member(node.0);
            assert_eq!(member.group.status().applied, lead.last, "seed {seed}: {node} is behind {leader}");
            let set = member.taken();
            let commands = lock(&member.machine).commands.len();
            assert_eq!(set.len(), commands, "seed {seed}: a command happened twice on {node}");
            let lost: Vec<_> = truth.acknowledged.difference(&set).collect();
            assert!(lost.is_empty(), "seed {seed}: {node} lost {lost:x?}");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Groups are of the world; they go before it.
        let members =
            std::mem::take(&mut *self.members.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        drop(members);
    }
}
