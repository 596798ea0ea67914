//! What clients ask, and how each request ends: in exactly one way.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};
use switchboard::protocol::fault::code;

use crate::check::Mark;

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
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
    /// Calls a tool that changes the list of resources.
    Relist,
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
    /// Comes back to the stream of a call that was answered for a node that was gone.
    Doubt,
    /// Ends a session.
    Delete,
    /// Calls a tool as a task, and looks after it until it has ended.
    Task(u32),
    /// Calls a tool that asks its client, as a task, and answers it.
    Quiz,
    /// Looks how a task of its stands.
    Look,
    /// Calls a task of its off.
    Cancel,
    /// Answers what a task of its asks.
    Update,
    /// Waits for the end of a task of its, and answers what it asks meanwhile.
    Await,
    /// Ends its session, and opens another.
    Renew,
    /// Asks in a session that has ended.
    Haunt,
    /// Sends what no server should take: the case of this number.
    Hostile(u16),
    /// Calls a tool that is not of ours, as a script says.
    Own,
    /// Calls a tool that says so many things and never answers, and calls it off in the midst of it.
    Linger(u32),
    /// Says in a session that it does not wait for an answer any more.
    Withdraw,
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
            Self::Relist => Some("relist"),
            Self::Pour(_) => Some("pour"),
            Self::Task(_) => Some("work"),
            Self::Linger(_) => Some("linger"),
            Self::Quiz => Some("quiz"),
            _ => None,
        }
    }

    /// Whether its tool is called as a task.
    #[must_use]
    pub const fn is_task(self) -> bool {
        matches!(self, Self::Task(_) | Self::Quiz)
    }

    /// Whether it is about a task: makes one, or does something with it.
    pub(crate) const fn concerns_task(self) -> bool {
        self.is_task() || matches!(self, Self::Look | Self::Cancel | Self::Update | Self::Await)
    }

    /// What its tool is given, as JSON.
    pub(super) fn arguments(self, mark: Mark) -> String {
        format!(r#"{{"mark":"{mark}","steps":{}}}"#, self.steps())
    }

    /// How many steps its tool takes.
    pub(crate) const fn steps(self) -> u32 {
        match self {
            Self::Slow(steps) | Self::Pour(steps) | Self::Task(steps) | Self::Linger(steps) => steps,
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
            Self::Relist => "relist",
            Self::Pour(_) => "pour",
            Self::Answer => "answer",
            Self::Subscribe => "subscribe",
            Self::Listen => "listen",
            Self::Resume => "resume",
            Self::Doubt => "doubt",
            Self::Delete => "delete",
            Self::Task(_) => "task",
            Self::Quiz => "quiz",
            Self::Look => "look",
            Self::Cancel => "cancel",
            Self::Update => "update",
            Self::Await => "await",
            Self::Renew => "renew",
            Self::Haunt => "haunt",
            Self::Hostile(_) => "hostile",
            Self::Own => "own",
            Self::Linger(_) => "linger",
            Self::Withdraw => "withdraw",
        }
    }

    /// Whether it may end so where nothing goes wrong.
    #[must_use]
    pub const fn expects(self, outcome: Outcome) -> bool {
        match self {
            Self::Panic => matches!(outcome, Outcome::RpcError(code::INTERNAL_ERROR)),
            Self::Hang => matches!(outcome, Outcome::RpcError(code::TIMED_OUT)),
            Self::Haunt => matches!(outcome, Outcome::Http(404)),
            Self::Linger(_) => matches!(outcome, Outcome::RpcError(code::CANCELLED) | Outcome::GivenUp),
            Self::Doubt => matches!(outcome, Outcome::Ok | Outcome::Http(400 | 404)),
            // The task may have ended meanwhile.
            Self::Cancel => matches!(outcome, Outcome::Ok | Outcome::RpcError(code::INVALID_PARAMS)),
            // Somebody else may have called it off.
            Self::Await => matches!(outcome, Outcome::Ok | Outcome::RpcError(code::CANCELLED)),
            // What it says is for the checks of whoever wrote it; and its client may be gone before it says anything.
            Self::Own => {
                matches!(outcome, Outcome::Ok | Outcome::ToolError | Outcome::RpcError(_) | Outcome::GivenUp)
            }
            _ => matches!(outcome, Outcome::Ok),
        }
    }
}

/// The one end of one request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
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

    /// Whether the server may have taken the request, all of it or a part, and nobody knows how far it came.
    #[must_use]
    pub const fn is_unknown(self) -> bool {
        match self {
            Self::Reset | Self::Closed | Self::Timeout | Self::Garbled | Self::GivenUp => true,
            Self::RpcError(code) => {
                matches!(code, code::INTERNAL_ERROR | code::TIMED_OUT | code::CANCELLED)
            }
            Self::Http(status) => status >= 500 && status != 503,
            Self::Ok | Self::ToolError | Self::Refused | Self::ConnectTimeout => false,
        }
    }

    /// Whether it is a connection that failed or was silent, and not a node that said something, were it by hanging up.
    pub(crate) const fn is_of_a_connection(self) -> bool {
        matches!(self, Self::Refused | Self::ConnectTimeout | Self::Reset | Self::Timeout)
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
