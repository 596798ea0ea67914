//! The ground that the consensus engine stands on. Its runtime is a set of functions without `self`, so which node they
//! mean is said by one thread-local, set around every poll and every drop of anything that is the engine's: the tasks that
//! it starts, and our own calls into it. Where nothing is set, they panic: a leak is found in the first test, not in a
//! trace that differs a week later.
//!
//! The world is behind a pointer here, so that the engine is compiled once and not once per world.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use crate::env::{Entropy, Env, Instant, World};
use crate::event::Event;
use crate::probe::Quirk;

/// A future that owns what it needs.
pub(super) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Ground>>> = const { RefCell::new(None) };
}

/// The world of one group on one node.
pub(super) struct Ground {
    world: Arc<dyn World>,
    entropy: Mutex<Entropy>,
}

impl Ground {
    pub(super) fn new<E: Env>(env: E) -> Arc<Self> {
        let entropy = Mutex::new(env.entropy("raft"));
        Arc::new(Self { world: Arc::new(env), entropy })
    }

    /// The ground of what runs right now.
    pub(super) fn current() -> Arc<Self> {
        CURRENT.with_borrow(|current| current.clone()).expect("the engine must only run on its ground")
    }

    /// Tells what happened.
    pub(super) fn record(&self, event: &Event) {
        self.world.record(event);
    }

    /// Whether to take a liberty.
    pub(super) fn buggify(&self, quirk: Quirk) -> bool {
        self.world.buggify(quirk)
    }

    pub(super) fn now(&self) -> Instant {
        self.world.now()
    }

    pub(super) fn sleep_until(&self, at: Instant) -> Boxed<()> {
        self.world.sleep_until(at)
    }

    pub(super) fn draw<R>(&self, draw: impl FnOnce(&mut Entropy) -> R) -> R {
        draw(&mut self.entropy.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Starts a task on this ground.
    pub(super) fn spawn(self: &Arc<Self>, future: impl Future<Output = ()> + Send + 'static) {
        self.world.spawn("raft", Box::pin(self.run(future)));
    }

    /// A future that runs, and is dropped, on this ground.
    pub(super) fn run<F: Future>(self: &Arc<Self>, future: F) -> Grounded<F> {
        Grounded { ground: Arc::clone(self), future: Some(Box::pin(future)) }
    }

    /// The same with a deadline.
    pub(super) async fn run_until<F: Future>(
        self: &Arc<Self>,
        deadline: Instant,
        future: F,
    ) -> Option<F::Output> {
        match crate::env::race(self.run(future), self.sleep_until(deadline)).await {
            crate::env::Either::Left(output) => Some(output),
            crate::env::Either::Right(()) => None,
        }
    }

    /// Does something on this ground.
    pub(super) fn enter<R>(self: &Arc<Self>, act: impl FnOnce() -> R) -> R {
        /// Puts back what was there, also after a panic.
        struct Restore(Option<Arc<Ground>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(Arc::clone(self))));
        act()
    }
}

/// See [`Ground::run`].
pub(super) struct Grounded<F> {
    ground: Arc<Ground>,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Grounded<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { ground, future } = self.get_mut();
        ground.enter(|| {
            let body = future.as_mut().expect("a future must not be polled after its end");
            let polled = body.as_mut().poll(cx);
            if polled.is_ready() {
                *future = None;
            }
            polled
        })
    }
}

impl<F> Drop for Grounded<F> {
    fn drop(&mut self) {
        let future = self.future.take();
        self.ground.enter(|| drop(future));
    }
}
