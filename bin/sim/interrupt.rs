//! Ctrl-C: the first one asks for the sum of what was done, the second one ends the program.

use std::future::pending;
use std::io;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::INTERRUPTED;

/// Whether Ctrl-C was pressed.
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens from now on, on a thread of its own: a simulation looks up only between two runs.
    ///
    /// # Errors
    /// The system lets nobody listen.
    pub(crate) fn listen() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let within = runtime.enter();
        let mut presses = signal(SignalKind::interrupt())?;
        drop(within);
        let (tell, told) = watch::channel(false);
        let listening = async move {
            presses.recv().await;
            eprintln!("ends soon, with the sum of what was done; once more, and it ends at once");
            tell.send_replace(true);
            presses.recv().await;
            std::process::exit(i32::from(INTERRUPTED));
        };
        std::thread::Builder::new().name("ctrl-c".to_owned()).spawn(move || runtime.block_on(listening))?;
        Ok(Self(told))
    }

    /// For what Ctrl-C ends on the spot, as it ends any program.
    pub(crate) fn never() -> Self {
        Self(watch::channel(false).1)
    }

    pub(crate) fn came(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends once it came.
    pub(crate) async fn comes(&self) {
        if self.0.clone().wait_for(|came| *came).await.is_err() {
            pending::<()>().await;
        }
    }
}
