//! The engine's runtime, written over the current [`Ground`]. Channels live in `channel`.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use openraft::AsyncRuntime;
use rand_core::TryRng;
use tokio::sync::oneshot;

use super::channel::{Exclusive, Once, Queues, Watches};
use super::ground::{Boxed, Ground};
use crate::env::{self, Elapsed};

/// The runtime of every group: it has no state, the ground has.
#[derive(Debug)]
pub(super) struct Runtime;

/// A task ended without a result: it panicked, or its node is gone.
#[derive(Debug, thiserror::Error)]
#[error("a task ended without a result")]
pub(super) struct Ended;

/// Waits for a task.
pub(super) struct Join<T>(oneshot::Receiver<T>);

impl<T> Future for Join<T> {
    type Output = Result<T, Ended>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|result| result.map_err(|_| Ended))
    }
}

/// A future under a deadline. The timer is armed only once the future had to wait.
pub(super) struct Timeout<F> {
    work: Pin<Box<F>>,
    at: Moment,
    sleep: Option<Boxed<()>>,
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Poll::Ready(output) = this.work.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        let sleep = this.sleep.get_or_insert_with(|| Runtime::sleep_until(this.at));
        sleep.as_mut().poll(cx).map(|()| Err(Elapsed))
    }
}

impl AsyncRuntime for Runtime {
    type JoinError = Ended;
    type JoinHandle<T: Send + 'static> = Join<T>;
    type Sleep = Boxed<()>;
    type Instant = Moment;
    type TimeoutError = Elapsed;
    type Timeout<R, T: Future<Output = R> + Send> = Timeout<T>;
    type ThreadLocalRng = Draws;
    type Mpsc = Queues;
    type Watch = Watches;
    type Oneshot = Once;
    type Mutex<T: Send + 'static> = Exclusive<T>;

    fn spawn<T>(future: T) -> Join<T::Output>
    where
        T: Future + Send + 'static,
        T::Output: Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        Ground::current().spawn(async move {
            // Nobody has to wait for a task.
            let _ = sender.send(future.await);
        });
        Join(receiver)
    }

    fn sleep(duration: Duration) -> Boxed<()> {
        let ground = Ground::current();
        ground.sleep_until(ground.now().after(duration))
    }

    fn sleep_until(deadline: Moment) -> Boxed<()> {
        Ground::current().sleep_until(deadline.0)
    }

    fn timeout<R, F: Future<Output = R> + Send>(duration: Duration, future: F) -> Timeout<F> {
        Self::timeout_at(Moment(Ground::current().now().after(duration)), future)
    }

    fn timeout_at<R, F: Future<Output = R> + Send>(deadline: Moment, future: F) -> Timeout<F> {
        Timeout { work: Box::pin(future), at: deadline, sleep: None }
    }

    fn is_panic(_: &Ended) -> bool {
        true
    }

    fn thread_rng() -> Draws {
        Draws
    }

    fn new(_threads: usize) -> Self {
        Self
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        let mut future = Box::pin(future);
        match future.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("a node must not block its event loop"),
        }
    }

    async fn spawn_blocking<F, T>(work: F) -> Result<T, std::io::Error>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // The engine has no use for it. Where it finds one, let it block: the default starts a thread of its own.
        let mut work = Some(work);
        poll_fn(move |_| Poll::Ready(work.take().map(|work| work())))
            .await
            .ok_or_else(|| std::io::Error::other("polled after its end"))
    }
}

/// A point of the node's monotonic time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Moment(pub(super) env::Instant);

impl openraft::Instant for Moment {
    fn now() -> Self {
        Self(Ground::current().now())
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, delay: Duration) -> Self {
        Self(self.0.after(delay))
    }
}

impl AddAssign<Duration> for Moment {
    fn add_assign(&mut self, delay: Duration) {
        *self = *self + delay;
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, delay: Duration) -> Self {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        Self(env::Instant::from_nanos(self.0.as_nanos().saturating_sub(nanos)))
    }
}

impl Sub<Self> for Moment {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.0.since(earlier.0)
    }
}

impl SubAssign<Duration> for Moment {
    fn sub_assign(&mut self, delay: Duration) {
        *self = *self - delay;
    }
}

/// Random numbers of the current ground.
pub(super) struct Draws;

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let wide = self.try_next_u64()?;
        Ok(u32::try_from(wide >> 32).expect("the high half must fit"))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(Ground::current().draw(|entropy| entropy.next_u64()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        Ground::current().draw(|entropy| entropy.fill(bytes));
        Ok(())
    }
}
