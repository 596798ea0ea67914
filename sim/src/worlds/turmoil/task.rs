//! Tasks and timers in the runtime of a host.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use switchboard::env::{Instant, Panicked, Task};
use tokio::task::JoinHandle;
use tokio::time::{Sleep, sleep};

use crate::worlds::life::Life;
use crate::worlds::task::guarded;

/// A task of a host; none where its process was dead already.
#[derive(Debug)]
pub struct TurmoilTask(Option<JoinHandle<Result<(), Panicked>>>);

impl TurmoilTask {
    pub(super) fn spawn(
        life: &Arc<Life>,
        name: &'static str,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let starts = !life.is_over();
        Self(starts.then(|| tokio::spawn(guarded(Arc::clone(life), name, future))))
    }
}

impl Task for TurmoilTask {
    fn abort(&self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }

    async fn join(self) -> Result<(), Panicked> {
        match self.0 {
            // An error is an abort: panics are caught inside.
            Some(handle) => handle.await.unwrap_or(Ok(())),
            None => Ok(()),
        }
    }
}

/// Waits in the time of a host, in whole milliseconds.
pub struct TurmoilSleep {
    life: Arc<Life>,
    at: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl fmt::Debug for TurmoilSleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TurmoilSleep({:?})", self.at)
    }
}

impl TurmoilSleep {
    pub(super) fn new(life: Arc<Life>, at: Instant) -> Self {
        Self { life, at, timer: None }
    }
}

impl Future for TurmoilSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (now, at) = (self.life.now(), self.at);
        if self.timer.is_none() && now >= at {
            return Poll::Ready(());
        }
        self.timer.get_or_insert_with(|| Box::pin(sleep(at.since(now)))).as_mut().poll(cx)
    }
}
