//! Tasks, and the two ways to wait for one of several things: always in a stated order, never by a coin.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use pin_project_lite::pin_project;

use super::{Env, Instant};

/// A spawned task. Dropping the handle lets the task run on.
pub trait Task: Send + Sync + 'static {
    /// Drops the task where it stands, soon; no effect where it has ended.
    fn abort(&self);

    /// Waits for its end; an aborted task counts as ended.
    ///
    /// # Errors
    /// [`Panicked`] when it ended by a panic.
    fn join(self) -> impl Future<Output = Result<(), Panicked>> + Send;
}

/// The work ended by a panic. The message is for a log, never for a client.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("panicked: {0}")]
pub struct Panicked(pub String);

impl Panicked {
    /// Runs a closure, and catches its panic. What it leaves behind half done, nobody may look at: it is dropped, or its world ends.
    ///
    /// # Errors
    /// It panicked.
    pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Self> {
        catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Self::from_payload(&*payload))
    }

    /// Reads the message out of what `catch_unwind` returned.
    #[must_use]
    pub fn from_payload(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "(no message)".to_owned());
        Self(text)
    }
}

/// The deadline passed first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("deadline passed")]
pub struct Elapsed;

/// Which of two futures was ready first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Either<A, B> {
    /// The first.
    Left(A),
    /// The second.
    Right(B),
}

pin_project! {
    /// What [`race`] waits in. Not an `async fn`: that keeps room for its arguments twice, and these are whole calls that
    /// wait in thousands.
    struct Race<A, B> {
        #[pin]
        a: A,
        #[pin]
        b: B,
    }
}

impl<A: Future, B: Future> Future for Race<A, B> {
    type Output = Either<A::Output, B::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let both = self.project();
        if let Poll::Ready(value) = both.a.poll(cx) {
            return Poll::Ready(Either::Left(value));
        }
        both.b.poll(cx).map(Either::Right)
    }
}

/// Waits for the first of two futures; where both are ready, for `a`. The other is dropped.
pub fn race<A: Future, B: Future>(a: A, b: B) -> impl Future<Output = Either<A::Output, B::Output>> {
    Race { a, b }
}

/// Waits for `work`, at the longest until `at`. The timer is armed only once `work` had to wait, so work that is ready
/// at once costs no timer.
///
/// # Errors
/// [`Elapsed`] when `at` came first; `work` is then dropped where it stands.
pub fn deadline<E: Env, F: Future>(
    env: &E,
    at: Instant,
    work: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    race(work, env.sleep_until(at)).map(|first| match first {
        Either::Left(value) => Ok(value),
        Either::Right(()) => Err(Elapsed),
    })
}

/// Gives every other ready task a turn.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
