//! The history of a run: what clients did and what came back, what handlers did, and what nodes told of themselves, in
//! virtual time. Checkers read it and nothing else.
//!
//! A history is data. It is written in one place, so that a test can plant a bug there and see whether it is found.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use switchboard::env::{Env, World};
use switchboard::event::Event;
use switchboard::jsonrpc::Raw;
use switchboard::protocol::TaskStatus;

use super::left::Holding;
use super::plant::{Plant, Tamper};
use super::standing::Standing;
use crate::client::{Answer, Errand, Outcome};
use crate::kernel::here::as_nobody;
use crate::node::NodeId;

/// A simulated client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u32);

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client-{}", self.0)
    }
}

/// One HTTP request of one client, counted over the whole run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestNumber(pub u64);

impl fmt::Debug for RequestNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

/// As which call the second reader of a session's own stream goes.
pub const TWIN: u32 = u32::MAX;

/// Whose something is: a client, its session counted from 1 (0: none), its call counted from 1 (0: none). It travels in
/// arguments and comes back in every message that a handler says, as `~client.session.call~`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The client.
    pub client: ClientId,
    /// Its session.
    pub session: u32,
    /// Its call.
    pub call: u32,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "~{}.{}.{}~", self.client.0, self.session, self.call)
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Mark {
    /// Reads a mark without its tildes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut number = || parts.next()?.parse::<u32>().ok();
        let mark = Self { client: ClientId(number()?), session: number()?, call: number()? };
        parts.next().is_none().then_some(mark)
    }

    /// Every mark in a message.
    pub fn find(message: &[u8]) -> impl Iterator<Item = Self> + '_ {
        let mut parts = message.split(|byte| *byte == b'~');
        parts.next();
        parts.filter_map(|part| Self::parse(std::str::from_utf8(part).ok()?))
    }
}

/// What a client may subscribe to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Matter {
    /// The one resource that changes.
    Board,
    /// The list of resources.
    Resources,
}

/// What comes of a standing stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// The subscription stands.
    Acknowledged,
    /// Something changed.
    News(Matter),
    /// The stream broke where nobody can come back to what followed, and the client knows it.
    Break,
    /// Nobody listens any more.
    End,
}

