//! Any world with the randomness of a seed: for clients that are to do on real sockets what they do in a simulation.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use switchboard::env::{Command, Entropy, Env, Instant, Panicked, WallTime};
use switchboard::event::Event;

use super::life::lock;
use crate::entropy::Asked;

/// See the [module](self) page.
#[derive(Clone, Debug)]
pub struct Seeded<E> {
    inner: E,
    seed: u64,
    name: Arc<str>,
    asked: Arc<Mutex<Asked>>,
}

impl<E> Seeded<E> {
    /// The first boot of the host of this name, in a run of this seed.
    pub fn new(inner: E, seed: u64, name: &str) -> Self {
        Self { inner, seed, name: name.into(), asked: Arc::default() }
    }
}

impl<E: Env> Env for Seeded<E> {
    type Sleep = E::Sleep;
    type Stream = E::Stream;
    type Listener = E::Listener;
    type Task = E::Task;
    type Disk = E::Disk;
    type Child = E::Child;

    fn now(&self) -> Instant {
        Env::now(&self.inner)
    }

    fn wall(&self) -> WallTime {
        Env::wall(&self.inner)
    }

    fn sleep_until(&self, at: Instant) -> E::Sleep {
        Env::sleep_until(&self.inner, at)
    }

    fn spawn<F>(&self, name: &'static str, future: F) -> E::Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Env::spawn(&self.inner, name, future)
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
        Env::blocking(&self.inner, name, work)
    }

    fn listen(&self, address: SocketAddr) -> impl Future<Output = io::Result<E::Listener>> + Send {
        Env::listen(&self.inner, address)
    }

    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<E::Stream>> + Send {
        Env::connect(&self.inner, address)
    }

    fn entropy(&self, label: &str) -> Entropy {
        lock(&self.asked).next(self.seed, &self.name, 1, label).0
    }

    fn disk(&self) -> E::Disk {
        Env::disk(&self.inner)
    }

    fn launch(&self, command: &Command) -> io::Result<E::Child> {
        Env::launch(&self.inner, command)
    }

    fn record(&self, event: &Event) {
        Env::record(&self.inner, event);
    }
}
