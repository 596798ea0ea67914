//! The mesh itself: what the rest of a node calls.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::ask::{Asked, Asking};
use super::book::{Book, Found, Target};
use super::config::{Identity, MeshConfig};
use super::counters::Counters;
use super::link::{Seldom, Shared, accept, cut, run_dialled};
use super::peer::{Channel, Lost, MeshError, Peer, Service};
use super::pump::End;
use super::shield::Bond;
use crate::env::{Env, Instant, Listener, Task, deadline, flawed};
use crate::ids::NodeId;

/// How long a stop waits for links to say their last words.
const STOP_MS_MAX: u64 = 1_000;
/// How often it looks.
const STOP_LOOK_MS: u64 = 5;
/// How often a request looks for a link where the one it found has just ended.
const TRIES: u32 = 3;

/// The links of a node to all others. A cheap handle; the mesh lives until [`stop`](Mesh::stop) or the end of its node.
pub struct Mesh<E: Env> {
    shared: Arc<Shared<E>>,
    address: SocketAddr,
    accepting: Arc<E::Task>,
}

impl<E: Env> Clone for Mesh<E> {
    fn clone(&self) -> Self {
        let Self { shared, address, accepting } = self;
        Self { shared: Arc::clone(shared), address: *address, accepting: Arc::clone(accepting) }
    }
}

impl<E: Env> fmt::Debug for Mesh<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mesh").field("address", &self.address).finish_non_exhaustive()
    }
}

