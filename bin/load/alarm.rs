//! One deadline that is moved with every request, and hardly ever fires.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

/// The deadline of whatever is under way on one connection. The timer behind it is moved only when it fires too early:
/// once a timeout, instead of twice a request.
#[derive(Debug)]
pub(super) struct Alarm {
    at: Instant,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Self { at: Instant::now(), timer: None }
    }

    pub(super) fn set(&mut self, at: Instant) {
        // Moved back is not seen by a timer that is armed for later; nobody waits less the second time.
        if self.timer.is_some() && at < self.at {
            self.timer = None;
        }
        self.at = at;
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let at = self.at.into();
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= self.at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
        Poll::Pending
    }

    /// Waits for `work`; `None` where the deadline came first.
    pub(super) async fn guard<F: Future>(&mut self, work: F) -> Option<F::Output> {
        let mut work = std::pin::pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => self.poll(cx).map(|()| None),
        })
        .await
    }
}
