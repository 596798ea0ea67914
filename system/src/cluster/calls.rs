//! What an edge asks of the owners, as functions.

use bytes::Bytes;

use super::route::Wait;
use super::wire::{Answer, Ask, Turn};
use super::{Cluster, Trouble};
use crate::env::{Env, Instant};
use crate::ids::{SessionId, StreamId, TaskId};
use crate::jsonrpc::Raw;
use crate::seal::{Principal, SLOTS};
use crate::task::{Command, Reply, RequestId, Stamp};

/// A session that this node may serve for a while.
#[derive(Debug)]
pub(crate) struct Attached {
    /// What the edge that opened it wrote of its client.
    pub(crate) client: Bytes,
    /// The least level of messages.
    pub(crate) log_level: u8,
    /// For how long.
    pub(crate) lease_ms: u64,
}

/// A piece of a call's stream.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// The number of the first event; the executor counts from 1.
    pub(crate) first: u64,
    /// The events.
    pub(crate) events: Vec<Bytes>,
    /// The requests that they answer, by their JSON-RPC ids.
    pub(crate) answered: Vec<Raw>,
    /// Whether the stream ends with them.
    pub(crate) finish: bool,
}

/// What a reader gets.
#[derive(Debug)]
pub(crate) enum Read {
    /// Events, in order; where finished, none follow.
    Events { events: Vec<(u64, Bytes)>, finished: bool },
    /// The connection is to be closed, and the client to come back.
    Close { retry_ms: u64 },
}

impl<E: Env> Cluster<E> {
    /// Gives a new session its slot: one whose group this node leads, where it leads any, so that most requests of a client
    /// that stays with its node go nowhere.
    pub(crate) fn place(&self, id: SessionId) -> SessionId {
        let view = self.0.view();
        let is_led = |slot: &u16| {
            let owner = view.group_of(*slot).and_then(|group| self.0.owner(group));
            owner.is_some_and(|owner| owner.leading().is_some() && owner.kept().state.holds(*slot))
        };
        // As many in a row as this have all groups between them.
        let in_a_row = view.groups().count().next_power_of_two();
        let mut slots = (0..SLOTS).take(in_a_row).map(|at| (id.slot() + at) % SLOTS);
        slots.find(is_led).map_or(id, |slot| id.in_slot(slot))
    }

    /// Opens a session, and gives for how long this node may serve it.
    pub(crate) async fn open(
        &self,
        id: SessionId,
        principal: Principal,
        client: Bytes,
        due: Instant,
    ) -> Result<u64, Trouble> {
        let request = self.0.request_id();
        let ask = Ask::Open { request, id, principal, client };
        match self.ask(id.slot(), ask, Wait::Until(due)).await? {
            Answer::Attached { lease_ms, .. } => Ok(lease_ms),
            other => Err(unexpected(other)),
        }
    }

    /// Asks who a session is, and for how long this node may serve it.
    pub(crate) async fn attach(
        &self,
        id: SessionId,
        principal: Principal,
        due: Instant,
    ) -> Result<Attached, Trouble> {
        let ask = Ask::Attach { id, principal, holder: self.0.me.node };
        match self.ask(id.slot(), ask, Wait::Until(due)).await? {
            Answer::Attached { client, log_level, lease_ms } => Ok(Attached { client, log_level, lease_ms }),
            other => Err(unexpected(other)),
        }
    }

    /// Ends a session. Answered once no node serves it any more.
    pub(crate) async fn end(&self, id: SessionId, due: Instant) -> Result<(), Trouble> {
        let request = self.0.request_id();
        self.done(id.slot(), Ask::End { request, id }, due).await
    }

    /// Sets the least level of messages of a session.
    pub(crate) async fn set_log_level(&self, id: SessionId, level: u8, due: Instant) -> Result<(), Trouble> {
        let request = self.0.request_id();
        self.done(id.slot(), Ask::SetLogLevel { request, id, level }, due).await
    }

    /// Subscribes a session to a resource, or takes that back.
    pub(crate) async fn subscribe(
        &self,
        id: SessionId,
        uri: &str,
        on: bool,
        due: Instant,
    ) -> Result<(), Trouble> {
        let request = self.0.request_id();
        self.done(id.slot(), Ask::Subscribe { request, id, uri: uri.into(), on }, due).await
    }

    /// Opens a stream for a request; the turn of reading it is the asker's.
    pub(crate) async fn open_stream(
        &self,
        id: SessionId,
        calls: Vec<Raw>,
        due: Instant,
    ) -> Result<(StreamId, Turn), Trouble> {
        let request = self.0.request_id();
        let ask = Ask::OpenStream { request, id, calls, executor: self.0.me.executor() };
        match self.ask(id.slot(), ask, Wait::Until(due)).await? {
            Answer::Opened { stream, turn } => Ok((stream, turn)),
            other => Err(unexpected(other)),
        }
    }

