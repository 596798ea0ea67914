//! A host of turmoil as it can be used by a task of another host: what touches turmoil's network is done at home. turmoil knows
//! only the host that it polls right now, and a check of the contract holds both ends of a connection in one task.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use switchboard::env::{Command, Entropy, Env, Instant, Listener, Panicked, Task, WallTime};
use switchboard::event::Event;
use switchboard_sim::worlds::turmoil::{TurmoilEnv, TurmoilListener, TurmoilSleep, TurmoilStream};
use switchboard_sim::worlds::{LifeDisk, NoChild};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The way to a host.
#[derive(Clone)]
pub(crate) struct Home(mpsc::Sender<Boxed<()>>);

impl Home {
    /// The way to a host, and what must run there.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Boxed<()>>) {
        let (sender, receiver) = mpsc::channel(65_536);
        (Self(sender), receiver)
    }

    fn send(&self, work: Boxed<()>) {
        self.0.try_send(work).expect("a host must take what it is asked to do");
    }

    fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Boxed<T> {
        let (sender, receiver) = oneshot::channel();
        self.send(Box::pin(async move { drop(sender.send(work.await)) }));
        Box::pin(async move { receiver.await.expect("a host must do what it is asked to do") })
    }
}

/// Does what is asked of a host.
pub(crate) async fn serve(env: TurmoilEnv, mut asked: mpsc::Receiver<Boxed<()>>) {
    while let Some(work) = asked.recv().await {
        env.spawn("asked for", work);
    }
}

/// See the [module](self) page.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) env: TurmoilEnv,
    pub(crate) home: Home,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({:?})", self.env)
    }
}

impl Env for Remote {
    type Sleep = TurmoilSleep;
    type Stream = RemoteStream;
    type Listener = RemoteListener;
    type Task = RemoteTask;
    type Disk = LifeDisk;
    type Child = NoChild;

    fn now(&self) -> Instant {
        self.env.now()
    }

    fn wall(&self) -> WallTime {
        self.env.wall()
    }

    fn sleep_until(&self, at: Instant) -> TurmoilSleep {
        self.env.sleep_until(at)
    }

    fn spawn<F>(&self, name: &'static str, future: F) -> RemoteTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let env = self.env.clone();
        RemoteTask(std::sync::Mutex::new(Some(self.home.run(async move { env.spawn(name, future) }))))
    }

    fn blocking<T, F>(
        &self,
        name: &'static str,
        work: F,
    ) -> impl Future<Output = Result<T, Panicked>> + Send + 'static
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.env.blocking(name, work)
    }

    async fn listen(&self, address: SocketAddr) -> io::Result<RemoteListener> {
        let env = self.env.clone();
        let inner = self.home.run(async move { env.listen(address).await }).await?;
        Ok(RemoteListener { inner: Some(inner), home: self.home.clone() })
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<RemoteStream> {
        let env = self.env.clone();
        let stream = self.home.run(async move { env.connect(address).await }).await?;
        Ok(RemoteStream::new(stream, self.home.clone()))
    }

    fn entropy(&self, label: &str) -> Entropy {
        self.env.entropy(label)
    }

    fn disk(&self) -> LifeDisk {
        self.env.disk()
    }

    fn launch(&self, command: &Command) -> io::Result<NoChild> {
        self.env.launch(command)
    }

    fn record(&self, event: &Event) {
        self.env.record(event);
    }
}

/// A task that is being started at home. Checks join what they start, or abort it once they are done.
pub(crate) struct RemoteTask(std::sync::Mutex<Option<Boxed<<TurmoilEnv as Env>::Task>>>);

impl Task for RemoteTask {
    fn abort(&self) {}

    async fn join(self) -> Result<(), Panicked> {
        let starting = self.0.into_inner().expect("nothing panics here").expect("a task is joined once");
        starting.await.join().await
    }
}

pub(crate) struct RemoteListener {
    inner: Option<TurmoilListener>,
    home: Home,
}

impl Listener for RemoteListener {
    type Stream = RemoteStream;

    async fn accept(&mut self) -> io::Result<(RemoteStream, SocketAddr)> {
        let inner = self.inner.as_mut().expect("it is there until it is dropped");
        let (stream, peer) = inner.accept().await?;
        Ok((RemoteStream::new(stream, self.home.clone()), peer))
    }

    fn local_address(&self) -> SocketAddr {
        self.inner.as_ref().expect("it is there until it is dropped").local_address()
    }
}

impl Drop for RemoteListener {
    fn drop(&mut self) {
        let inner = self.inner.take();
        // At the end of a check, the host may be gone before what it held.
        let _ = self.home.0.try_send(Box::pin(async move { drop(inner) }));
    }
}

type Half = WriteHalf<TurmoilStream>;
type Written<T> = Boxed<(Half, io::Result<T>)>;

/// A stream of another host: read here, and written there.
pub(crate) struct RemoteStream {
    read: Option<ReadHalf<TurmoilStream>>,
    write: Option<Half>,
    writing: Option<Written<usize>>,
    shutting: Option<Written<()>>,
    home: Home,
}

impl RemoteStream {
    fn new(stream: TurmoilStream, home: Home) -> Self {
        let (read, write) = tokio::io::split(stream);
        Self { read: Some(read), write: Some(write), writing: None, shutting: None, home }
    }
}

impl AsyncRead for RemoteStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(self.read.as_mut().expect("it is there until it is dropped")).poll_read(cx, buffer)
    }
}

impl AsyncWrite for RemoteStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if let Some(mut half) = this.write.take() {
            let bytes = bytes.to_vec();
            this.writing = Some(this.home.run(async move {
                let written = half.write(&bytes).await;
                (half, written)
            }));
        }
        let writing = this.writing.as_mut().expect("a half that is away must be writing");
        let (half, written) = ready!(writing.as_mut().poll(cx));
        (this.write, this.writing) = (Some(half), None);
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(mut half) = this.write.take() {
            this.shutting = Some(this.home.run(async move {
                let shut = half.shutdown().await;
                (half, shut)
            }));
        }
        let shutting = this.shutting.as_mut().expect("a half that is away must be shutting down");
        let (half, shut) = ready!(shutting.as_mut().poll(cx));
        (this.write, this.shutting) = (Some(half), None);
        Poll::Ready(shut)
    }
}

impl Drop for RemoteStream {
    fn drop(&mut self) {
        let (read, write) = (self.read.take(), self.write.take());
        let (writing, shutting) = (self.writing.take(), self.shutting.take());
        // At the end of a check, the host may be gone before what it held.
        let _ = self.home.0.try_send(Box::pin(async move { drop((read, write, writing, shutting)) }));
    }
}
