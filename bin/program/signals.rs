//! The signals that end a server: the first one asks, the second one insists.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C and SIGTERM. Once this exists they no longer end the process by themselves.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// Which of them came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    Interrupt,
    Terminate,
}

impl Ending {
    const fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "Ctrl-C",
            Self::Terminate => "SIGTERM",
        }
    }

    /// What a shell reports of a process that the signal ended.
    const fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

impl Signals {
    /// Listens from now on.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the first signal and returns its name. The next one ends the process on the spot.
    pub(super) async fn first(mut self) -> &'static str {
        let first = self.next().await;
        tokio::spawn(async move {
            let second = self.next().await;
            tracing::warn!("{} again: ending at once, what was under way is lost", second.name());
            std::process::exit(second.exit_code());
        });
        first.name()
    }

    async fn next(&mut self) -> Ending {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Ending::Interrupt,
            Some(()) = self.terminate.recv() => Ending::Terminate,
            // Both streams ended: no signal can reach this process any more.
            else => std::future::pending().await,
        }
    }
}
