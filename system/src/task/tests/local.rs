//! The store in one process: waking, forgetting, and replies that are lost.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use super::*;
use crate::env::{self, Entropy, Env, Instant, Panicked};
use crate::event::Event;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A world of a clock and some tasks, moved by hand. What the store does not ask for does not exist.
#[derive(Clone, Default)]
struct Hand(Arc<Inner>);

#[derive(Default)]
struct Inner {
    nanos: AtomicU64,
    entropies: AtomicU64,
    spawned: AtomicU64,
    running: Mutex<VecDeque<(Arc<AtomicU64>, Work)>>,
    seed: u8,
}

impl Hand {
    fn seeded(seed: u8) -> Self {
        Self(Arc::new(Inner { seed, ..Inner::default() }))
    }

    /// Lets time pass in steps of 100 ms, with every task polled after each.
    fn pass(&self, ms: u64) {
        for _ in 0..ms.div_ceil(100) {
            self.0.nanos.fetch_add(100_000_000, Ordering::SeqCst);
            let all = std::mem::take(&mut *self.0.running.lock().unwrap());
            for (aborted, mut work) in all {
                let alive = aborted.load(Ordering::SeqCst) == 0;
                if alive && work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                    self.0.running.lock().unwrap().push_back((aborted, work));
                }
            }
        }
    }

    fn running(&self) -> usize {
        self.0
            .running
            .lock()
            .unwrap()
            .iter()
            .filter(|(aborted, _)| aborted.load(Ordering::SeqCst) == 0)
            .count()
    }
}

enum Never {}

struct Nap(Hand, Instant);

impl Future for Nap {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if Env::now(&self.0) >= self.1 { Poll::Ready(()) } else { Poll::Pending }
    }
}

struct Handle(Arc<AtomicU64>);

impl env::Task for Handle {
    fn abort(&self) {
        self.0.store(1, Ordering::SeqCst);
    }

    async fn join(self) -> Result<(), Panicked> {
        unreachable!()
    }
}

impl env::Listener for Never {
    type Stream = tokio::io::DuplexStream;

    async fn accept(&mut self) -> io::Result<(Self::Stream, SocketAddr)> {
        match *self {}
    }

    fn local_address(&self) -> SocketAddr {
        match *self {}
    }
}

impl env::Child for Never {
    type Input = tokio::io::DuplexStream;
    type Output = tokio::io::DuplexStream;
    type Error = tokio::io::DuplexStream;

    fn take_pipes(&mut self) -> Option<(Self::Input, Self::Output, Self::Error)> {
        match *self {}
    }

    async fn wait(&mut self) -> io::Result<env::ExitStatus> {
        match *self {}
    }

    fn kill(&mut self) -> io::Result<()> {
        match *self {}
    }
}

#[derive(Clone)]
struct NoDisk;

impl env::Disk for NoDisk {
    type File = Never;

    fn open(&self, _: &Path, _: env::OpenMode) -> io::Result<Never> {
        unreachable!()
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        unreachable!()
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        unreachable!()
    }

    fn create_directory(&self, _: &Path) -> io::Result<()> {
        unreachable!()
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        unreachable!()
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        unreachable!()
    }
}

impl env::File for Never {
    fn len(&self) -> io::Result<u64> {
        match *self {}
    }

    fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
        match *self {}
    }

    fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
        match *self {}
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        match *self {}
    }

    fn sync(&self) -> io::Result<()> {
        match *self {}
    }
}