/// Whose word something is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Who {
    /// A node's, or a tool's on it.
    Node(NodeId),
    /// A client's.
    Client(ClientId),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(f, "{node}"),
            Self::Client(client) => write!(f, "{client:?}"),
        }
    }
}

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    /// A client sent a request, or set out to.
    Sent {
        /// Which request.
        request: RequestNumber,
        /// Whose, and for which call.
        mark: Mark,
        /// What it asks.
        errand: Errand,
    },
    /// A request ended.
    Ended {
        /// Which request.
        request: RequestNumber,
        /// Whose.
        client: ClientId,
        /// How.
        outcome: Outcome,
        /// Which server it was sent to last, where it got so far.
        server: Option<NodeId>,
    },
    /// What the answer to a request says, as a digest.
    Said {
        /// Which request.
        request: RequestNumber,
        /// The digest.
        words: u64,
    },
    /// A client read a message in which a mark stands.
    Told {
        /// Who read it, and in which session and call (0 on a stream that belongs to no call).
        reader: Mark,
        /// Whose it is.
        owner: Mark,
    },
    /// A client read an event with an id.
    Event {
        /// Who read it.
        client: ClientId,
        /// In which of its sessions.
        session: u32,
        /// The stream.
        stream: u64,
        /// The event's number within the stream.
        sequence: u64,
        /// Whether it has no data: it only says where the stream begins.
        primes: bool,
        /// Whether it brought the answer to the call that the stream is of.
        answers: bool,
        /// The digest of its data.
        digest: u64,
        /// Whether the session's second reader of its own stream read it, who follows the stream for itself.
        twin: bool,
    },
    /// A client is about to read a call's stream on from an earlier event than the last that it was given.
    Reread {
        /// Who.
        client: ClientId,
        /// In which of its sessions.
        session: u32,
        /// The stream.
        stream: u64,
        /// The event before the first that it is to be given again.
        after: u64,
    },
    /// A client read a progress notification of a call.
    Progress {
        /// Of which call.
        mark: Mark,
        /// The number that it carries, counted from 1.
        number: u32,
    },
    /// A handler began to run.
    Ran {
        /// For which call.
        mark: Mark,
        /// On which node.
        node: NodeId,
    },
    /// A handler that lingers ended, or was dropped.
    Left {
        /// For which call.
        mark: Mark,
        /// On which node.
        node: NodeId,
    },
    /// A client was told how a task of its stands.
    Task {
        /// In the answer to which request.
        request: RequestNumber,
        /// For which call the task was made.
        mark: Mark,
        /// How it stands; `None` where it is said not to be there.
        status: Option<TaskStatus>,
    },
    /// Something changed that clients may have subscribed to, at the node of the handler that changed it.
    Changed(NodeId, Matter),
    /// Something came of a client's standing stream.
    Heard {
        /// Whose; the call is that of a second reader, or 0.
        reader: Mark,
        /// What.
        what: Heard,
    },
    /// A node's process began to serve.
    Booted(NodeId),
    /// A node's process has drained.
    Drained(NodeId),
    /// A node's process could not keep its state, and ended or did not begin: why.
    GaveUp(NodeId, Arc<str>),
    /// A node was asked how its cluster stands; `None` where it said nothing that can be read.
    Stands(NodeId, Option<Standing>),
    /// What a node holds when clients are gone.
    Holds(NodeId, Holding),
    /// What there is of a node after its process has ended.
    Leaves(NodeId, Holding),
    /// A node told of itself.
    Node(NodeId, Event),
    /// A client has something to say about what follows, for whoever reads the report.
    Note(ClientId, String),
    /// A client that follows a script calls a tool; it has one call under way at most.
    Called {
        /// Who.
        client: ClientId,
        /// Which tool.
        tool: String,
        /// With which arguments.
        arguments: Raw,
    },
    /// The call that a client had under way is over.
    Returned {
        /// Whose.
        client: ClientId,
        /// What came of it.
        answer: Answer,
    },
    /// Something was noted for the checks of a trial.
    Noted {
        /// By whom.
        by: Who,
        /// What.
        what: Raw,
    },
}

impl Fact {
    /// A client read an event of a stream in one of its sessions.
    #[must_use]
    pub fn event(
        (client, session): (ClientId, u32),
        (stream, sequence): (u64, u64),
        data: &[u8],
        answers: bool,
        twin: bool,
    ) -> Self {
        let (primes, digest) = (data.is_empty(), xxhash_rust::xxh3::xxh3_64(data));
        Self::Event { client, session, stream, sequence, primes, answers, digest, twin }
    }

    /// The client that it concerns, if any.
    #[must_use]
    pub const fn client(&self) -> Option<ClientId> {
        match self {
            Self::Sent { mark, .. }
            | Self::Progress { mark, .. }
            | Self::Ran { mark, .. }
            | Self::Left { mark, .. }
            | Self::Task { mark, .. } => Some(mark.client),
            Self::Ended { client, .. }
            | Self::Event { client, .. }
            | Self::Reread { client, .. }
            | Self::Called { client, .. }
            | Self::Returned { client, .. }
            | Self::Noted { by: Who::Client(client), .. }
            | Self::Note(client, _) => Some(*client),
            Self::Told { reader, .. } | Self::Heard { reader, .. } => Some(reader.client),
            Self::Changed(..)
            | Self::Booted(_)
            | Self::Drained(_)
            | Self::GaveUp(..)
            | Self::Stands(..)
            | Self::Holds(..)
            | Self::Said { .. }
            | Self::Leaves(..)
            | Self::Node(..)
            | Self::Noted { by: Who::Node(_), .. } => None,
        }
    }
}

/// A fact and its time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Virtual time in nanoseconds.
    pub at: u64,
    /// What happened.
    pub fact: Fact,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>5}.{:09} {:?}", self.at / 1_000_000_000, self.at % 1_000_000_000, self.fact)
    }
}

#[derive(Debug, Default)]
struct Book {
    entries: Vec<Entry>,
    requests: u64,
    tamper: Option<Tamper>,
    /// Whether it says what answers said: nobody asks but who compares two worlds.
    has_words: bool,
}

