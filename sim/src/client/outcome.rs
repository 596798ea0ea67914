//! What clients ask, and how each request ends: in exactly one way.

use std::fmt;
use std::io;

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Errand {
    /// Opens a session.
    Initialize,
    /// Says that the client is ready.
    Initialized,
    /// Asks whether anybody is there.
    Ping,
    /// Lists the tools.
    List,
    /// Calls a tool that answers at once.
    Echo,
    /// Calls a tool that reports so many steps before it answers.
    Slow(u32),
    /// Calls a tool that asks its client.
    Ask,
    /// Calls a tool that panics.
    Panic,
    /// Calls a tool that never answers.
    Hang,
    /// Calls a tool that changes a resource.
    Poke,
    /// Calls a tool that says so many things, each of them long.
    Pour(u32),
    /// Answers a question of the server.
    Answer,
    /// Wants to hear of a resource.
    Subscribe,
    /// Opens a stream.
    Listen,
    /// Comes back to a stream.
    Resume,
    /// Ends a session.
    Delete,
    /// Calls a tool as a task, and looks after it until it has ended.
    Task(u32),
    /// Looks how a task of its stands.
    Look,
    /// Ends its session, and opens another.
    Renew,
    /// Asks in a session that has ended.
    Haunt,
    /// Sends what no server should take: the case of this number.
    Hostile(u16),
}

impl Errand {
    /// The tool that it calls, if it calls one.
    #[must_use]
    pub const fn tool(self) -> Option<&'static str> {
        match self {
            Self::Echo => Some("echo"),
            Self::Slow(_) => Some("slow"),
            Self::Ask => Some("ask"),
            Self::Panic => Some("panic"),
            Self::Hang => Some("hang"),
            Self::Poke => Some("poke"),
            Self::Pour(_) => Some("pour"),
            Self::Task(_) => Some("work"),
            _ => None,
        }
    }

    /// Whether its tool is called as a task.
    #[must_use]
    pub const fn is_task(self) -> bool {
        matches!(self, Self::Task(_))
    }

    /// How many steps its tool takes.
    pub(crate) const fn steps(self) -> u32 {
        match self {
            Self::Slow(steps) | Self::Pour(steps) | Self::Task(steps) => steps,
            _ => 0,
        }
    }

    /// A short name, for counts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Initialized => "initialized",
            Self::Ping => "ping",
            Self::List => "list",
            Self::Echo => "echo",
            Self::Slow(_) => "slow",
            Self::Ask => "ask",
            Self::Panic => "panic",
            Self::Hang => "hang",
            Self::Poke => "poke",
            Self::Pour(_) => "pour",
            Self::Answer => "answer",
            Self::Subscribe => "subscribe",
            Self::Listen => "listen",
            Self::Resume => "resume",
            Self::Delete => "delete",
            Self::Task(_) => "task",
            Self::Look => "look",
            Self::Renew => "renew",
            Self::Haunt => "haunt",
            Self::Hostile(_) => "hostile",
        }
    }

    /// How it ends where nothing goes wrong.
    #[must_use]
    pub const fn expected(self) -> Outcome {
        match self {
            Self::Panic => Outcome::RpcError(switchboard::protocol::fault::code::INTERNAL_ERROR),
            Self::Hang => Outcome::RpcError(switchboard::protocol::fault::code::TIMED_OUT),
            Self::Haunt => Outcome::Http(404),
            _ => Outcome::Ok,
        }
    }
}

/// The one end of one request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Outcome {
    /// Answered, under the id that was asked.
    Ok,
    /// Answered with a result that says `isError`.
    ToolError,
    /// Answered with a JSON-RPC error of this code.
    RpcError(i64),
    /// Refused with this status, without a JSON-RPC error that would say more.
    Http(u16),
    /// Nobody listens there, or no way leads there: not sent.
    Refused,
    /// No connection in time: not sent.
    ConnectTimeout,
    /// The connection was reset before the answer.
    Reset,
    /// The connection was closed before the answer.
    Closed,
    /// No answer in time.
    Timeout,
    /// Not an answer that MCP over HTTP knows.
    Garbled,
    /// The client stopped waiting because its own part was over.
    GivenUp,
}

impl Outcome {
    /// A short name, for counts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::RpcError(_) => "rpc_error",
            Self::Http(503 | 429) => "shed",
            Self::Http(404) => "gone",
            Self::Http(_) => "http_error",
            Self::Refused => "refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Garbled => "garbled",
            Self::GivenUp => "given_up",
        }
    }

    /// Whether the server certainly did not take the request.
    #[must_use]
    pub const fn is_not_sent(self) -> bool {
        matches!(self, Self::Refused | Self::ConnectTimeout | Self::Http(429 | 503))
    }

    /// What a failed connect means.
    pub(crate) fn of_connect(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::ConnectTimeout,
            _ => Self::Refused,
        }
    }

    /// What a failed read or write means.
    pub(crate) fn of_error(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Timeout,
            io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Reset,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RpcError(code) => write!(f, "rpc_error {code}"),
            Self::Http(status) => write!(f, "http {status}"),
            other => f.write_str(other.name()),
        }
    }
}