impl Env for Hand {
    type Sleep = Nap;
    type Stream = tokio::io::DuplexStream;
    type Listener = Never;
    type Task = Handle;
    type Disk = NoDisk;
    type Child = Never;

    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.nanos.load(Ordering::SeqCst))
    }

    fn wall(&self) -> WallTime {
        at(1_000_000)
    }

    fn sleep_until(&self, at: Instant) -> Nap {
        Nap(self.clone(), at)
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, _: &'static str, future: F) -> Handle {
        self.0.spawned.fetch_add(1, Ordering::SeqCst);
        let aborted = Arc::new(AtomicU64::new(0));
        self.0.running.lock().unwrap().push_back((Arc::clone(&aborted), Box::pin(future)));
        Handle(aborted)
    }

    fn blocking<T, F>(
        &self,
        _: &'static str,
        _: F,
    ) -> impl Future<Output = Result<T, Panicked>> + Send + 'static
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        std::future::pending()
    }

    async fn listen(&self, _: SocketAddr) -> io::Result<Never> {
        unreachable!()
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<Self::Stream> {
        unreachable!()
    }

    fn entropy(&self, _: &str) -> Entropy {
        let mut seed = [self.0.seed; 32];
        seed[0] = u8::try_from(self.0.entropies.fetch_add(1, Ordering::SeqCst)).unwrap();
        Entropy::from_seed(seed)
    }

    fn disk(&self) -> NoDisk {
        NoDisk
    }

    fn launch(&self, _: &env::Command) -> io::Result<Never> {
        unreachable!()
    }

    fn record(&self, _: &Event) {}
}

fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("must be ready"),
    }
}