/// A handle to the history of a run. Clones write the same one.
#[derive(Clone)]
pub struct History {
    /// A host that never restarts: its clock is the run's.
    clock: Arc<dyn World>,
    /// The node whose handlers write with this handle.
    node: Option<NodeId>,
    book: Arc<Mutex<Book>>,
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("node", &self.node).field("book", &self.book).finish_non_exhaustive()
    }
}

impl History {
    /// An empty history, told in the time of `clock`.
    #[must_use]
    pub fn new<E: Env>(clock: E) -> Self {
        Self { clock: Arc::new(clock), node: None, book: Arc::default() }
    }

    /// The same, for the handlers of a node.
    #[must_use]
    pub fn of(&self, node: NodeId) -> Self {
        Self { node: Some(node), ..self.clone() }
    }

    /// The same with a bug planted in it.
    #[must_use]
    pub fn plant(self, plant: Option<Plant>) -> Self {
        self.lock().tamper = plant.map(Tamper::new);
        self
    }

    /// The same, in which it stands what answers say.
    #[must_use]
    pub fn with_words(self, has_words: bool) -> Self {
        self.lock().has_words = has_words;
        self
    }

    /// Notes what the answer to a request says, where that is wanted.
    pub(crate) fn said(&self, request: RequestNumber, words: u64) {
        if self.lock().has_words {
            self.note(Fact::Said { request, words });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("a history must not be poisoned")
    }

    /// Virtual time in nanoseconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.clock.now().as_nanos()
    }

    /// Notes what happened just now.
    pub fn note(&self, fact: Fact) {
        let at = self.now();
        self.note_at(at, fact);
    }

    /// Notes what happened at a time: for observers, which are told it.
    pub fn note_at(&self, at: u64, fact: Fact) {
        let book = &mut *self.lock();
        // The history is no memory of the node that is at work.
        as_nobody(|| match &mut book.tamper {
            None => book.entries.push(Entry { at, fact }),
            Some(tamper) => {
                book.entries.extend(tamper.take(fact).into_iter().map(|fact| Entry { at, fact }));
            }
        });
    }

    /// Notes that a handler of this node is about to change something.
    ///
    /// # Panics
    /// Where this handle is not [of](Self::of) a node.
    pub fn changes(&self, matter: Matter) {
        let node = self.node.expect("whoever changes something must be of a node");
        self.note(Fact::Changed(node, matter));
    }

    /// Notes that a request sets out, and numbers it.
    #[must_use]
    pub fn sent(&self, mark: Mark, errand: Errand) -> RequestNumber {
        let request = {
            let book = &mut *self.lock();
            book.requests += 1;
            RequestNumber(book.requests)
        };
        self.note(Fact::Sent { request, mark, errand });
        request
    }

    /// Notes that a handler of this node began to run, for this call.
    ///
    /// # Panics
    /// Where this handle is not [of](Self::of) a node.
    pub fn ran(&self, mark: Mark) {
        let node = self.node.expect("whoever runs must be of a node");
        self.note(Fact::Ran { mark, node });
    }

    /// Notes that a handler of this node is gone, for this call.
    ///
    /// # Panics
    /// Where this handle is not [of](Self::of) a node.
    pub fn left(&self, mark: Mark) {
        let node = self.node.expect("whoever leaves must be of a node");
        self.note(Fact::Left { mark, node });
    }

    /// Notes how a request ended, and at which server.
    pub fn ended(&self, request: RequestNumber, client: ClientId, outcome: Outcome, server: Option<NodeId>) {
        self.note(Fact::Ended { request, client, outcome, server });
    }

    /// Everything so far.
    #[must_use]
    pub fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut self.lock().entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_of_a_message_is_found_and_what_only_looks_like_one_is_not() {
        let message = br#"{"text":"~1.2.3~ and ~x~ and ~4.5~","also":"~7.0.9~"}"#;
        let found: Vec<String> = Mark::find(message).map(|mark| mark.to_string()).collect();
        assert_eq!(found, ["~1.2.3~", "~7.0.9~"]);
    }
}