    /// Appends events to a stream that this node executes; waits for room until `due`.
    pub(crate) async fn append(
        &self,
        id: SessionId,
        stream: StreamId,
        piece: Piece,
        due: Instant,
    ) -> Result<(), Trouble> {
        let Piece { first, events, answered, finish } = piece;
        self.done(id.slot(), Ask::Append { id, stream, first, events, answered, finish }, due).await
    }

    /// Appends to the standalone stream of a session. What stands there under the same topic goes.
    pub(crate) async fn offer(
        &self,
        id: SessionId,
        topic: Option<&str>,
        data: Bytes,
        due: Instant,
    ) -> Result<(), Trouble> {
        let request = self.0.request_id();
        self.done(id.slot(), Ask::Offer { request, id, topic: topic.map(Into::into), data }, due).await
    }

    /// Takes the turn of reading a stream, after an event or from where the last reader stopped.
    pub(crate) async fn take(
        &self,
        id: SessionId,
        stream: StreamId,
        after: Option<u64>,
        due: Instant,
    ) -> Result<(Turn, u64), Trouble> {
        match self.ask(id.slot(), Ask::Take { id, stream, after }, Wait::Until(due)).await? {
            Answer::Taken { turn, after } => Ok((turn, after)),
            other => Err(unexpected(other)),
        }
    }

    /// Waits for what a stream has after an event.
    pub(crate) async fn read(
        &self,
        id: SessionId,
        stream: StreamId,
        after: u64,
        turn: Turn,
    ) -> Result<Read, Trouble> {
        match self.ask(id.slot(), Ask::Read { id, stream, after, turn }, Wait::Patiently).await? {
            Answer::Events { events, finished } => Ok(Read::Events { events, finished }),
            Answer::Close { retry_ms } => Ok(Read::Close { retry_ms }),
            Answer::Superseded => Err(Trouble::Superseded),
            other => Err(unexpected(other)),
        }
    }

    /// Has the connection closed that reads a stream. A hint: where it is lost, the connection stays.
    pub(crate) async fn close_reader(&self, id: SessionId, stream: StreamId, retry_ms: u64) {
        let due = self.0.env.now().after_ms(1_000);
        let ask = Ask::CloseReader { id, stream, retry_ms };
        if let Err(error) = self.ask(id.slot(), ask, Wait::Until(due)).await {
            tracing::debug!("a reader was not closed: {error}");
        }
    }

    /// Cancels a call of a session, wherever it runs.
    pub(crate) async fn cancel(&self, id: SessionId, call: Bytes, due: Instant) -> Result<(), Trouble> {
        self.done(id.slot(), Ask::Cancel { id, call }, due).await
    }

    /// A command on tasks.
    pub(crate) async fn tasks(
        &self,
        request: RequestId,
        command: Command,
        due: Instant,
    ) -> Result<Reply, Trouble> {
        // What concerns no slot concerns each group alike; nobody asks for it from here.
        let slot = command.slot().unwrap_or(0);
        match self.ask(slot, Ask::Tasks { request, command }, Wait::Until(due)).await? {
            Answer::Tasks(reply) => Ok(reply),
            other => Err(unexpected(other)),
        }
    }

    /// How a task stands.
    pub(crate) async fn task_stamp(
        &self,
        principal: Principal,
        id: TaskId,
        due: Instant,
    ) -> Result<Option<Stamp>, Trouble> {
        let ask = Ask::WatchTask { principal, id, seen: None };
        match self.ask(principal.slot(), ask, Wait::Until(due)).await? {
            Answer::TaskStamp(stamp) => Ok(stamp),
            other => Err(unexpected(other)),
        }
    }

    /// Waits until a task is no longer as it was at `seen`.
    pub(crate) async fn task_changed(
        &self,
        principal: Principal,
        id: TaskId,
        seen: u64,
    ) -> Result<Option<Stamp>, Trouble> {
        let ask = Ask::WatchTask { principal, id, seen: Some(seen) };
        match self.ask(principal.slot(), ask, Wait::Patiently).await? {
            Answer::TaskStamp(stamp) => Ok(stamp),
            other => Err(unexpected(other)),
        }
    }

    pub(super) async fn done(&self, slot: u16, ask: Ask, due: Instant) -> Result<(), Trouble> {
        match self.ask(slot, ask, Wait::Until(due)).await? {
            Answer::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }
}

/// An answer that is not the one that was asked for.
pub(super) fn unexpected(answer: Answer) -> Trouble {
    match answer {
        Answer::NoSession => Trouble::NoSession,
        Answer::NoStream(why) => Trouble::NoStream(why),
        Answer::Refused(why) => Trouble::Refused(why),
        Answer::Superseded => Trouble::Superseded,
        Answer::Unavailable => Trouble::Unavailable,
        // Of another version, or lost: nothing is known of what became of the ask.
        _ => Trouble::Unknown,
    }
}