fn is_pending<F: Future>(future: F) -> bool {
    pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

fn apply(store: &dyn Store, request: u128, command: Command) -> Result<Reply, StoreError> {
    ready(store.apply(RequestId(request), command))
}

fn watch(store: &dyn Store, principal: Principal, id: u128) -> Option<Watch> {
    ready(store.watch(principal, TaskId(id))).expect("a local store must answer")
}

#[test]
fn a_watcher_sees_the_end_and_then_that_the_task_is_gone() {
    let world = Hand::default();
    let store = LocalStore::new(world.clone(), small());
    apply(&store, 1, create(1, ANN, Some(900))).unwrap();
    assert!(watch(&store, BOB, 1).is_none() && watch(&store, ANN, 2).is_none());
    let mut watch = watch(&store, ANN, 1).unwrap();
    assert_eq!(watch.stamp(), Stamp { version: 1, status: Status::Working });
    assert!(is_pending(watch.ended()) && is_pending(watch.changed()));
    apply(&store, 2, on(1, ANN, ask("k"))).unwrap();
    assert_eq!(ready(watch.changed()).unwrap().status, Status::InputRequired);
    apply(&store, 3, on(1, ANN, Action::Cancel)).unwrap();
    assert_eq!(ready(watch.ended()).unwrap(), Stamp { version: 3, status: Status::Cancelled });
    assert!(is_pending(watch.changed()));
    world.pass(2_000);
    assert_eq!(ready(watch.changed()), Err(Gone));
}

#[test]
fn a_timer_waits_only_while_there_is_something_to_forget() {
    let world = Hand::default();
    let store = LocalStore::new(world.clone(), Bounds { ttl_ms_max: 3_600_000, ..small() });
    apply(&store, 1, on(9, ANN, Action::Get)).unwrap();
    assert_eq!(world.0.spawned.load(Ordering::SeqCst), 0, "who never had a task pays nothing");
    apply(&store, 2, create(1, ANN, None)).unwrap();
    apply(&store, 3, create(2, ANN, Some(5_000))).unwrap();
    assert_eq!(world.running(), 1);
    world.pass(4_900);
    assert_eq!(store.len(), 2);
    world.pass(1_200);
    assert_eq!((store.len(), world.running()), (1, 1));
    world.pass(3_600_000);
    assert_eq!((store.len(), world.running()), (0, 0));
    assert!(world.0.spawned.load(Ordering::SeqCst) < 10);
    apply(&store, 4, create(3, ANN, None)).unwrap();
    assert_eq!(world.running(), 1);
    drop(store);
    world.pass(3_700_000);
    assert_eq!(world.running(), 0, "a timer must not outlive its store for long");
}

#[test]
fn a_timer_that_rings_for_many_forgets_them_all_without_waiting_for_the_next() {
    let world = Hand::default();
    let many = Bounds { tasks_max: 2_000, principal_tasks_max: 2_000, requests_max: 2_000, ..small() };
    let store = LocalStore::new(world.clone(), many);
    for id in 0..1_000 {
        apply(&store, id, create(id, ANN, None)).unwrap();
    }
    world.pass(1_000);
    // Each poll of the timer's task takes one step; the clock moves on by 100 ms in between only here.
    world.pass(400);
    assert_eq!((store.len(), world.running()), (0, 0));
}

#[test]
fn a_watch_that_nobody_holds_is_forgotten_at_the_next_change() {
    let store = LocalStore::new(Hand::default(), small());
    apply(&store, 1, create(1, ANN, None)).unwrap();
    for request in 2..12 {
        drop(watch(&store, ANN, 1).unwrap());
        apply(&store, request, on(1, ANN, Action::SetMessage("m".into()))).unwrap();
        assert_eq!(store.watched(), 0);
    }
}

#[test]
fn a_full_store_says_so_in_place_of_a_reply() {
    let store = LocalStore::new(Hand::default(), Bounds { tasks_max: 1, ..small() });
    apply(&store, 1, create(1, ANN, None)).unwrap();
    assert_eq!(apply(&store, 2, create(2, ANN, None)), Err(StoreError::Full));
}

/// Clients that count, each on a task of its own, through a store that loses commands and replies and delays others:
/// whoever repeats `Unknown` with the same request id gets everything done, each thing once.
#[test]
fn who_repeats_an_unknown_command_gets_it_done_exactly_once() {
    for seed in 0..100 {
        let world = Hand::seeded(seed);
        let faults = Faults { unavailable: 100, lost: 200, unheard: 200, late: 200 };
        let bounds = Bounds { requests_max: 10_000, inputs_max: 100, task_bytes_max: 100_000, ..small() };
        let store = LocalStore::unreliable(world.clone(), bounds, faults);
        let mut request = 0;
        let mut unknown = 0;
        let mut until_known = |command: Command| {
            request += 1;
            loop {
                match apply(&store, request, command.clone()) {
                    Ok(reply) => return reply,
                    Err(StoreError::Unknown | StoreError::Unavailable) => unknown += 1,
                    Err(StoreError::Full) => panic!("there must be room"),
                }
            }
        };
        assert!(matches!(until_known(create(1, ANN, None)), Reply::Done(s) if s.version == 1));
        for n in 0..20 {
            let key = format!("k{n}");
            let asked = until_known(on(1, ANN, ask(&key)));
            assert!(
                matches!(asked, Reply::Done(s) if s.version == 2 * n + 2),
                "seed {seed}: a question must be asked once"
            );
            let answered = until_known(on(1, ANN, answer(&[&key])));
            assert!(
                matches!(answered, Reply::Answered { accepted: 1, .. }),
                "seed {seed}: the answer must be the one"
            );
        }
        let redeemed = until_known(Command::Redeem { id: RedemptionId(1), ttl_ms: 50 });
        assert_eq!(redeemed, Reply::Redeemed { first: true }, "seed {seed}");
        let cancelled = until_known(on(1, ANN, Action::Cancel));
        assert!(matches!(cancelled, Reply::Done(s) if s.status == Status::Cancelled), "seed {seed}");
        assert!(unknown > 10, "the faults must have struck");
        store.assert_whole();
    }
}

#[test]
fn a_store_with_the_same_seed_fails_in_the_same_places() {
    let run = |seed| {
        let faults = Faults { unavailable: 100, lost: 200, unheard: 200, late: 200 };
        let store = LocalStore::unreliable(Hand::seeded(seed), small(), faults);
        (0..40).map(|n| apply(&store, n, create(n % 6, ANN, None))).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
