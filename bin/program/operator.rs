//! The little of an HTTP client that speaks to a node's operator's port.
//!
//! One request a connection, and the whole answer at once: an operator's command has nothing else to do meanwhile.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// How long connecting, and each read, may take. A node asks all others for their status, for a second at the longest.
const WAIT_MS_MAX: u64 = 5_000;
/// Longer answers are none of ours.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A node's operator's port.
#[derive(Clone, Debug)]
pub(super) struct Operator {
    name: String,
    address: SocketAddr,
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Operator {
    /// Reads `HOST:PORT`, or a URL of it, as the command line takes it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/').to_owned();
        let addresses = name.to_socket_addrs().map_err(|error| {
            format!("it is not the address of a node: {error}; write HOST:PORT, such as 127.0.0.1:9090")
        })?;
        let address = addresses.into_iter().next().ok_or("the name has no address")?;
        Ok(Self { name, address })
    }

    /// Asks once.
    ///
    /// # Errors
    /// The node could not be reached, or did not answer to the end. It may have heard the request all the same.
    pub(super) fn ask(&self, method: &str, path: &str) -> io::Result<Answer> {
        let wait = Duration::from_millis(WAIT_MS_MAX);
        let mut stream = TcpStream::connect_timeout(&self.address, wait)?;
        stream.set_read_timeout(Some(wait))?;
        stream.set_write_timeout(Some(wait))?;
        // By its address: a node takes requests to its operator's port under no other name.
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes())?;
        let mut text = String::new();
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text)?;
        parse(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not of a node"))
    }

    /// Why there was no answer, in words for the person who asked.
    pub(super) fn explain(&self, error: &io::Error) -> String {
        let hint = match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                ". Is it running? --admin ADDR says where its operator's port is"
            }
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => " (it took too long)",
            _ => "",
        };
        format!("cannot ask the node at {self}: {error}{hint}")
    }
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}
