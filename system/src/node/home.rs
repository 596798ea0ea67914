//! Where a session lives: the group that keeps it, as seen from a node that serves it.
//!
//! A node serves a session under a lease that the session's owner gave. While the lease runs, plain calls ask nobody. It is
//! renewed in the background by use; once it has run out, the owner is asked before the next use. Where the owner cannot be
//! reached, plain calls go on for a grace that is counted from when it was last heard of: that is how long an ended session
//! can still be used at a node that was cut off (S7), and not longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use prometheus_client::metrics::gauge::Gauge;
use serde::{Deserialize, Serialize};

use super::core::{Core, Place, Seat};
use super::{trouble, unopened};
use crate::cancel::CancelReason;
use crate::client::{Client, Principal};
use crate::cluster::{Cluster, Trouble};
use crate::env::{Env, Instant, flawed, reachable};
use crate::event::Event;
use crate::ids::{SessionId, StreamId};
use crate::jsonrpc::Raw;
use crate::protocol::{Fault, InitializeParams, LogLevel, Revision, to_raw};
use crate::seal::SessionTicket;
use crate::session::{Calls, Session};

/// How long a request waits for the owner of its session, where it cannot do without.
pub(super) const OWNER_MS_MAX: u64 = 5_000;
/// How long a request waits for a lease before it goes on without, where the grace allows that.
const LEASE_WAIT_MS: u64 = 500;
/// How long requests go on without a lease before one of them waits for it again.
const WITHOUT_LEASE_MS: u64 = 1_000;
/// The longest record of a client. It is kept by every replica of its group.
const CLIENT_BYTES_MAX: usize = 64 * 1024;

/// See the [module](self) page.
pub(super) struct Home<E: Env> {
    cluster: Cluster<E>,
    id: SessionId,
    lease_until_ns: AtomicU64,
    heard_ns: AtomicU64,
    renewing: AtomicBool,
}

/// What is kept of a client: what it said when it opened its session, and who it is.
#[derive(Serialize, Deserialize)]
struct ClientRecord<'a> {
    revision: u8,
    principal: Option<&'a str>,
    params: &'a [u8],
}

impl<E: Env> Home<E> {
    fn new(cluster: Cluster<E>, id: SessionId) -> Self {
        Self {
            cluster,
            id,
            lease_until_ns: AtomicU64::new(0),
            heard_ns: AtomicU64::new(0),
            renewing: AtomicBool::new(false),
        }
    }

    /// The cluster that keeps the session.
    pub(super) const fn cluster(&self) -> &Cluster<E> {
        &self.cluster
    }

    /// Which session it is.
    pub(super) const fn id(&self) -> SessionId {
        self.id
    }

    /// The owner was heard of just now, and lets this node serve for so long.
    fn leased(&self, now: Instant, lease_ms: u64) {
        self.heard_ns.store(now.as_nanos(), Ordering::Relaxed);
        self.lease_until_ns.store(now.after_ms(lease_ms).as_nanos(), Ordering::Relaxed);
    }

    /// The owner cannot be reached, and the grace is not over: nobody waits for it for a while.
    fn go_without(&self, now: Instant) {
        self.lease_until_ns.store(now.after_ms(WITHOUT_LEASE_MS).as_nanos(), Ordering::Relaxed);
    }

    /// Ask before the next use.
    pub(super) fn lapse(&self) {
        self.lease_until_ns.store(0, Ordering::Relaxed);
    }
}

