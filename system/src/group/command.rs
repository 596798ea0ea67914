//! What can be asked of a group, what it answers, and what it tells of itself. Plain values: they go into a log.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{Executor, GroupId, SessionId, StreamId};
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
    /// Takes the slots that a group is to have out of this one. Again is no error.
    Freeze {
        /// The group that is to have them.
        child: GroupId,
    },
    /// Drops what was taken out for a group, which has it now. Again is no error.
    Shed {
        /// The group that has it.
        child: GroupId,
    },
    /// Takes a piece of what was taken out of another group for this one. Again is no error.
    Receive {
        /// How many bytes stand before it.
        at: u64,
        /// The piece: [`PIECE_BYTES_MAX`](super::PIECE_BYTES_MAX) at most.
        bytes: Bytes,
    },
    /// Goes on from what was received. Again is no error.
    Adopt {
        /// How many bytes it has.
        len: u64,
        /// And which ones: [`digest_of_part`](super::digest_of_part).
        digest: u128,
    },
}

impl Command {
    /// The slot of what it concerns; `None` where that is the whole group.
    #[must_use]
    pub fn slot(&self) -> Option<u16> {
        match self {
            Self::Open { id, .. }
            | Self::End { id, .. }
            | Self::SetLogLevel { id, .. }
            | Self::Subscribe { id, .. }
            | Self::Unsubscribe { id, .. }
            | Self::OpenStream { id, .. }
            | Self::Append { id, .. }
            | Self::Offer { id, .. } => Some(id.slot()),
            Self::Tasks(command) => command.slot(),
            Self::ListsChanged { .. }
            | Self::ResourceUpdated { .. }
            | Self::ExecutorGone { .. }
            | Self::Expire
            | Self::Freeze { .. }
            | Self::Shed { .. }
            | Self::Receive { .. }
            | Self::Adopt { .. } => None,
        }
    }
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
    /// Another group has it, or will soon: nothing is known of it here.
    #[error("another group answers for this")]
    Moved,
    /// Another part of the group is on its way, or this is no part of it.
    #[error("the group cannot be split so now")]
    Splitting,
    /// What came of a part is not all of it.
    #[error("bytes of the part from {next} on are missing")]
    Incomplete {
        /// How many are there.
        next: u64,
    },
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
    /// A part of the group is gone to another one: whoever waits here may wait for nothing.
    Parted,
}
