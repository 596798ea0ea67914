//! Child processes with piped standard streams: what an stdio upstream is made of.

use std::future::Future;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

/// What to start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// Path or name of the program.
    pub program: String,
    /// Its arguments, without the program's own name.
    pub arguments: Vec<String>,
    /// Variables added to the environment of the node.
    pub environment: Vec<(String, String)>,
}

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitStatus {
    /// It returned this code.
    Code(i32),
    /// It was killed by a signal.
    Killed,
}

/// A running child process. Dropping it kills it.
pub trait Child: Send + 'static {
    /// Its standard input.
    type Input: AsyncWrite + Unpin + Send + 'static;
    /// Its standard output.
    type Output: AsyncRead + Unpin + Send + 'static;
    /// Its standard error.
    type Error: AsyncRead + Unpin + Send + 'static;

    /// Takes the three pipes; `None` the second time.
    fn take_pipes(&mut self) -> Option<(Self::Input, Self::Output, Self::Error)>;

    /// Waits for its end. Cancel safe.
    fn wait(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + Send;

    /// Asks the system to kill it. No error where it has already ended.
    fn kill(&mut self) -> io::Result<()>;
}
