//! Tasks on the tokio runtime, and closures on its blocking pool.

use std::future::Future;

use switchboard::env::{Panicked, Task};
use tokio::task::{JoinError, JoinHandle};

/// A task on the tokio runtime. Dropping this handle lets it run on.
#[derive(Debug)]
pub struct TokioTask {
    name: &'static str,
    handle: JoinHandle<()>,
}

impl TokioTask {
    pub(super) fn spawn(name: &'static str, future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { name, handle: tokio::spawn(future) }
    }
}

impl Task for TokioTask {
    fn abort(&self) {
        self.handle.abort();
    }

    async fn join(self) -> Result<(), Panicked> {
        match self.handle.await {
            Ok(()) => Ok(()),
            Err(error) if error.is_cancelled() => Ok(()),
            Err(error) => Err(panicked(self.name, error)),
        }
    }
}

/// Starts the closure now and waits for its result. Where the runtime shuts down before the closure had its turn there is
/// no result to give, and that too is told as [`Panicked`]: whoever waits is being shut down itself.
pub(super) fn blocking<T, F>(
    name: &'static str,
    work: F,
) -> impl Future<Output = Result<T, Panicked>> + Send + 'static
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let handle = tokio::task::spawn_blocking(work);
    async move { handle.await.map_err(|error| panicked(name, error)) }
}

fn panicked(name: &'static str, error: JoinError) -> Panicked {
    match error.try_into_panic() {
        Ok(payload) => {
            let panicked = Panicked::from_payload(&*payload);
            tracing::error!(task = name, %panicked, "a task ended by a panic");
            panicked
        }
        Err(_) => Panicked(format!("{name}: not run, the runtime is shutting down")),
    }
}
