//! Tasks and timers of a host.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use madsim::task::{AbortHandle, JoinHandle};
use madsim::time::{Sleep, sleep};
use switchboard::env::{Instant, Panicked, Task};

use super::MadsimEnv;
use crate::worlds::life::Life;
use crate::worlds::task::guarded;

/// A timer for what never comes.
const SLEEP_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// A task of a host; none where its process was dead already.
pub struct MadsimTask(Option<(AbortHandle, JoinHandle<Result<(), Panicked>>)>);

impl fmt::Debug for MadsimTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MadsimTask(..)")
    }
}

impl MadsimTask {
    pub(super) fn spawn(
        env: &MadsimEnv,
        name: &'static str,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let life = &env.life;
        let starts = !life.is_over();
        Self(starts.then(|| {
            let task = env.weather.host(life.host.node).spawn(guarded(Arc::clone(life), name, future));
            (task.abort_handle(), task)
        }))
    }
}

impl Task for MadsimTask {
    fn abort(&self) {
        if let Some((handle, _)) = &self.0 {
            handle.abort();
        }
    }

    async fn join(self) -> Result<(), Panicked> {
        match self.0 {
            // An error is an abort, or the death of the process: panics are caught inside.
            Some((_, handle)) => handle.await.unwrap_or(Ok(())),
            None => Ok(()),
        }
    }
}

/// Waits in the time of the simulation, for a millisecond or more.
pub struct MadsimSleep {
    life: Arc<Life>,
    at: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// Who is woken. madsim sets one more timer at each poll; one for each waker is enough.
    waker: Option<Waker>,
}

impl fmt::Debug for MadsimSleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MadsimSleep({:?})", self.at)
    }
}

impl MadsimSleep {
    pub(super) fn new(life: Arc<Life>, at: Instant) -> Self {
        Self { life, at, timer: None, waker: None }
    }
}

impl Future for MadsimSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (now, at) = (self.life.now(), self.at);
        if self.timer.is_none() && now >= at {
            return Poll::Ready(());
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(at.since(now).min(SLEEP_MAX))));
        if timer.is_elapsed() {
            return Poll::Ready(());
        }
        if self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        self.waker = Some(cx.waker().clone());
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(cx),
            None => Poll::Ready(()),
        }
    }
}
