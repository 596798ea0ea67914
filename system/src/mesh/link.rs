//! Making links: dialling and accepting, each with its handshake, and the task that a link lives in.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::answer::{self, Answering};
use super::ask::{self, Asking};
use super::book::{Book, Outdated, Target};
use super::config::{APPLICANT, Identity, MeshLimits, Secret};
use super::counters::{Count, Counters};
use super::hello::{Hello, HelloError, Reply, Said, introduce, receive};
use super::peer::{Channel, Lost, MeshError, Peer, Refusal, Service};
use super::pump::{End, Pump};
use super::shield::{Bond, Line, Shield, Side, bond};
use crate::env::{AnyStream, Either, Env, Instant, Listener, buggify, deadline, race, reachable};

/// How long accepting rests after an error: a shortage of open files does not pass at once.
const ACCEPT_REST_MS: u64 = 10;
/// A slow dial takes so much longer.
const DIAL_SLOW_MS: u64 = 200;
/// How often a mismatch is said aloud: somebody else decides how often it happens.
const SELDOM_MS: u64 = 10_000;

/// What all parts of one mesh share.
pub(super) struct Shared<E: Env> {
    pub(super) env: E,
    pub(super) limits: MeshLimits,
    pub(super) secret: Secret,
    pub(super) shield: Option<Arc<dyn Shield>>,
    pub(super) counters: Arc<Counters>,
    pub(super) service: Arc<dyn Service>,
    pub(super) identity: Mutex<Identity>,
    pub(super) book: Mutex<Book<E>>,
    pub(super) seldom: Seldom,
}

/// What is said once in a while, however often it happens.
#[derive(Default)]
pub(super) struct Seldom(Mutex<Instant>);

impl Seldom {
    fn may(&self, now: Instant) -> bool {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let may = now >= *next;
        if may {
            *next = now.after_ms(SELDOM_MS);
        }
        may
    }
}

impl<E: Env> Shared<E> {
    pub(super) fn book(&self) -> MutexGuard<'_, Book<E>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn identity(&self) -> Identity {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a proven peer may have a link; cuts those of its former life.
    fn meet(&self, peer: &Peer) -> Result<(), Refusal> {
        let outdated = self.book().meet(peer)?;
        if let Some(outdated) = outdated {
            cut(outdated, End::Lost(Lost::Reset));
        }
        Ok(())
    }

    /// What this node says, which is more inside of a shield.
    fn say<T>(&self, what: T, us: &Identity) -> Said<T> {
        Said { what, salt: self.shield.is_some().then_some(us.salt) }
    }

    /// Tells of a handshake that came to nothing.
    fn no_handshake(&self, what: &str, address: SocketAddr, error: &HelloError) {
        if error.is_mismatch() && self.seldom.may(self.env.now()) {
            tracing::warn!(%address, "{what}: {error}");
        } else {
            tracing::debug!(%address, "{what}: {error}");
        }
    }

    fn lost(&self, peer: &Peer, end: End) {
        tracing::debug!(node = %peer.node, ?end, "a link ended");
        if let End::Lost(how) = end
            && !peer.is_applicant()
        {
            self.service.link_lost(peer.node, how);
        }
    }
}

pub(super) fn cut<E: Env>(outdated: Outdated<E>, how: End) {
    for link in outdated.asking {
        link.cut(how, MeshError::Unreachable);
    }
    for link in outdated.answering {
        link.cut(how);
    }
}

/// One more of something, as long as it lives.
struct Counted<'a>(&'a Count);

impl<'a> Counted<'a> {
    fn new(count: &'a Count) -> Self {
        count.one_more();
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.one_less();
    }
}

/// The life of a dialled link, from the dial on.
pub(super) async fn run_dialled<E: Env>(
    shared: Arc<Shared<E>>,
    target: Target,
    address: SocketAddr,
    link: Arc<Asking>,
) {
    // Whatever happens below, nobody waits for ever.
    let ending = ask::Ending(Arc::clone(&link));
    shared.counters.dials.one_more();
    match dial(&shared, target, address, link.channel()).await {
        Err(error) => {
            shared.counters.dials_failed.one_more();
            reachable!(shared.env, DialFailed);
            shared.book().dialled_over(target, &link, Some(error), shared.env.now());
            link.cut(End::Lost(Lost::Reset), error);
        }
        Ok((stream, peer)) => {
            link.stand(peer);
            if shared.book().is_outdated(&peer) {
                link.cut(End::Lost(Lost::Reset), MeshError::Unreachable);
            }
            let counted = Counted::new(&shared.counters.links);
            tracing::debug!(node = %peer.node, %address, channel = ?link.channel(), "a link stands");
            let pump = Pump::new(
                shared.env.clone(),
                stream,
                Arc::clone(&link),
                &shared.limits,
                Arc::clone(&shared.counters),
            );
            let end = pump.await;
            drop(counted);
            shared.book().dialled_over(target, &link, None, shared.env.now());
            link.cut(end, MeshError::Unreachable);
            shared.lost(&peer, end);
        }
    }
    drop(ending);
}

