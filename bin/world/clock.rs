//! Real time, and the timer that waits for it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use switchboard::env::{Instant, WallTime};

/// Monotonic time since boot, read from the operating system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    boot: std::time::Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { boot: std::time::Instant::now() }
    }

    pub(super) fn now(self) -> Instant {
        // 2⁶⁴ ns are 584 years of uptime.
        Instant::from_nanos(u64::try_from(self.boot.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

/// Time of day. A clock that stands before 1970 reads as 1970: the node has to run on, and logs will show it.
pub(super) fn wall() -> WallTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    WallTime::from_unix_ms(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

/// Waits until a point of monotonic time; never early, and up to a millisecond late (tokio's timer wheel).
///
/// The timer is boxed and made at the first poll that has to wait. Most sleeps guard work that is ready at once and are
/// dropped unpolled: those cost 32 bytes on the stack and nothing else. It also keeps every future that holds a
/// sleep small, and that is what an idle connection is made of.
#[derive(Debug)]
pub struct Sleep {
    clock: Clock,
    at: Instant,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Sleep {
    pub(super) fn new(clock: Clock, at: Instant) -> Self {
        Self { clock, at, timer: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (clock, at) = (self.clock, self.at);
        if self.timer.is_none() && clock.now() >= at {
            return Poll::Ready(());
        }
        // By delay and not by a point of tokio's clock: its sum saturates, ours would overflow on "never".
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(at.since(clock.now()))));
        timer.as_mut().poll(cx)
    }
}
