//! What can be asked of a group, what it answers, and what it tells of itself. Plain values: they go into a log.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{Executor, SessionId, StreamId};
use crate::jsonrpc::Raw;
use crate::seal::Principal;
use crate::task::{self, RequestId};

/// One entry of the group's log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The leader's time of day in milliseconds. Where it goes back, the latest that was seen goes on.
    pub now_ms: u64,
    /// Names the attempt: the same one again changes nothing.
    pub request: RequestId,
    /// What to do.
    pub command: Command,
}

/// A command.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Begins a session. The same again is no error.
    Open {
        /// Its id, drawn by who begins it.
        id: SessionId,
        /// Whose it is.
        principal: Principal,
        /// What the edge wants to know of the client: never read here.
        client: Bytes,
    },
    /// Ends a session with its streams and subscriptions. Again is no error.
    End {
        /// Which.
        id: SessionId,
        /// Why, as the node numbers reasons: handed on in [`Change::SessionEnded`].
        reason: u8,
    },
    /// Sets the least level of messages that the client wants, as the protocol numbers them.
    SetLogLevel {
        /// Whose.
        id: SessionId,
        /// The level.
        level: u8,
    },
    /// Subscribes to a resource; again is no error.
    Subscribe {
        /// Whose.
        id: SessionId,
        /// The resource.
        uri: Arc<str>,
    },
    /// Takes a subscription back; without one is no error.
    Unsubscribe {
        /// Whose.
        id: SessionId,
        /// The resource.
        uri: Arc<str>,
    },
    /// Opens a stream for one request, or for those of a batch. At the bound the oldest finished one is let go of. Answered
    /// by [`Reply::Stream`].
    OpenStream {
        /// Whose.
        id: SessionId,
        /// The JSON-RPC ids of the requests, as JSON.
        requests: Vec<Raw>,
        /// Who carries it out, and alone appends to the stream.
        executor: Executor,
    },
    /// Appends to the stream of a call. Its executor numbers events from 1; those that are there already are passed over,
    /// a hole is refused. Answered by [`Reply::Appended`].
    Append {
        /// Whose.
        id: SessionId,
        /// Which, never the standalone one.
        stream: StreamId,
        /// Number of the first of `events`.
        first: u64,
        /// The events.
        events: Vec<Bytes>,
        /// Requests of a batch that these events answer: they get no error where the executor is gone later.
        answered: Vec<Raw>,
        /// Whether none will follow.
        finish: bool,
        /// The last event that is known to have been handed to the client; 0 where none was.
        taken: u64,
    },
    /// Appends to the standalone stream. Where an event of the same topic is still held, the new one replaces it.
    Offer {
        /// Whose.
        id: SessionId,
        /// What the event is about; `None` replaces nothing.
        topic: Option<Arc<str>>,
        /// The event.
        data: Bytes,
        /// The last event of this stream that is known to have been handed to the client; 0 where none was.
        taken: u64,
    },
    /// Tells every session of changed lists, once per version.
    ListsChanged {
        /// Of the catalogue. What is not above the last one told is told already.
        version: u64,
        /// Topics with their events.
        notices: Vec<(Arc<str>, Bytes)>,
    },
    /// Tells every session that subscribed to a resource.
    ResourceUpdated {
        /// The resource.
        uri: Arc<str>,
        /// The event.
        data: Bytes,
    },
    /// A process is gone for good, and all earlier ones of its node: what they worked on ends with an error.
    ExecutorGone {
        /// The last one that is gone.
        executor: Executor,
        /// A JSON-RPC error object.
        error: Raw,
    },
    /// Does something with tasks. Answered by [`Reply::Tasks`].
    Tasks(task::Command),
    /// Forgets some of what is past its time, tasks too. Answered by [`Reply::Expired`].
    Expire,
}

/// An answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// It is done.
    Done,
    /// The stream is open.
    Stream(StreamId),
    /// The events are there.
    Appended {
        /// The number that the next one has.
        next: u64,
    },
    /// What the tasks answer.
    Tasks(task::Reply),
    /// Some of what was past its time is gone.
    Expired {
        /// Whether there is more of it.
        more: bool,
    },
    /// It was not done; nothing changed.
    Refused(Refusal),
}

/// Why nothing was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// There is no such session.
    #[error("no such session")]
    NoSession,
    /// The session has ended.
    #[error("the session has ended")]
    Ended,
    /// The session is there, and is another one.
    #[error("session id is taken")]
    Exists,
    /// The session has no such stream, or no longer.
    #[error("no such stream")]
    NoStream,
    /// The stream is finished.
    #[error("the stream is finished")]
    Finished,
    /// The stream was ended with an error because its executor was taken to be gone.
    #[error("the stream was ended for its executor")]
    Abandoned,
    /// Events before these are missing.
    #[error("events from {next} on are missing")]
    Hole {
        /// The first that is missing.
        next: u64,
    },
    /// A request with this id is under way (`basic/index`: ids are unique among unanswered requests).
    #[error("a request with this id is in flight")]
    DuplicateId,
    /// The executor is gone.
    #[error("executor is gone")]
    ExecutorGone,
    /// The session subscribed to as much as it may.
    #[error("too many subscriptions in this session")]
    TooManySubscriptions,
    /// All streams that the session may have are in use.
    #[error("too many streams in this session")]
    TooManyStreams,
    /// Something in the command is larger than it may be.
    #[error("command is too large")]
    TooLarge,
    /// There is no room for anyone. The request id must not be used again.
    #[error("group is full")]
    Full,
}

/// Something changed: whoever watches it must look again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A session began.
    SessionOpened(SessionId),
    /// A session's log level or subscriptions changed.
    SessionChanged(SessionId),
    /// A session ended, with all its streams.
    SessionEnded {
        /// Which.
        id: SessionId,
        /// Why, as [`Command::End`] said.
        reason: u8,
    },
    /// A stream has new events, is finished or is let go of.
    StreamChanged(SessionId, StreamId),
    /// The first session subscribed to a resource.
    InterestGained(Arc<str>),
    /// No session is subscribed to a resource any more.
    InterestLost(Arc<str>),
    /// A task changed.
    Task(task::Change),
}
