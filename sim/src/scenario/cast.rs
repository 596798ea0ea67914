//! Who takes part in a run, in whichever world: nodes, and hosts full of clients. A world gives each a host and lets it live
//! there; this is all that a scenario and a world have in common.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use switchboard::env::{Env, Instant, deadline};
use switchboard::event::Event;
use switchboard::handler::Catalogue;

use super::cluster::{Life, Nodes, Site, Start};
use super::piece::Script;
use super::setup::{Group, Role, Setup};
use crate::check::{ClientId, Fact, History};
use crate::client::{Caller, Era, Persona, attack, live, live_in_full};
use crate::env::SimEnv;
use crate::node::NodeId;

/// Time to ask all nodes of a cluster how it stands, before they drain.
const STOCK_MS_MAX: u64 = 10_000;

/// See the [module](self) page.
#[derive(Clone)]
pub struct Cast {
    nodes: Arc<Nodes>,
    /// The clients of each host.
    hosts: Arc<[Vec<(Role, Persona)>]>,
}

impl Cast {
    /// The cast of a setup, whose nodes are at these sites.
    #[must_use]
    pub fn new(setup: &Arc<Setup>, history: &History, sites: Vec<Site>) -> Self {
        let servers: Arc<[SocketAddr]> = sites.iter().map(Site::address).collect();
        let hosts = settle(setup, &servers);
        let (setup, history) = (Arc::clone(setup), history.clone());
        let nodes = Nodes { setup, history, sites: sites.into() };
        Self { nodes: Arc::new(nodes), hosts: hosts.into() }
    }

    /// The life of a node's process, with tools that are made once it may start.
    pub fn serve<E: Env, T>(
        &self,
        node: NodeId,
        env: E,
        tools: T,
        start: Start<E>,
    ) -> impl Future<Output = Life> + Send + use<E, T>
    where
        T: FnOnce(&History) -> Catalogue + Send + 'static,
    {
        Arc::clone(&self.nodes).serve(node, env, tools, start)
    }

    /// Where all nodes are.
    pub(crate) fn sites(&self) -> Arc<[Site]> {
        Arc::clone(&self.nodes.sites)
    }

    /// Lets the clients of a host live that follow a script.
    pub(crate) fn act(&self, host: u32, env: SimEnv, scripts: &[Script]) {
        for (_, persona) in &self.hosts[host as usize] {
            let Some(script) = persona.script else { continue };
            let script = scripts.get(usize::from(script)).expect("a client's script must be there");
            let (caller, work) = (Caller::new(env, self.nodes.history.clone(), persona), &persona.work);
            let (begin_ms, end_ms) = (work.begin_ms, work.end_ms);
            drop(env.spawn("scripted client", follow(env, caller, Arc::clone(script), begin_ms, end_ms)));
        }
    }

    /// Lets the clients of a host live that follow none.
    pub fn come<E: Env>(&self, host: u32, env: &E) {
        for (role, persona) in self.hosts[host as usize].iter().filter(|(_, who)| who.script.is_none()) {
            let (env, history, persona) = (env.clone(), self.nodes.history.clone(), persona.clone());
            let place = env.clone();
            match role {
                Role::Full => place.spawn("full client", live_in_full(env, history, persona)),
                Role::Hostile => place.spawn("hostile client", attack(env, history, persona)),
                Role::Stateful | Role::Stateless => place.spawn("client", live(env, history, persona)),
            };
        }
    }

    /// When clients are gone, nodes are looked at, and those of a cluster are asked how it stands: where they drain after that.
    #[must_use]
    pub fn stock_at(&self) -> Option<Duration> {
        let setup = &self.nodes.setup;
        setup.drains().then(|| Duration::from_millis(setup.drain_ms.saturating_sub(STOCK_MS_MAX)))
    }

    /// Asks them.
    pub fn take_stock<E: Env>(&self, env: E) -> impl Future<Output = ()> + Send + use<E> {
        Arc::clone(&self.nodes).take_stock(env)
    }
}

/// The history of a run, in which whatever nodes tell of themselves is noted as well.
pub(crate) fn observed(history: &History) -> impl Fn(u64, NodeId, &Event) + use<> {
    let history = history.clone();
    move |at, node, event| {
        // Points are counted, and nobody's history.
        if !matches!(event, Event::Reached(_)) {
            history.note_at(at, Fact::Node(node, event.clone()));
        }
    }
}

/// Gives every client its host.
fn settle(setup: &Setup, servers: &Arc<[SocketAddr]>) -> Vec<Vec<(Role, Persona)>> {
    let mut hosts: Vec<Vec<(Role, Persona)>> = (0..setup.hosts).map(|_| Vec::new()).collect();
    let mut number = 0;
    for group in &setup.groups {
        let work = Arc::new(group.work.clone());
        for member in 0..group.count {
            let era = match group.role {
                Role::Stateful => Era::Stateful,
                // Full clients are few: by turns of either era.
                Role::Full if number % 2 == 1 => Era::Stateful,
                Role::Stateless | Role::Full | Role::Hostile => Era::Stateless,
            };
            let (id, listens, work) =
                (ClientId(number), is_one_in(group.listens_one_in, member), Arc::clone(&work));
            let (servers, roams) = (Arc::clone(servers), is_one_in(group.roams_one_in, member));
            let Group { twins, rereads, nap_ms, script, .. } = *group;
            // Longer than between two comments.
            let silence_ms = setup.limits.keep_alive_ms * 3 / 2;
            let persona = Persona {
                id,
                servers,
                roams,
                era,
                listens,
                twins,
                silence_ms,
                rereads,
                nap_ms,
                work,
                script,
            };
            hosts[number as usize % setup.hosts as usize].push((group.role, persona));
            number += 1;
        }
    }
    hosts
}

/// Follows a script until it ends or its client's time is over: then it is cut off where it stands.
async fn follow(env: SimEnv, mut caller: Caller, script: Script, begin_ms: (u64, u64), end_ms: u64) {
    let (from, to) = begin_ms;
    let waits_ms = from + caller.dice().below(to.saturating_sub(from) + 1);
    caller.sleep_ms(waits_ms).await;
    let due = Instant::from_nanos(end_ms * 1_000_000);
    // A script that is cut off has said all that it will.
    let _ = deadline(&env, due, script(caller)).await;
}

const fn is_one_in(times: u32, member: u32) -> bool {
    times > 0 && member.is_multiple_of(times)
}