impl<E: Env> Mesh<E> {
    /// Listens; other nodes are served from here on.
    ///
    /// # Errors
    /// The limits contradict each other (`InvalidInput`), or the address cannot be listened at. Nothing is left behind.
    pub async fn start(env: E, config: MeshConfig, service: Arc<dyn Service>) -> io::Result<Self> {
        let MeshConfig { listen, identity, secret, shield, limits } = config;
        if let Some(conflict) = limits.conflict() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, conflict));
        }
        let listener = env.listen(listen).await?;
        let address = listener.local_address();
        let book = Mutex::new(Book::new(limits, env.entropy("mesh redial")));
        let counters = Arc::new(Counters::default());
        let identity = Mutex::new(identity);
        let seldom = Seldom::default();
        let shared =
            Arc::new(Shared { env, limits, secret, shield, counters, service, identity, book, seldom });
        let accepting = shared.env.spawn("mesh door", accept(Arc::clone(&shared), listener));
        Ok(Self { shared, address, accepting: Arc::new(accepting) })
    }

    /// Where it listens, with the port that was chosen.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// What it has counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Who the node is from now on: an applicant was given its id, or the map has a new epoch. With another id or
    /// incarnation, dialled links are left to end with what is pending on them, for their peers know the node as it was.
    pub fn identify(&self, identity: Identity) {
        let before = {
            let mut place = self.shared.identity.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *place, identity)
        };
        if (before.node, before.incarnation) != (identity.node, identity.incarnation) {
            let left = self.shared.book().leave_dialled();
            left.iter().for_each(|link| link.detach());
        }
    }

    /// Where a node listens, and what it is bound to. Links to an address that it had before are left to end; those of
    /// somebody with another name, who was let in before this was known, are cut.
    pub fn know(&self, node: NodeId, address: SocketAddr, bond: Bond) {
        let (left, impostors) = self.shared.book().know(node, address, bond);
        left.iter().for_each(|link| link.detach());
        cut(impostors, End::Lost(Lost::Reset));
    }

    /// A node is no part of the cluster any more: its address is forgotten and its links are cut.
    pub fn forget(&self, node: NodeId) {
        let outdated = self.shared.book().forget(node);
        cut(outdated, End::Stopped);
    }

    /// A node seems to be gone: its links are cut, in both directions, though they may not know yet. Whoever waits for an answer of
    /// it waits no longer; and one that is heard and does not hear is not listened to. Later requests dial anew.
    pub fn part(&self, node: NodeId) {
        let outdated = self.shared.book().links_of(node);
        cut(outdated, End::Stopped);
    }

    /// Asks a node, and waits until `deadline` at the longest. Dropping the future tells the node that nobody waits.
    ///
    /// # Errors
    /// [`MeshError`]. After `Unreachable`, `Overloaded` and `TooLarge` the request was certainly not served; after
    /// `Broken` and `Elapsed` nobody knows.
    pub async fn request(
        &self,
        to: NodeId,
        channel: Channel,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Bytes, MeshError> {
        self.ask(Target::Node(to), channel, body, deadline, false).await.map(|(_, answer)| answer)
    }

    /// As [`request`](Mesh::request), for an answer that may take minutes: while only such requests are pending, the link
    /// is asked for life signs every ten seconds instead of every one, and is given up later.
    ///
    /// # Errors
    /// As [`request`](Mesh::request).
    pub async fn request_patiently(
        &self,
        to: NodeId,
        channel: Channel,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Bytes, MeshError> {
        self.ask(Target::Node(to), channel, body, deadline, true).await.map(|(_, answer)| answer)
    }

    /// Asks whoever is at an address, on the traffic channel: a seed, whose id is not known yet. Also tells who that was.
    ///
    /// # Errors
    /// As [`request`](Mesh::request).
    pub async fn request_at(
        &self,
        address: SocketAddr,
        body: Bytes,
        deadline: Instant,
    ) -> Result<(Peer, Bytes), MeshError> {
        self.ask(Target::Address(address), Channel::Traffic, body, deadline, false).await
    }

    /// Sends a message that expects no answer. True where it was queued, which is no promise that it arrives.
    pub fn tell(&self, to: NodeId, channel: Channel, body: Bytes) -> bool {
        if body.len() > self.shared.limits.body_bytes_max {
            return false;
        }
        for _ in 0..TRIES {
            let Ok(link) = self.link(Target::Node(to), channel) else { return false };
            if let Ok(is_taken) = link.tell(&body) {
                return is_taken;
            }
        }
        false
    }

    /// Ends all links and takes no new ones. Answers that are ready are still written, for a second at the longest;
    /// pending requests end at once. Later requests are `Unreachable`.
    pub async fn stop(&self) {
        self.accepting.abort();
        let outdated = self.shared.book().stop();
        cut(outdated, End::Stopped);
        let Shared { env, counters, .. } = &*self.shared;
        let quiet = async {
            while counters.links.get() > 0 {
                env.sleep_until(env.now().after_ms(STOP_LOOK_MS)).await;
            }
        };
        // What is stuck by then ends by its own deadlines.
        let _ = deadline(env, env.now().after_ms(STOP_MS_MAX), quiet).await;
    }

    fn link(&self, target: Target, channel: Channel) -> Result<Arc<Asking>, MeshError> {
        let shared = &self.shared;
        let crosses = flawed!(shared.env, CrossedAnswers);
        let make = || Asking::new(channel, shared.limits, Arc::clone(&shared.counters), crosses);
        let found = shared.book().link((target, channel), shared.env.now(), make)?;
        Ok(match found {
            Found::Link(link) => link,
            Found::New(link, address) => {
                let life = run_dialled(Arc::clone(shared), target, address, Arc::clone(&link));
                shared.env.spawn("mesh link", life);
                link
            }
        })
    }

    async fn ask(
        &self,
        target: Target,
        channel: Channel,
        body: Bytes,
        due: Instant,
        is_patient: bool,
    ) -> Result<(Peer, Bytes), MeshError> {
        if body.len() > self.shared.limits.body_bytes_max {
            return Err(MeshError::TooLarge);
        }
        let env = &self.shared.env;
        let (link, mut asked) = self.queue(target, channel, &body, is_patient)?;
        drop(body);
        match deadline(env, due, &mut asked).await {
            Ok(answer) => {
                let answer = answer?;
                let peer = link.peer().expect("who answers must have been met");
                Ok((peer, answer))
            }
            Err(_) if asked.give_up() => Err(MeshError::Elapsed),
            Err(_) => Err(MeshError::Unreachable),
        }
    }

    fn queue(
        &self,
        target: Target,
        channel: Channel,
        body: &Bytes,
        is_patient: bool,
    ) -> Result<(Arc<Asking>, Asked), MeshError> {
        for _ in 0..TRIES {
            let link = self.link(target, channel)?;
            if let Ok(asked) = link.ask(body, is_patient, self.shared.env.now()) {
                return asked.map(|asked| (link, asked));
            }
        }
        Err(MeshError::Unreachable)
    }
}
