//! How a request can end. Every request ends in exactly one of these, so their counts add up to what was sent.

use std::io;

/// The one end of one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A result, under the id that was asked.
    Ok,
    /// A result that says `isError`: the tool ran and failed.
    ToolError,
    /// A JSON-RPC error.
    RpcError,
    /// An HTTP status of 400 to 499, except 429.
    Http4xx,
    /// 429 or 503: the server said that it has no room.
    Shed,
    /// Any other HTTP status from 500.
    Http5xx,
    /// No answer within the timeout, counted from when the request was due.
    Timeout,
    /// Nobody listens there, or no way leads there.
    Refused,
    /// The connection was reset while the request was under way.
    Reset,
    /// No connection within the timeout.
    ConnectTimeout,
    /// The server closed the connection without an answer.
    Closed,
    /// Not an answer that MCP over HTTP knows.
    Protocol,
    /// This machine ran out of descriptors or ports: the measurement is at fault, not the server.
    Local,
}

impl Outcome {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 13] = [
        Self::Ok,
        Self::ToolError,
        Self::RpcError,
        Self::Http4xx,
        Self::Shed,
        Self::Http5xx,
        Self::Timeout,
        Self::Refused,
        Self::Reset,
        Self::ConnectTimeout,
        Self::Closed,
        Self::Protocol,
        Self::Local,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::RpcError => "rpc_error",
            Self::Http4xx => "http_4xx",
            Self::Shed => "shed",
            Self::Http5xx => "http_5xx",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::ConnectTimeout => "connect_timeout",
            Self::Closed => "closed",
            Self::Protocol => "protocol",
            Self::Local => "local",
        }
    }

    /// Whether the connection is gone with it, so that the next request needs a new one after a pause.
    #[must_use]
    pub fn loses_connection(self) -> bool {
        use Outcome::*;
        matches!(self, Timeout | Refused | Reset | ConnectTimeout | Closed | Protocol | Local)
    }

    /// What an HTTP status alone decides; `None` where the body has to be read.
    pub(super) fn of_status(status: u16) -> Option<Self> {
        match status {
            200..=299 => None,
            429 | 503 => Some(Self::Shed),
            400..=499 => Some(Self::Http4xx),
            500..=599 => Some(Self::Http5xx),
            _ => Some(Self::Protocol),
        }
    }

    /// What a failed connect, read or write means.
    pub(super) fn of_error(error: &io::Error) -> Self {
        use io::ErrorKind::*;
        match error.kind() {
            ConnectionRefused | HostUnreachable | NetworkUnreachable => Self::Refused,
            TimedOut => Self::ConnectTimeout,
            UnexpectedEof => Self::Closed,
            AddrNotAvailable | AddrInUse => Self::Local,
            ConnectionReset | ConnectionAborted | BrokenPipe | NotConnected => Self::Reset,
            // EMFILE and ENFILE have no kind of their own; nothing else is left that a socket reports.
            _ => Self::Local,
        }
    }
}

/// How many requests ended in which way.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts([u64; Outcome::ALL.len()]);

impl Counts {
    /// Adds one.
    pub fn add(&mut self, outcome: Outcome) {
        self.0[outcome as usize] += 1;
    }

    /// How many ended like this.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize]
    }

    /// How many ended at all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_outcomes_is_in_the_order_of_their_numbers() {
        for (at, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, at);
        }
    }
}
