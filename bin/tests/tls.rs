//! TLS between nodes: what it hides, whom it keeps out, and that both ends say why.

mod authority;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use authority::{Authority, Issued};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use switchboard::env::Env;
use switchboard::ids::{Epoch, Incarnation, NodeId};
use switchboard::mesh::{
    Bond, Channel, ClusterId, Identity, Lost, Mesh, MeshConfig, MeshError, MeshLimits, Peer, Refusal, Secret,
    Service, Shield, WireRange,
};
use switchboard_bin::load::usage::processor_time;
use switchboard_bin::world::{Tls, TokioEnv};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tracing_subscriber::fmt::MakeWriter;

const SALT: u128 = 77;
const WORDS: &[u8] = b"what nobody else is to read";

/// Answers with what it is asked, and counts.
#[derive(Default)]
struct Echo(AtomicU64);

impl Service for Echo {
    fn request(&self, _: Peer, _: Channel, body: Bytes) -> BoxFuture<'static, Bytes> {
        self.0.fetch_add(1, Ordering::Relaxed);
        std::future::ready(body).boxed()
    }

    fn tell(&self, _: Peer, _: Channel, _: Bytes) {}

    fn link_lost(&self, _: NodeId, _: Lost) {}
}

struct Node {
    env: TokioEnv,
    mesh: Mesh<TokioEnv>,
    echo: Arc<Echo>,
    bond: Bond,
}

impl Node {
    async fn start(id: u64, tls: Option<Tls>) -> Self {
        let env = TokioEnv::boot().expect("the system must have randomness");
        let identity = Identity {
            cluster: ClusterId(1),
            node: NodeId(id),
            incarnation: Incarnation(1),
            epoch: Epoch(1),
            wire: WireRange::CURRENT,
            salt: SALT,
        };
        let shield = tls.map(|tls| Arc::new(tls) as Arc<dyn Shield>);
        let bond = shield.as_ref().map_or(Bond::loose(SALT), |shield| Bond::of(shield.name(), SALT));
        let listen = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let (secret, limits) = (Secret::new([1; 32]), MeshLimits::DEFAULT);
        let config = MeshConfig { listen, identity, secret, shield, limits };
        let echo = Arc::new(Echo::default());
        let mesh = Mesh::start(env.clone(), config, echo.clone()).await.expect("loopback must bind");
        Self { env, mesh, echo, bond }
    }

    /// Asks another, as the node with this id.
    async fn ask(&self, id: u64, other: &Self) -> Result<Bytes, MeshError> {
        self.mesh.know(NodeId(id), other.mesh.local_address(), other.bond);
        self.ask_known(id).await
    }

    async fn ask_known(&self, id: u64) -> Result<Bytes, MeshError> {
        let due = self.env.now().after_ms(20_000);
        self.mesh.request(NodeId(id), Channel::Traffic, Bytes::from_static(WORDS), due).await
    }

    fn served(&self) -> u64 {
        self.echo.0.load(Ordering::Relaxed)
    }

