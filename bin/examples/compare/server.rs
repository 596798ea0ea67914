//! A server that runs for the comparison.

use std::fmt;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use switchboard_bin::load::{LoadOptions, usage};

/// Why there is no comparison.
#[derive(Debug)]
pub(crate) struct Problem(pub String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// A running server. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    command: String,
}

impl Server {
    /// Starts it and waits until it accepts connections.
    pub(crate) fn start(command: &str, options: &LoadOptions) -> Result<Self, Problem> {
        let address = options.targets[0].address;
        if !address.ip().is_loopback() {
            return Err(Problem(format!("{address} is not this machine; processor time could not be read")));
        }
        if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
            return Err(Problem(format!(
                "{address} is taken already; what answers there would be measured instead"
            )));
        }
        let mut words = command.split_ascii_whitespace();
        let program = words.next().ok_or_else(|| Problem("a server has an empty command".to_owned()))?;
        let child = Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| Problem(format!("{program}: {error}")))?;
        let mut server = Self { child, command: command.to_owned() };
        let begin = Instant::now();
        while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            server.check()?;
            if begin.elapsed() > Duration::from_secs(10) {
                return Err(Problem(format!("`{command}` does not listen on {address} after 10 s")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// An error where it has ended.
    pub(crate) fn check(&mut self) -> Result<(), Problem> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(Problem(format!("`{}` has ended: {status}", self.command))),
        }
    }

    pub(crate) fn processor_time(&mut self) -> Result<Duration, Problem> {
        self.check()?;
        usage::processor_time(self.child.id())
            .ok_or_else(|| Problem("/proc tells no processor time".to_owned()))
    }

    pub(crate) fn resident_bytes(&mut self) -> Result<u64, Problem> {
        self.check()?;
        usage::resident_bytes(self.child.id()).ok_or_else(|| Problem("/proc tells no memory".to_owned()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill, and it is still to be waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
