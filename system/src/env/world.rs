//! The same world behind a pointer, for handlers: a handler is written without a type parameter, so what it may ask
//! (time, sleep, randomness, connections) goes through this object. Stages inside the node use [`Env`] itself.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Entropy, Env, Instant, WallTime};
use crate::event::Event;
use crate::probe::{Flaw, Quirk};

/// A stream of any world.
pub type AnyStream = Box<dyn AsyncReadWrite>;

/// What [`AnyStream`] can do.
pub trait AsyncReadWrite: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> AsyncReadWrite for T {}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// [`Env`] as an object. Implemented for every `Env`; not meant to be implemented elsewhere.
pub trait World: Send + Sync + 'static {
    /// See [`Env::now`].
    fn now(&self) -> Instant;
    /// See [`Env::wall`].
    fn wall(&self) -> WallTime;
    /// See [`Env::sleep_until`].
    fn sleep_until(&self, at: Instant) -> Boxed<'static, ()>;
    /// See [`Env::entropy`].
    fn entropy(&self, label: &str) -> Entropy;
    /// See [`Env::connect`].
    fn connect(&self, address: SocketAddr) -> Boxed<'_, io::Result<AnyStream>>;
    /// Runs a future to its end as a task of the node, named for logs.
    fn spawn(&self, name: &'static str, future: Boxed<'static, ()>);
    /// Runs a blocking closure off the event loop; false when it panicked.
    fn blocking(&self, name: &'static str, work: Box<dyn FnOnce() + Send>) -> Boxed<'static, bool>;
    /// See [`Env::record`].
    fn record(&self, event: &Event);
    /// See [`Env::buggify`].
    fn buggify(&self, quirk: Quirk) -> bool;
    /// See [`Env::flaw`].
    fn flaw(&self) -> Option<Flaw>;
}

impl<E: Env> World for E {
    fn now(&self) -> Instant {
        Env::now(self)
    }

    fn wall(&self) -> WallTime {
        Env::wall(self)
    }

    fn sleep_until(&self, at: Instant) -> Boxed<'static, ()> {
        Box::pin(Env::sleep_until(self, at))
    }

    fn entropy(&self, label: &str) -> Entropy {
        Env::entropy(self, label)
    }

    fn connect(&self, address: SocketAddr) -> Boxed<'_, io::Result<AnyStream>> {
        Box::pin(async move { Env::connect(self, address).await.map(|stream| Box::new(stream) as AnyStream) })
    }

    fn spawn(&self, name: &'static str, future: Boxed<'static, ()>) {
        Env::spawn(self, name, future);
    }

    fn blocking(&self, name: &'static str, work: Box<dyn FnOnce() + Send>) -> Boxed<'static, bool> {
        let done = Env::blocking(self, name, work);
        Box::pin(async move { done.await.is_ok() })
    }

    fn record(&self, event: &Event) {
        Env::record(self, event);
    }

    fn buggify(&self, quirk: Quirk) -> bool {
        Env::buggify(self, quirk)
    }

    fn flaw(&self) -> Option<Flaw> {
        Env::flaw(self)
    }
}
