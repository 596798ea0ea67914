//! A world of one thread for the tests of this stage: time stands still while anything can happen, then jumps to the next
//! timer. The simulator's worlds live in packages that depend on this one.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

use crate::env::{
    Child, Command, Disk, Entropy, Env, ExitStatus, File, Instant, Listener, OpenMode, Panicked, Task,
    WallTime,
};
use crate::event::Event;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The world, and the handle to it.
#[derive(Clone, Default)]
pub(super) struct Toy(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Instant,
    timers: BTreeMap<(Instant, u64), Waker>,
    timers_made: u64,
    jobs: Vec<Job>,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Toy {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("a test must not go on after a panic")
    }

    /// Milliseconds since the start.
    pub(super) fn now_ms(&self) -> u64 {
        self.state().now.as_nanos() / 1_000_000
    }

    /// How many timers were ever asked for.
    pub(super) fn timers_made(&self) -> u64 {
        self.state().timers_made
    }

    pub(super) async fn sleep_ms(&self, delay_ms: u64) {
        self.sleep_until(self.now().after_ms(delay_ms)).await;
    }

    /// Runs `main` to its end, and every spawned task beside it, in order of their start.
    pub(super) fn run<T>(&self, main: impl Future<Output = T>) -> T {
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(Arc::clone(&flag));
        let mut cx = Context::from_waker(&waker);
        let mut main = pin!(main);
        loop {
            flag.0.store(false, Ordering::SeqCst);
            if let Poll::Ready(value) = main.as_mut().poll(&mut cx) {
                return value;
            }
            let mut jobs = std::mem::take(&mut self.state().jobs);
            jobs.retain_mut(|job| job.as_mut().poll(&mut cx).is_pending());
            let mut state = self.state();
            let started = std::mem::take(&mut state.jobs);
            let is_woken = !started.is_empty() || flag.0.load(Ordering::SeqCst);
            state.jobs = jobs;
            state.jobs.extend(started);
            if !is_woken {
                let ((at, _), waker) = state.timers.pop_first().expect("something must be able to happen");
                state.now = at;
                waker.wake();
            }
        }
    }
}

/// One end of a connection. It counts the writes that took something.
pub(super) struct Wire {
    stream: DuplexStream,
    pub(super) writes: Arc<AtomicUsize>,
}

/// Two ends with room for this many bytes on the way.
pub(super) fn wires(bytes: usize) -> (Wire, Wire) {
    let (a, b) = duplex(bytes);
    (Wire { stream: a, writes: Arc::default() }, Wire { stream: b, writes: Arc::default() })
}

impl Wire {
    fn count(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(outcome, Poll::Ready(Ok(1..))) {
            self.writes.fetch_add(1, Ordering::SeqCst);
        }
        outcome
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.count(outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.count(outcome)
    }
}

/// A timer of the toy world.
pub(super) struct Sleep {
    world: Toy,
    at: Instant,
    number: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.world.state();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        state.timers.insert((self.at, self.number), cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Ok(mut state) = self.world.0.lock() {
            state.timers.remove(&(self.at, self.number));
        }
    }
}

/// What the tests of this stage never ask for.
pub(super) enum Absent {}

impl Env for Toy {
    type Sleep = Sleep;
    type Stream = Wire;
    type Listener = Absent;
    type Task = Started;
    type Disk = NoDisk;
    type Child = Absent;

    fn now(&self) -> Instant {
        self.state().now
    }

    fn wall(&self) -> WallTime {
        WallTime::from_unix_ms(784_111_777_000 + self.now_ms())
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        let mut state = self.state();
        state.timers_made += 1;
        Sleep { world: self.clone(), at, number: state.timers_made }
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, _name: &'static str, future: F) -> Started {
        self.state().jobs.push(Box::pin(future));
        Started
    }

    fn blocking<T, F>(
        &self,
        _name: &'static str,
        work: F,
    ) -> impl Future<Output = Result<T, Panicked>> + Send + 'static
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        ready(Ok(work()))
    }

    async fn listen(&self, _address: SocketAddr) -> io::Result<Absent> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn connect(&self, _address: SocketAddr) -> io::Result<Wire> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn entropy(&self, _label: &str) -> Entropy {
        Entropy::from_seed([0; 32])
    }

    fn disk(&self) -> NoDisk {
        NoDisk
    }

    fn launch(&self, _command: &Command) -> io::Result<Absent> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn record(&self, _event: &Event) {}
}

/// A task that nobody waits for.
pub(super) struct Started;

impl Task for Started {
    fn abort(&self) {}

    async fn join(self) -> Result<(), Panicked> {
        Ok(())
    }
}

impl Listener for Absent {
    type Stream = Wire;

    async fn accept(&mut self) -> io::Result<(Wire, SocketAddr)> {
        match *self {}
    }

    fn local_address(&self) -> SocketAddr {
        match *self {}
    }
}

impl Child for Absent {
    type Input = DuplexStream;
    type Output = DuplexStream;
    type Error = DuplexStream;

    fn take_pipes(&mut self) -> Option<(DuplexStream, DuplexStream, DuplexStream)> {
        match *self {}
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        match *self {}
    }

    fn kill(&mut self) -> io::Result<()> {
        match *self {}
    }
}

/// A disk on which nothing can be done.
#[derive(Clone)]
pub(super) struct NoDisk;

impl Disk for NoDisk {
    type File = Absent;

    fn open(&self, _path: &Path, _mode: OpenMode) -> io::Result<Absent> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn create_directory(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn list(&self, _path: &Path) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_directory(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl File for Absent {
    fn len(&self) -> io::Result<u64> {
        match *self {}
    }

    fn read_at(&self, _offset: u64, _buffer: &mut [u8]) -> io::Result<()> {
        match *self {}
    }

    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        match *self {}
    }

    fn set_len(&self, _len: u64) -> io::Result<()> {
        match *self {}
    }

    fn sync(&self) -> io::Result<()> {
        match *self {}
    }
}