/// A connection to a target that proved itself.
async fn dial<E: Env>(
    shared: &Shared<E>,
    target: Target,
    address: SocketAddr,
    channel: Channel,
) -> Result<(AnyStream, Peer), MeshError> {
    let Shared { env, limits, .. } = shared;
    let due = env.now().after_ms(limits.dial_ms_max);
    if buggify!(env, DialSlow) {
        env.sleep_until(env.now().after_ms(DIAL_SLOW_MS)).await;
    }
    let connected = deadline(env, due, env.connect(address)).await;
    let stream = match connected {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%address, "cannot connect: {error}");
            return Err(MeshError::Unreachable);
        }
        Err(_) => return Err(MeshError::Unreachable),
    };
    let identity = shared.identity();
    let to = match target {
        Target::Node(node) => node,
        Target::Address(_) => APPLICANT,
    };
    let hello = shared.say(Hello::new(&identity, channel, to), &identity);
    let mut entropy = env.entropy("mesh hello");
    let due = env.now().after_ms(limits.handshake_ms_max);
    // In a box of its own: the link's task lives long, and should not keep room for this.
    let introduced = Box::pin(async {
        let mut line = Line::new(shared.shield.as_ref(), &shared.secret, stream, Side::Dialled).await?;
        let reply = introduce(&mut line.stream, &line.secret, &mut entropy, &hello).await?;
        Ok::<_, HelloError>((line, reply))
    });
    let (line, reply) = match deadline(env, due, introduced).await {
        Ok(Ok(introduced)) => introduced,
        Ok(Err(error)) => {
            shared.no_handshake("no handshake", address, &error);
            return Err(MeshError::Unreachable);
        }
        Err(_) => return Err(MeshError::Unreachable),
    };
    let peer = match reply.what {
        Reply::Welcome { wire, node, incarnation, epoch } => {
            Peer { node, incarnation, epoch, wire, address, bond: bond(line.name.as_deref(), reply.salt) }
        }
        Reply::No(refusal) => {
            tracing::warn!(%address, cluster = %identity.cluster, wire = %identity.wire, "refused: {refusal}");
            return Err(MeshError::Refused(refusal));
        }
    };
    let is_meant = to == APPLICANT || to == peer.node;
    let met = if is_meant { shared.meet(&peer) } else { Err(Refusal::OtherNode(peer.node)) };
    met.map_err(|refusal| {
        let name = line.name.as_deref();
        tracing::warn!(%address, node = %peer.node, name, "not accepted as it is: {refusal}");
        MeshError::Refused(refusal)
    })?;
    Ok((line.stream, peer))
}

/// Connections under handshake, oldest first.
#[derive(Default)]
struct Hall {
    last: u64,
    inside: BTreeMap<u64, oneshot::Sender<()>>,
}

/// Accepts for as long as the node lives.
pub(super) async fn accept<E: Env>(shared: Arc<Shared<E>>, mut listener: E::Listener) {
    let hall = Arc::new(Mutex::new(Hall::default()));
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                let (put_out, out) = oneshot::channel();
                let number = {
                    let mut hall = hall.lock().unwrap_or_else(PoisonError::into_inner);
                    if hall.inside.len() >= shared.limits.handshakes_len_max {
                        // The oldest: who means it needs few round trips, and has had them.
                        hall.inside.pop_first();
                    }
                    hall.last += 1;
                    let number = hall.last;
                    hall.inside.insert(number, put_out);
                    number
                };
                let place = Place { hall: Arc::clone(&hall), number };
                shared.env.spawn("mesh accept", enter(Arc::clone(&shared), stream, address, place, out));
            }
            Err(error) => {
                tracing::warn!("cannot accept a link: {error}");
                shared.env.sleep_until(shared.env.now().after_ms(ACCEPT_REST_MS)).await;
            }
        }
    }
}