impl<E: Env> Core<E> {
    /// Opens a session in the cluster, and takes a seat in it.
    ///
    /// # Errors
    /// The fault to answer with. Where the outcome is unknown a session may be left that nobody knows, until it idles out.
    pub(super) async fn open_home(
        self: &Arc<Self>,
        client: Client,
        params: &Raw,
    ) -> Result<(Seat<E>, String), Fault> {
        let record = ClientRecord {
            revision: client.revision as u8,
            principal: (!client.principal.is_anonymous()).then(|| client.principal.as_str()),
            params: params.bytes(),
        };
        let record: Bytes = postcard::to_stdvec(&record).expect("a record must encode").into();
        if record.len() > CLIENT_BYTES_MAX {
            return Err(Fault::invalid_params("what the client says of itself is too long"));
        }
        let id = self.cluster.place(SessionId(self.mint()));
        let due = self.env.now().after_ms(OWNER_MS_MAX);
        let principal = client.principal.digest();
        // Its place is taken before it is there: many may come at once.
        let place = self.reserve_session()?;
        let lease_ms = self.cluster.open(id, principal, record, due).await.map_err(trouble)?;
        let name = self.seal_session(id, &client);
        let seat = self.seat_at(Home::new(self.cluster.clone(), id), client, lease_ms);
        self.metrics.sessions_opened.inc();
        self.env.record(&Event::SessionOpened(id));
        if flawed!(self.env, LeakingPlaces) {
            std::mem::forget(place);
        }
        Ok((seat, name))
    }

    /// A place for a session that is about to be opened here, given back when the session has taken its own.
    fn reserve_session(&self) -> Result<Reserved, Fault> {
        let reserved = Reserved(self.metrics.sessions.clone());
        let before = usize::try_from(reserved.0.inc()).unwrap_or(0);
        let before = if flawed!(self.env, LateCount) { self.seats.len() } else { before };
        if before >= self.limits.sessions_max {
            return Err(Fault::overloaded("this node has as many sessions as it may have"));
        }
        Ok(reserved)
    }

    fn seal_session(&self, id: SessionId, client: &Client) -> String {
        let ticket = SessionTicket {
            tenant: 0,
            principal: client.principal.digest(),
            id,
            revision: client.revision as u8,
            capabilities: 0,
            created: self.env.wall(),
        };
        ticket.seal(&self.keys)
    }

    fn seat_at(&self, home: Home<E>, client: Client, lease_ms: u64) -> Seat<E> {
        let now = self.env.now();
        home.leased(now, lease_ms);
        let calls = Arc::new(Calls::new(self.limits.calls_per_session_max));
        let asks = self.cluster.question_prefix();
        let session = Session::new(home.id, Arc::new(client), self.session_bounds(), calls, asks, now);
        let seat = Seat { session: Arc::new(session), place: Place::Home(Arc::new(home)) };
        // Two requests may come for it at once: the first seat stays, for calls and questions are registered there.
        match self.seats.insert_if_absent(seat.session.id, seat.clone()) {
            Some(first) => first,
            None => {
                self.metrics.sessions.inc();
                seat
            }
        }
    }

    /// A seat in the session that a client names. Somebody else's session looks as if it were none.
    ///
    /// # Errors
    /// The fault to answer with.
    pub(super) async fn find_seat(
        self: &Arc<Self>,
        name: &str,
        principal: &Principal,
    ) -> Result<Seat<E>, Fault> {
        let ticket = SessionTicket::open(&self.keys, name)
            .ok_or_else(|| unopened(&self.keys, name, Fault::session_not_found()))?;
        if ticket.principal != principal.digest() {
            return Err(Fault::session_not_found());
        }
        let now = self.env.now();
        if let Some(seat) = self.seats.get(&ticket.id)
            && let Place::Home(home) = &seat.place
        {
            if seat.session.client.principal != *principal {
                return Err(Fault::session_not_found());
            }
            self.keep_lease(&seat, home, now).await?;
            seat.session.touch(now);
            return Ok(seat);
        }
        let due = now.after_ms(OWNER_MS_MAX);
        let attached =
            Box::pin(self.cluster.attach(ticket.id, ticket.principal, due)).await.map_err(trouble)?;
        let client = read_client(&attached.client).ok_or_else(Fault::session_not_found)?;
        if client.principal != *principal {
            return Err(Fault::session_not_found());
        }
        reachable!(self.env, SessionTakenUp);
        let seat = self.seat_at(Home::new(self.cluster.clone(), ticket.id), client, attached.lease_ms);
        seat.session.set_log_level(level(attached.log_level));
        Ok(seat)
    }