    /// Waits until so many dials have failed and so many strangers have come: of the latter, the other end knows first.
    async fn has_failures(&self, dials: u64, strangers: u64) {
        let counters = self.mesh.counters();
        let now = || (counters.dials_failed.get(), counters.strangers.get());
        for _ in 0..500 {
            if now() == (dials, strangers) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("(dials failed, strangers) are {:?}, not {:?}", now(), (dials, strangers));
    }
}

fn tls(authorities: &[&Authority], issued: &Issued) -> Tls {
    let parsed = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("it is PEM");
    Tls::new(
        authorities.iter().map(|authority| parsed(&authority.pem())).collect(),
        vec![parsed(&issued.certificate)],
        PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("it is PEM"),
    )
    .expect("it must be in order")
}

/// What this thread logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    fn begin() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
        let guard = tracing::subscriber::set_default(subscriber);
        (log, guard)
    }

    /// Waits until there is a warning with this in it: the other end may need a moment to see what happened.
    async fn has(&self, part: &str) {
        for _ in 0..500 {
            let text = String::from_utf8_lossy(&self.0.lock().expect("not poisoned")).into_owned();
            if text.lines().any(|line| line.contains("WARN") && line.contains(part)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no {part:?} in: {}", String::from_utf8_lossy(&self.0.lock().expect("not poisoned")));
    }
}

/// Passes on what comes to its address, and keeps it.
async fn overhear(to: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback must bind");
    let address = listener.local_addr().expect("bound");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = heard.clone();
    tokio::spawn(async move {
        let (near, _) = listener.accept().await.expect("somebody comes");
        let far = TcpStream::connect(to).await.expect("the node is there");
        let ((near_reads, near_writes), (far_reads, far_writes)) = (near.into_split(), far.into_split());
        for (mut from, mut into) in [(near_reads, far_writes), (far_reads, near_writes)] {
            let kept = kept.clone();
            tokio::spawn(async move {
                let mut bytes = vec![0; 64 * 1024];
                while let Ok(length @ 1..) = from.read(&mut bytes).await {
                    kept.lock().expect("not poisoned").extend_from_slice(&bytes[..length]);
                    if into.write_all(&bytes[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, heard)
}

#[tokio::test]
async fn what_passes_a_link_shows_without_tls_and_not_with_it() {
    for is_tls in [false, true] {
        let authority = Authority::new("authority");
        let tls = |name| is_tls.then(|| tls(&[&authority], &authority.issue(name)));
        let (a, b) = (Node::start(1, tls("a")).await, Node::start(2, tls("spiffe://mesh/b")).await);
        let (address, heard) = overhear(b.mesh.local_address()).await;
        a.mesh.know(NodeId(2), address, b.bond);
        assert_eq!(a.ask_known(2).await.as_deref(), Ok(WORDS));
        let heard = heard.lock().expect("not poisoned");
        let shows = |words: &[u8]| heard.windows(words.len()).any(|part| part == words);
        assert_eq!((shows(WORDS), shows(b"swbmesh")), (!is_tls, !is_tls));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_any_length_pass_both_ways_at_once() {
    let authority = Authority::new("authority");
    let a = Node::start(1, Some(tls(&[&authority], &authority.issue("a")))).await;
    let b = Node::start(2, Some(tls(&[&authority], &authority.issue("b")))).await;
    a.mesh.know(NodeId(2), b.mesh.local_address(), b.bond);
    b.mesh.know(NodeId(1), a.mesh.local_address(), a.bond);
    let due = a.env.now().after_ms(30_000);
    let asking =
        [0, 1, 200, 5_000, 100_000, 3 << 20].into_iter().cycle().take(60).enumerate().map(|(at, len)| {
            let (from, to) = if at % 2 == 0 { (&a, 2) } else { (&b, 1) };
            async move {
                let body: Bytes = (0..len).map(|at| at as u8).collect();
                let answer = from.mesh.request(NodeId(to), Channel::Bulk, body.clone(), due).await;
                // What passes the queue of a link is turned away, never lost.
                assert!(answer == Ok(body) || answer == Err(MeshError::Overloaded), "{len}");
            }
        });
    futures_util::future::join_all(asking.collect::<Vec<_>>()).await;
    b.mesh.stop().await;
    assert!(a.ask_known(2).await.is_err());
}

#[tokio::test]
async fn a_certificate_of_another_authority_opens_no_link_and_both_ends_say_why() {
    let (log, _guard) = Log::begin();
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let node = Node::start(1, Some(tls(&[&ours], &ours.issue("a")))).await;
    let foreign = Node::start(2, Some(tls(&[&theirs], &theirs.issue("b")))).await;
    assert_eq!(foreign.ask(1, &node).await, Err(MeshError::Unreachable));
    log.has("no handshake: the other end's certificate is of none of the authorities in ca_file").await;
    log.has("did not prove itself: the other end refuses TLS with this node: UnknownCA").await;
    assert_eq!(node.ask(2, &foreign).await, Err(MeshError::Unreachable));
    node.has_failures(1, 1).await;
    foreign.has_failures(1, 1).await;

    // One that takes any authority's word for us has only ours against it.
    let trusting = Node::start(3, Some(tls(&[&ours, &theirs], &theirs.issue("c")))).await;
    let (log, _guard) = Log::begin();
    let wary = Node::start(4, Some(tls(&[&ours], &ours.issue("d")))).await;
    assert_eq!(trusting.ask(4, &wary).await, Err(MeshError::Unreachable));
    log.has("did not prove itself: the other end's certificate is of none of the authorities").await;
    log.has("no handshake: broken off inside of TLS: received fatal alert: UnknownCA").await;
    assert_eq!(node.served() + foreign.served() + trusting.served() + wary.served(), 0);
}

#[tokio::test]
async fn tls_at_one_end_alone_opens_no_link_and_both_ends_say_why() {
    let authority = Authority::new("authority");
    let with = Node::start(1, Some(tls(&[&authority], &authority.issue("a")))).await;
    let without = Node::start(2, None).await;
    let (log, _guard) = Log::begin();
    assert_eq!(without.ask(1, &with).await, Err(MeshError::Unreachable));
    log.has("no handshake: the other end speaks TLS and this node does not").await;
    log.has("did not prove itself: the other end speaks no TLS and this node does").await;

    let with = Node::start(3, Some(tls(&[&authority], &authority.issue("c")))).await;
    let without = Node::start(4, None).await;
    let (log, _guard) = Log::begin();
    assert_eq!(with.ask(4, &without).await, Err(MeshError::Unreachable));
    log.has("no handshake: closed by the other end in the middle of TLS's handshake").await;
    log.has("did not prove itself: the other end speaks TLS and this node does not").await;
    with.has_failures(1, 0).await;
    without.has_failures(0, 1).await;
    assert_eq!(with.served() + without.served(), 0);
}

#[tokio::test]
async fn a_certificate_that_expired_since_the_start_opens_no_new_link() {
    let (log, _guard) = Log::begin();
    let authority = Authority::new("authority");
    let short = authority.issue_until("a", SystemTime::now() + Duration::from_secs(3));
    let expiring = Node::start(1, Some(tls(&[&authority], &short))).await;
    let other = Node::start(2, Some(tls(&[&authority], &authority.issue("b")))).await;
    assert!(expiring.ask(2, &other).await.is_ok());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(expiring.ask_known(2).await.is_ok(), "a link that stands is left alone");
    assert_eq!(other.ask(1, &expiring).await, Err(MeshError::Unreachable));
    log.has("no handshake: the other end's certificate has expired").await;
    log.has("did not prove itself: the other end refuses TLS with this node: CertificateExpired").await;
    assert_eq!(expiring.served(), 0);
}

#[tokio::test]
async fn a_node_is_who_its_certificate_names_and_may_have_it_renewed() {
    let authority = Authority::new("authority");
    let start = async |id, name| Node::start(id, Some(tls(&[&authority], &authority.issue(name)))).await;
    let (a, b) = (start(1, "a").await, start(2, "b").await);
    let (impostor, renewed) = (start(2, "c").await, start(2, "b").await);
    let refused = Err(MeshError::Refused(Refusal::OtherName(NodeId(2))));
    assert!(a.ask(2, &b).await.is_ok());
    assert_eq!(impostor.ask(1, &a).await, refused);
    a.mesh.know(NodeId(2), impostor.mesh.local_address(), b.bond);
    assert_eq!(a.ask_known(2).await, refused);
    assert_eq!((impostor.served(), a.served()), (0, 0));
    assert!(a.ask(2, &renewed).await.is_ok() && renewed.ask(1, &a).await.is_ok());
    assert_eq!((renewed.served(), a.served()), (1, 1));
}

#[tokio::test]
async fn who_has_a_certificate_and_not_the_secret_is_a_stranger() {
    let authority = Authority::new("authority");
    let node = Node::start(1, Some(tls(&[&authority], &authority.issue("a")))).await;
    let guest = tls(&[&authority], &authority.issue("guest"));
    let stream = TcpStream::connect(node.mesh.local_address()).await.expect("it listens");
    let mut stream = guest.dialled(Box::new(stream)).await.expect("its certificate is good").stream;
    stream.write_all(&[b"swbmesh\x01".as_slice(), &[0; 48]].concat()).await.expect("it reads");
    let mut got = Vec::new();
    // An end without TLS's farewell is an end.
    let _ = stream.read_to_end(&mut got).await;
    assert_eq!(got, b"", "not a byte inside of TLS either");
    node.has_failures(0, 1).await;
}

#[tokio::test]
#[ignore = "measures: needs a quiet machine"]
async fn what_tls_costs() {
    let authority = Authority::new("authority");
    let own = std::process::id();
    for is_tls in [false, true] {
        let tls = |name| is_tls.then(|| tls(&[&authority], &authority.issue(name)));
        let (a, b) = (Node::start(1, tls("a")).await, Node::start(2, tls("b")).await);
        a.mesh.know(NodeId(2), b.mesh.local_address(), b.bond);
        let what = if is_tls { "TLS" } else { "bare" };
        for (len, rounds) in [(200, 20_000_u32), (16 << 10, 5_000), (1 << 20, 200)] {
            let body = Bytes::from(vec![7; len]);
            let start = processor_time(own).expect("must be told");
            for _ in 0..rounds {
                let due = a.env.now().after_ms(30_000);
                let asked = a.mesh.request(NodeId(2), Channel::Traffic, body.clone(), due);
                asked.await.expect("must be answered");
            }
            let spent = (processor_time(own).expect("must be told") - start) / rounds;
            println!("{what}: {spent:?} of CPU a round trip of {len} B, both ends");
        }
        let start = processor_time(own).expect("must be told");
        for id in 100..300 {
            a.mesh.know(NodeId(id), b.mesh.local_address(), b.bond);
            // Refused at its end, for it is another node: a whole handshake, and no link.
            assert!(a.ask_known(id).await.is_err());
        }
        let spent = (processor_time(own).expect("must be told") - start) / 200;
        println!("{what}: {spent:?} of CPU a handshake, both ends");
    }
}
