//! Tasks of foreign worlds: a panic ends the task that it is in, and the run knows of it.

use std::future::{Future, poll_fn};
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
    poll_fn(|cx| match Panicked::catch(|| future.as_mut().poll(cx)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
        Err(panicked) => {
            lock(&life.host.ground.panics).push(format!("{} on {}: {panicked}", name, life.host.node));
            Poll::Ready(Err(panicked))
        }
    })
    .await
}