    /// Sees to it that the seat may be used at `now`.
    async fn keep_lease(
        self: &Arc<Self>,
        seat: &Seat<E>,
        home: &Arc<Home<E>>,
        now: Instant,
    ) -> Result<(), Fault> {
        let until = Instant::from_nanos(home.lease_until_ns.load(Ordering::Relaxed));
        let heard = Instant::from_nanos(home.heard_ns.load(Ordering::Relaxed));
        if now < until {
            // Over half of it is gone: renewed by the way, so that a session in use never waits for it.
            let half = heard.after(until.since(heard) / 2);
            if now >= half && !home.renewing.swap(true, Ordering::AcqRel) {
                let (core, seat, home) = (self.clone(), seat.clone(), home.clone());
                self.env.spawn("lease", async move {
                    let due = core.env.now().after_ms(OWNER_MS_MAX);
                    // Where it does not come, the next use sees that the lease has run out.
                    let _ = core.renew(&seat, &home, due).await;
                    home.renewing.store(false, Ordering::Release);
                });
            }
            return Ok(());
        }
        match Box::pin(self.renew(seat, home, now.after_ms(LEASE_WAIT_MS))).await {
            Ok(()) => Ok(()),
            Err(Trouble::Unavailable | Trouble::Unknown)
                if self.env.now() < heard.after_ms(self.limits.session_grace_ms) =>
            {
                reachable!(self.env, ServedInGrace);
                home.go_without(self.env.now());
                Ok(())
            }
            Err(other) => Err(trouble(other)),
        }
    }

    async fn renew(&self, seat: &Seat<E>, home: &Home<E>, due: Instant) -> Result<(), Trouble> {
        // The lease counts from before it was asked for: the owner's clock began later, and so ends later.
        let asked = self.env.now();
        match self.cluster.attach(home.id, seat.session.client.principal.digest(), due).await {
            Ok(attached) => {
                seat.session.set_log_level(level(attached.log_level));
                home.leased(asked, attached.lease_ms);
                Ok(())
            }
            Err(Trouble::NoSession) => {
                reachable!(self.env, LeaseRefused);
                self.leave(&seat.session.id, CancelReason::Client);
                Err(Trouble::NoSession)
            }
            Err(other) => Err(other),
        }
    }

    /// Gives up the seat in a session that ended, or that nobody uses here: what is under way in it is cancelled.
    pub(super) fn leave(&self, id: &SessionId, reason: CancelReason) {
        if let Some(seat) = self.seats.remove(id)
            && seat.session.end(reason)
        {
            self.metrics.sessions.dec();
        }
    }

    /// Ends a session for its client.
    ///
    /// # Errors
    /// The fault to answer with; the session may have ended.
    pub(super) async fn end_home(&self, seat: &Seat<E>, home: &Home<E>) -> Result<(), Fault> {
        let due = self.env.now().after_ms(OWNER_MS_MAX * 2);
        let ended = home.cluster.end(home.id, due).await;
        match ended {
            Ok(()) | Err(Trouble::NoSession) => {
                self.leave(&seat.session.id, CancelReason::Client);
                self.env.record(&Event::SessionClosed(seat.session.id));
                Ok(())
            }
            Err(other) => Err(trouble(other)),
        }
    }
}

/// One more session, for as long as it lives.
struct Reserved(Gauge);

impl Drop for Reserved {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn level(number: u8) -> LogLevel {
    LogLevel::from_number(number).unwrap_or(LogLevel::Info)
}

fn read_client(record: &Bytes) -> Option<Client> {
    let record: ClientRecord<'_> = postcard::from_bytes(record).ok()?;
    let params = Raw::parse(Bytes::copy_from_slice(record.params)).ok()?;
    let hello = InitializeParams::read(&params).ok()?;
    Some(Client {
        revision: Revision::from_number(record.revision)?,
        capabilities: hello.capabilities,
        info: Some(to_raw(&hello.client_info, Revision::LATEST_LEGACY)),
        principal: record.principal.map_or_else(Principal::anonymous, Principal::named),
    })
}

impl<E: Env> std::fmt::Debug for Home<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Home").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The standalone stream of a session.
pub(super) const STANDALONE: StreamId = StreamId(0);
