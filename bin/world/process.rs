//! Child processes.

use std::io;
use std::process::Stdio;

use switchboard::env::{Child, Command, ExitStatus};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

/// A child process. Dropping it kills it; the runtime reaps it.
#[derive(Debug)]
pub struct OsChild {
    inner: tokio::process::Child,
    pipes: Option<(ChildStdin, ChildStdout, ChildStderr)>,
}

impl OsChild {
    pub(super) fn launch(command: &Command) -> io::Result<Self> {
        let mut inner = tokio::process::Command::new(&command.program)
            .args(&command.arguments)
            .envs(command.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = inner.stdin.take().zip(inner.stdout.take()).zip(inner.stderr.take());
        let pipes = pipes.map(|((input, output), error)| (input, output, error));
        Ok(Self { inner, pipes })
    }
}

impl Child for OsChild {
    type Input = ChildStdin;
    type Output = ChildStdout;
    type Error = ChildStderr;

    fn take_pipes(&mut self) -> Option<(ChildStdin, ChildStdout, ChildStderr)> {
        self.pipes.take()
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.inner.wait().await?;
        Ok(status.code().map_or(ExitStatus::Killed, ExitStatus::Code))
    }

    fn kill(&mut self) -> io::Result<()> {
        // Without an id it was already waited for: there is nothing left to kill.
        if self.inner.id().is_none() {
            return Ok(());
        }
        self.inner.start_kill()
    }
}
