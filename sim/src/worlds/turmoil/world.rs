//! The hosts of a simulation, and its loop.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use switchboard::event::Event;
use turmoil::{Builder, Sim};

use super::TurmoilEnv;
use super::fault::Link;
use crate::fault::{Fault, Fired};
use crate::node::NodeId;
use crate::options::Options;
use crate::plan::Plan;
use crate::scenario::{Group, Role};
use crate::worlds::life::{Ground, Host, Life, lock};
use crate::worlds::play::Foreign;
use crate::worlds::task::guarded;

/// Segments on the way in one direction of a connection, and dials that wait at a host.
const TCP_CAPACITY: usize = 1_024;
/// Milliseconds that a message takes: from, to. Exponential in between.
const LATENCY_MS: (u64, u64) = (1, 10);
const TICK: Duration = Duration::from_millis(1);

/// A simulation of up to [`HOSTS_MAX`](Foreign::HOSTS_MAX) hosts, a function of its seed.
pub struct TurmoilWorld {
    pub(super) sim: Sim<'static>,
    pub(super) ground: Arc<Ground>,
    pub(super) places: Vec<Place>,
    pub(super) links: BTreeMap<(NodeId, NodeId), Link>,
    /// What will happen: by its time in milliseconds, and its place in the plan.
    plan: BTreeMap<(u64, usize), Fault>,
}

/// Where a node is, and its present process.
pub(super) struct Place {
    pub(super) host: Arc<Host>,
    pub(super) life: Arc<Mutex<Arc<Life>>>,
    pub(super) is_dark: bool,
}

fn clock() -> Option<u64> {
    let nanos = turmoil::sim_elapsed()?.as_nanos();
    Some(u64::try_from(nanos).expect("a simulation must end within 584 years"))
}

impl Foreign for TurmoilWorld {
    type Env = TurmoilEnv;
    const NAME: &'static str = "turmoil";
    /// A tick costs the cube of them.
    const HOSTS_MAX: usize = 20;
    const COMMAND: &'static str = "cargo sim run --world turmoil";

    fn new(seed: u64) -> Self {
        let epoch = UNIX_EPOCH + Duration::from_millis(Options::seeded(seed).wall_start_unix_ms);
        let sim = Builder::new()
            .rng_seed(seed)
            .epoch(epoch)
            .simulation_duration(Duration::MAX)
            .tick_duration(TICK)
            .min_message_latency(Duration::from_millis(LATENCY_MS.0))
            .max_message_latency(Duration::from_millis(LATENCY_MS.1))
            .tcp_capacity(TCP_CAPACITY)
            .enable_random_order()
            .build();
        let ground = Ground::new(seed, clock);
        Self { sim, ground, places: Vec::new(), links: BTreeMap::new(), plan: BTreeMap::new() }
    }

    fn add_node(&mut self, name: &str) -> NodeId {
        assert!(self.places.len() < Self::HOSTS_MAX, "turmoil must not have more than 20 hosts");
        let node = NodeId(u32::try_from(self.places.len()).expect("20 hosts must fit"));
        let host = Host::new(&self.ground, node, name, self.sim.lookup(name));
        let life = Arc::new(Mutex::new(host.begin_life()));
        self.places.push(Place { host, life, is_dark: false });
        node
    }

    fn ip(&self, node: NodeId) -> IpAddr {
        self.places[node.index()].host.ip
    }

    fn env(&self, node: NodeId) -> TurmoilEnv {
        TurmoilEnv(Arc::clone(&lock(&self.places[node.index()].life)))
    }

    fn boot<F, Fut>(&mut self, node: NodeId, program: F)
    where
        F: Fn(TurmoilEnv) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let place = &self.places[node.index()];
        let life = Arc::clone(&place.life);
        self.sim.host(place.host.name.clone(), move || {
            let life = Arc::clone(&lock(&life));
            let root = guarded(Arc::clone(&life), "root", program(TurmoilEnv(life)));
            async move {
                // The process goes on with what its root has started.
                let _ = root.await;
                pending().await
            }
        });
    }

    fn block_on<F>(&mut self, node: NodeId, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let output = Arc::new(Mutex::new(None));
        let once = Mutex::new(Some(future));
        let given = Arc::clone(&output);
        self.boot(node, move |_| {
            let (future, given) = (lock(&once).take(), Arc::clone(&given));
            async move {
                let future = future.expect("what is blocked on must not be restarted");
                let output = future.await;
                *lock(&given) = Some(output);
            }
        });
        let end = self.now() + Duration::from_secs(3_600);
        while self.now() < end {
            self.step();
            if let Some(output) = lock(&output).take() {
                return output;
            }
            let panics = self.panics();
            assert!(panics.is_empty(), "{}", panics.join("; "));
        }
        panic!("the future did not end within an hour");
    }

    fn now(&self) -> Duration {
        self.sim.elapsed()
    }

    fn panics(&self) -> Vec<String> {
        lock(&self.ground.panics).clone()
    }

    fn observe(&mut self, observer: impl Fn(u64, NodeId, &Event) + Send + Sync + 'static) {
        *lock(&self.ground.observer) = Some(Box::new(observer));
    }

    fn fired(&self) -> Vec<Fired> {
        lock(&self.ground.fired).clone()
    }

    fn can(fault: &Fault) -> bool {
        matches!(
            fault,
            Fault::Partition { .. }
                | Fault::Heal { .. }
                | Fault::HealAll
                | Fault::Kill(_)
                | Fault::PowerLoss(_)
                | Fault::DiskLoss(_)
                | Fault::Restart(_)
                | Fault::ClockStep { .. }
                | Fault::SlowBlocking { .. }
                | Fault::ResetConnections { .. }
        )
    }

    /// A writer never waits for a reader, for a connection has no window; and a server's last words are lost with a connection
    /// that it closes while something is unread.
    fn can_host(group: &Group) -> bool {
        group.nap_ms == 0 && group.role != Role::Hostile
    }

    fn schedule(&mut self, plan: &Plan) {
        for step in &plan.steps {
            assert!(Self::can(&step.fault), "turmoil must be able to do {:?}", step.fault);
            self.plan.insert((step.at_ms, self.plan.len()), step.fault.clone());
        }
    }

    fn run_until(&mut self, moment: Duration) {
        while self.now() < moment {
            self.step();
        }
    }
}

impl TurmoilWorld {
    fn step(&mut self) {
        let now = self.now();
        while let Some(next) = self.plan.first_entry()
            && Duration::from_millis(next.key().0) <= now
        {
            let fault = next.remove();
            self.apply(fault);
        }
        self.sim.step().expect("no host may end by itself");
    }
}

impl Drop for TurmoilWorld {
    fn drop(&mut self) {
        // What is dropped with the world has nobody to say farewell to, and no runtime to do it in.
        for place in &self.places {
            lock(&place.life).end();
        }
    }
}