/// A place in the hall, given back when it is dropped.
struct Place {
    hall: Arc<Mutex<Hall>>,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hall.lock().unwrap_or_else(PoisonError::into_inner).inside.remove(&self.number);
    }
}

/// A connection from its first byte: the handshake, then a task for the link.
async fn enter<E: Env>(
    shared: Arc<Shared<E>>,
    stream: E::Stream,
    address: SocketAddr,
    place: Place,
    out: oneshot::Receiver<()>,
) {
    let env = shared.env.clone();
    let counted = Counted::new(&shared.counters.handshakes);
    let mut entropy = env.entropy("mesh challenge");
    let due = env.now().after_ms(shared.limits.handshake_ms_max);
    let received = async {
        let mut line = Line::new(shared.shield.as_ref(), &shared.secret, stream, Side::Accepted).await?;
        let Line { stream, secret, name } = &mut line;
        let judge =
            |hello: &Said<Hello>| judge(&shared, &hello.what, bond(name.as_deref(), hello.salt), address);
        let (hello, reply) = receive(stream, secret, &mut entropy, judge).await?;
        Ok::<_, HelloError>((line, hello, reply))
    };
    let received = race(deadline(&env, due, received), out).await;
    drop((counted, place));
    let (line, hello, reply) = match received {
        Either::Left(Ok(Ok(received))) => received,
        Either::Left(Ok(Err(error))) => return stranger(&shared, address, &error),
        Either::Left(Err(_)) | Either::Right(_) => {
            return stranger(&shared, address, &HelloError::Stranger);
        }
    };
    let Reply::Welcome { wire, .. } = reply else {
        shared.counters.refused.one_more();
        return;
    };
    let peer = peer_of(&hello.what, wire, address, bond(line.name.as_deref(), hello.salt));
    let service = Arc::clone(&shared.service);
    let counters = Arc::clone(&shared.counters);
    let link = Answering::new(env.clone(), (peer, hello.what.channel), shared.limits, counters, service);
    env.spawn("mesh link", run_accepted(Arc::clone(&shared), link, line.stream));
}

fn stranger<E: Env>(shared: &Shared<E>, address: SocketAddr, error: &HelloError) {
    shared.counters.strangers.one_more();
    shared.no_handshake("a connection did not prove itself", address, error);
}

const fn peer_of(hello: &Hello, wire: u16, address: SocketAddr, bond: Option<Bond>) -> Peer {
    let Hello { node, incarnation, epoch, .. } = *hello;
    Peer { node, incarnation, epoch, wire, address, bond }
}

/// What to answer to a proven hello of somebody with this bond.
fn judge<E: Env>(shared: &Shared<E>, hello: &Hello, bond: Option<Bond>, address: SocketAddr) -> Said<Reply> {
    let us = shared.identity();
    let judged = || {
        if hello.cluster != us.cluster {
            return Err(Refusal::Cluster(us.cluster));
        }
        let wire = us.wire.common(hello.wire).ok_or(Refusal::Version(us.wire))?;
        if hello.to != APPLICANT && hello.to != us.node {
            return Err(Refusal::OtherNode(us.node));
        }
        if hello.node != APPLICANT && hello.node == us.node {
            // Two processes with one id, or a node that dialled itself.
            return Err(Refusal::OtherNode(us.node));
        }
        shared.meet(&peer_of(hello, wire, address, bond))?;
        Ok(wire)
    };
    let reply = match judged() {
        Ok(wire) => {
            let Identity { node, incarnation, epoch, .. } = us;
            Reply::Welcome { wire, node, incarnation, epoch }
        }
        Err(refusal) => {
            let Hello { node, cluster, wire, .. } = hello;
            tracing::warn!(%address, %node, %cluster, %wire, "refused a node: {refusal}");
            Reply::No(refusal)
        }
    };
    shared.say(reply, &us)
}

/// The life of an accepted link.
async fn run_accepted<E: Env>(shared: Arc<Shared<E>>, link: Arc<Answering<E>>, stream: AnyStream) {
    let ending = answer::Ending(Arc::clone(&link));
    let accepted = shared.book().accept(&link);
    let Some((number, outdated)) = accepted else { return };
    for old in outdated {
        old.cut(End::Rested);
    }
    let peer = *link.peer();
    let counted = Counted::new(&shared.counters.links);
    let pump = Pump::new(shared.env.clone(), stream, link, &shared.limits, Arc::clone(&shared.counters));
    let end = pump.await;
    drop(counted);
    shared.book().accepted_over(number);
    drop(ending);
    shared.lost(&peer, end);
}
