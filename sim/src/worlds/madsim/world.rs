//! The hosts of a simulation, and its loop.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use madsim::Config;
use madsim::runtime::Runtime;
use madsim::time::{TimeHandle, sleep};
use switchboard::event::Event;
use switchboard_trap::draw_keys;

use super::MadsimEnv;
use super::weather::Weather;
use crate::fault::{Fault, Fired};
use crate::node::NodeId;
use crate::plan::Plan;
use crate::worlds::life::{Ground, Host, Life, lock};
use crate::worlds::play::Foreign;
use crate::worlds::task::guarded;

/// Milliseconds that a message takes: from, to.
const LATENCY_MS: (u64, u64) = (1, 10);

/// A simulation of up to [`HOSTS_MAX`](Foreign::HOSTS_MAX) hosts, a function of its seed.
pub struct MadsimWorld {
    pub(super) runtime: Runtime,
    pub(super) ground: Arc<Ground>,
    pub(super) weather: Arc<Weather>,
    pub(super) places: Vec<Place>,
    /// What will happen: by its time in milliseconds, and its place in the plan.
    plan: BTreeMap<(u64, usize), Fault>,
}

/// Where a node is, and its present process.
pub(super) struct Place {
    pub(super) host: Arc<Host>,
    pub(super) life: Arc<Mutex<Arc<Life>>>,
    pub(super) is_paused: bool,
}

fn clock() -> Option<u64> {
    let nanos = TimeHandle::try_current()?.elapsed().as_nanos();
    Some(u64::try_from(nanos).expect("a simulation must end within 584 years"))
}

impl Foreign for MadsimWorld {
    type Env = MadsimEnv;
    const NAME: &'static str = "madsim";
    /// Their ports are looked for one by one.
    const HOSTS_MAX: usize = 200;
    const COMMAND: &'static str = ".ci/madsim";

    fn new(seed: u64) -> Self {
        // In here they would be drawn from the seed: by the first world of a process, and by no other.
        draw_keys();
        let mut config = Config::default();
        config.net.packet_loss_rate = 0.0;
        config.net.send_latency = Duration::from_millis(LATENCY_MS.0)..Duration::from_millis(LATENCY_MS.1);
        let runtime = Runtime::with_seed_and_config(seed, config);
        let ground = Ground::new(seed, clock);
        let weather = Weather::new(&ground);
        Self { runtime, ground, weather, places: Vec::new(), plan: BTreeMap::new() }
    }

    fn add_node(&mut self, name: &str) -> NodeId {
        assert!(self.places.len() < Self::HOSTS_MAX, "madsim must not have more than 200 hosts");
        let number = u8::try_from(self.places.len()).expect("200 hosts must fit");
        let node = NodeId(u32::from(number));
        let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 0, number + 1));
        let host = Host::new(&self.ground, node, name, ip);
        let life = Arc::new(Mutex::new(host.begin_life()));
        self.places.push(Place { host, life, is_paused: false });
        node
    }

    fn ip(&self, node: NodeId) -> IpAddr {
        self.places[node.index()].host.ip
    }

    fn env(&self, node: NodeId) -> MadsimEnv {
        let life = Arc::clone(&lock(&self.places[node.index()].life));
        MadsimEnv { life, weather: Arc::clone(&self.weather) }
    }

    fn boot<F, Fut>(&mut self, node: NodeId, program: F)
    where
        F: Fn(MadsimEnv) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let place = &self.places[node.index()];
        let (life, weather, program) =
            (Arc::clone(&place.life), Arc::clone(&self.weather), Arc::new(program));
        let builder = self.runtime.create_node().name(place.host.name.clone()).ip(place.host.ip);
        let init = move || {
            let env = MadsimEnv { life: Arc::clone(&lock(&life)), weather: Arc::clone(&weather) };
            let program = Arc::clone(&program);
            // Begun by its first poll: now madsim holds a lock that whatever a program does may need.
            async move {
                let root = guarded(Arc::clone(&env.life), "root", program(env));
                // The process goes on with what its root has started.
                let _ = root.await;
                pending::<()>().await
            }
        };
        // A host may run its program only once others can ask where it is.
        self.runtime.block_on(async { self.weather.settle(node, builder.init(init).build().id()) });
    }

    fn block_on<F>(&mut self, node: NodeId, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.boot(node, |_| std::future::ready(()));
        let host = self.runtime.handle().get_node(self.weather.id(node)).expect("the host must be booted");
        let output = self.runtime.block_on(async { host.spawn(future).await });
        let panics = self.panics();
        assert!(panics.is_empty(), "{}", panics.join("; "));
        output.expect("what is blocked on must not die")
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.ground.now())
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
                | Fault::PartitionOneWay { .. }
                | Fault::Heal { .. }
                | Fault::HealAll
                | Fault::Kill(_)
                | Fault::PowerLoss(_)
                | Fault::DiskLoss(_)
                | Fault::Restart(_)
                | Fault::Pause(_)
                | Fault::Resume(_)
                | Fault::ClockStep { .. }
                | Fault::SlowBlocking { .. }
                | Fault::ResetConnections { .. }
        )
    }

    fn schedule(&mut self, plan: &Plan) {
        for step in &plan.steps {
            assert!(Self::can(&step.fault), "madsim must be able to do {:?}", step.fault);
            self.plan.insert((step.at_ms, self.plan.len()), step.fault.clone());
        }
    }

    fn run_until(&mut self, moment: Duration) {
        loop {
            let next = self.plan.first_key_value().map(|((at_ms, _), _)| Duration::from_millis(*at_ms));
            let stop = next.map_or(moment, |next| next.min(moment));
            let wait = stop.saturating_sub(self.now());
            if !wait.is_zero() {
                self.runtime.block_on(async {
                    sleep(wait).await;
                    // So that time is known outside, too.
                    let _ = self.ground.now();
                });
            }
            if next.is_none_or(|next| next > moment) {
                return;
            }
            let (_, fault) = self.plan.pop_first().expect("there must be a next step");
            self.apply(fault);
        }
    }
}

impl Drop for MadsimWorld {
    fn drop(&mut self) {
        // What is dropped with the world has nobody to say farewell to.
        for place in &self.places {
            lock(&place.life).end();
        }
        if std::thread::panicking() {
            return;
        }
        // Tasks that hold each other's wakers would stay for ever.
        self.runtime.block_on(async {
            for host in self.weather.hosts() {
                self.runtime.handle().kill(host);
            }
        });
        self.runtime.block_on(async {});
    }
}
