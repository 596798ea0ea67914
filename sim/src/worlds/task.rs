//! Tasks and blocking closures of foreign worlds: a panic ends the task that it is in, and the run knows of it.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use switchboard::env::Panicked;

use super::life::{Life, lock};

/// Runs a future to its end, or to its panic.
pub(super) async fn guarded<F>(life: Arc<Life>, name: &'static str, future: F) -> Result<(), Panicked>
where
    F: Future<Output = ()> + Send,
{
    let mut future = Box::pin(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
        Err(payload) => {
            let panicked = Panicked::from_payload(&*payload);
            lock(&life.host.ground.panics).push(format!("{} on {}: {panicked}", name, life.host.node));
            Poll::Ready(Err(panicked))
        }
    })
    .await
}

/// Runs a closure on the spot.
pub(super) fn run_blocking<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Panicked::from_payload(&*payload))
}
