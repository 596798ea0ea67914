//! Planted bugs: what a broken node or client would have left in a history. A checker counts only once a test has seen
//! it catch its own.

use std::collections::{BTreeSet, VecDeque};

use super::history::{Fact, Heard, Mark, Matter};
use crate::client::Outcome;
use switchboard::event::Event;
use switchboard::protocol::TaskStatus;
use switchboard_trap::tally::Held;

/// A bug to plant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plant {
    /// A request ends twice.
    TwoOutcomes,
    /// A request never ends.
    NoOutcome,
    /// An event of a stream is lost.
    LostEvent,
    /// An event of a stream comes twice.
    RepeatedEvent,
    /// Two events of a stream change places.
    SwappedEvents,
    /// A progress notification of a call is lost.
    LostProgress,
    /// A message reaches somebody else.
    CrossedSession,
    /// A call runs twice for one request.
    RanTwice,
    /// A call is answered without having run.
    NeverRan,
    /// A queue passes its bound.
    FullQueue,
    /// A connection's end is forgotten.
    ForgottenConnection,
    /// A session ends twice.
    SessionEndsTwice,
    /// A request fails long after everything was healed.
    LateFailure,
    /// A session that has ended is served.
    ServedGhost,
    /// A task is no longer found.
    LostTask,
    /// Somebody is told of a task as it was before, after somebody else was told that it has completed.
    OlderTask,
    /// A task completes that somebody was told is cancelled.
    UndoneCancel,
    /// A listener is not told of changes.
    LostNews,
    /// A listener is told of a change before its subscription is acknowledged.
    EarlyNews,
    /// A call is answered a second time, on the stream that had ended with its answer.
    SecondAnswer,
    /// A process begins a life of its node that was begun before.
    OldLife,
    /// A second node leads a group in the same term.
    TwoLeaders,
    /// A replica takes another entry than the others.
    ForkedLog,
    /// A node has another map than the others.
    AnotherMap,
    /// A group has no leader at the end.
    NoLeader,
    /// A node takes the map that it has once more.
    OldMap,
    /// A group keeps a session that nobody opened.
    StraySession,
    /// A task of a node is left behind for each of many clients.
    LeftTasks,
    /// A task of a process goes on after its end.
    TaskAfterEnd,
    /// Memory of a process that has ended is still held.
    MemoryAfterEnd,
}

impl Plant {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::TwoOutcomes,
        Self::NoOutcome,
        Self::LostEvent,
        Self::RepeatedEvent,
        Self::SwappedEvents,
        Self::LostProgress,
        Self::CrossedSession,
        Self::RanTwice,
        Self::NeverRan,
        Self::FullQueue,
        Self::ForgottenConnection,
        Self::SessionEndsTwice,
        Self::LateFailure,
        Self::ServedGhost,
        Self::LostTask,
        Self::OlderTask,
        Self::UndoneCancel,
        Self::LostNews,
        Self::EarlyNews,
        Self::SecondAnswer,
        Self::OldLife,
        Self::TwoLeaders,
        Self::ForkedLog,
        Self::AnotherMap,
        Self::NoLeader,
        Self::OldMap,
        Self::StraySession,
        Self::LeftTasks,
        Self::TaskAfterEnd,
        Self::MemoryAfterEnd,
    ];

    /// Whether the bug strikes at facts of this kind.
    const fn concerns(self, fact: &Fact) -> bool {
        match self {
            Self::TwoOutcomes | Self::NoOutcome => matches!(fact, Fact::Ended { .. }),
            Self::LateFailure => matches!(fact, Fact::Ended { outcome: Outcome::Ok, .. }),
            // The first event of a call has others after it. Without its last, a call is not answered: another check's.
            Self::LostEvent | Self::RepeatedEvent | Self::SwappedEvents => {
                matches!(fact, Fact::Event { stream: 1.., sequence: 1, .. })
            }
            Self::LostProgress => matches!(fact, Fact::Progress { .. }),
            Self::CrossedSession => matches!(fact, Fact::Told { .. }),
            Self::RanTwice | Self::NeverRan => matches!(fact, Fact::Ran { .. }),
            Self::FullQueue => matches!(fact, Fact::Node(_, Event::QueueLength { .. })),
            Self::ForgottenConnection => matches!(fact, Fact::Node(_, Event::ConnectionClosed(_))),
            Self::SessionEndsTwice => matches!(fact, Fact::Node(_, Event::SessionClosed(_))),
            Self::ServedGhost => matches!(fact, Fact::Ended { outcome: Outcome::Http(404), .. }),
            Self::LostTask => matches!(fact, Fact::Task { .. }),
            Self::OlderTask => matches!(fact, Fact::Task { status: Some(TaskStatus::Completed), .. }),
            Self::UndoneCancel => matches!(fact, Fact::Task { status: Some(TaskStatus::Cancelled), .. }),
            Self::LostNews => matches!(fact, Fact::Heard { what: Heard::News(_), .. }),
            Self::EarlyNews => matches!(fact, Fact::Heard { what: Heard::Acknowledged, .. }),
            Self::SecondAnswer => matches!(fact, Fact::Event { answers: true, .. }),
            Self::OldLife => matches!(fact, Fact::Node(_, Event::LifeBegan(_))),
            Self::TwoLeaders => matches!(fact, Fact::Node(_, Event::LeadershipBegan(..))),
            Self::ForkedLog => matches!(fact, Fact::Node(_, Event::EntryTaken(..))),
            Self::OldMap => matches!(fact, Fact::Node(_, Event::MapTaken(_))),
            Self::LeftTasks => matches!(fact, Fact::Holds(..)),
            Self::TaskAfterEnd | Self::MemoryAfterEnd => matches!(fact, Fact::Leaves(..)),
            Self::AnotherMap | Self::NoLeader | Self::StraySession => {
                matches!(fact, Fact::Stands(_, Some(_)))
            }
        }
    }
}

/// The bug strikes at the so-manyth fact that it concerns: not at the first, which may be special.
const STRIKES_AT: u32 = 5;
/// Nodes that say how their cluster stands are few.
const STRIKES_NODES_AT: u32 = 2;

/// A planted bug at work.
#[derive(Debug)]
pub(super) struct Tamper {
    plant: Plant,
    met: u32,
    held: Option<Fact>,
    /// Whom a bug that goes on struck, or will strike the next time.
    struck: BTreeSet<Mark>,
}

impl Tamper {
    pub(super) const fn new(plant: Plant) -> Self {
        Self { plant, met: 0, held: None, struck: BTreeSet::new() }
    }

    /// What is noted instead of a fact.
    pub(super) fn take(&mut self, mut fact: Fact) -> VecDeque<Fact> {
        if !self.is_struck(&fact) {
            return VecDeque::from([fact]);
        }
        match self.plant {
            Plant::TwoOutcomes
            | Plant::RepeatedEvent
            | Plant::RanTwice
            | Plant::SessionEndsTwice
            | Plant::OldLife
            | Plant::OldMap => VecDeque::from([fact.clone(), fact]),
            Plant::NoOutcome
            | Plant::LostEvent
            | Plant::LostProgress
            | Plant::NeverRan
            | Plant::LostNews
            | Plant::ForgottenConnection => VecDeque::new(),
            Plant::SwappedEvents => match self.held.take() {
                None => {
                    self.held = Some(fact);
                    VecDeque::new()
                }
                Some(held) => VecDeque::from([fact, held]),
            },
            Plant::EarlyNews => {
                let mut early = fact.clone();
                if let Fact::Heard { what, .. } = &mut early {
                    *what = Heard::News(Matter::Board);
                }
                VecDeque::from([early, fact])
            }
            Plant::SecondAnswer => {
                let mut second = fact.clone();
                if let Fact::Event { sequence, .. } = &mut second {
                    *sequence += 1;
                }
                VecDeque::from([fact, second])
            }
            Plant::TwoLeaders => {
                let mut second = fact.clone();
                if let Fact::Node(node, _) = &mut second {
                    node.0 += 1;
                }
                VecDeque::from([fact, second])
            }
            plant => {
                spoil(plant, &mut fact);
                VecDeque::from([fact])
            }
        }
    }

    /// Whether this is the fact to strike at; for a swap, also the one after it on the same stream.
    fn is_struck(&mut self, fact: &Fact) -> bool {
        if let (
            Some(Fact::Event { client, session, stream, .. }),
            Fact::Event { client: c, session: s, stream: t, .. },
        ) = (&self.held, fact)
        {
            return (client, session, stream) == (c, s, t);
        }
        if !self.plant.concerns(fact) {
            return false;
        }
        self.met += 1;
        match (self.plant, fact) {
            // Whoever is told of a task after it was told of once: the first of these may have asked before that.
            (Plant::OlderTask | Plant::UndoneCancel, Fact::Task { mark, .. }) => !self.struck.insert(*mark),
            (Plant::LostNews, Fact::Heard { reader, .. }) => {
                if self.struck.is_empty() {
                    self.struck.insert(*reader);
                }
                self.struck.contains(reader)
            }
            (
                Plant::LeftTasks
                | Plant::TaskAfterEnd
                | Plant::MemoryAfterEnd
                | Plant::AnotherMap
                | Plant::NoLeader
                | Plant::StraySession
                | Plant::OldLife,
                _,
            ) => self.met == STRIKES_NODES_AT,
            _ => self.met == STRIKES_AT,
        }
    }
}

fn spoil(plant: Plant, fact: &mut Fact) {
    match fact {
        Fact::Told { owner, .. } => *owner = Mark { client: super::ClientId(owner.client.0 + 1), ..*owner },
        Fact::Node(_, Event::QueueLength { length, bound, .. }) => *length = *bound + 1,
        Fact::Node(_, Event::EntryTaken(_, _, term)) => *term += 1,
        Fact::Ended { outcome, .. } if plant == Plant::ServedGhost => *outcome = Outcome::Ok,
        Fact::Ended { outcome, .. } => *outcome = Outcome::Timeout,
        Fact::Task { status, .. } => {
            *status = match plant {
                Plant::OlderTask => Some(TaskStatus::Working),
                Plant::UndoneCancel => Some(TaskStatus::Completed),
                _ => None,
            }
        }
        Fact::Stands(_, Some(standing)) if plant == Plant::AnotherMap => standing.epoch += 1,
        Fact::Stands(_, Some(standing)) if plant == Plant::StraySession => standing.groups[0].sessions += 1,
        Fact::Holds(_, holding) => holding.tasks.extend(["left"; 1_000]),
        Fact::Leaves(_, holding) if plant == Plant::TaskAfterEnd => holding.tasks.push("left"),
        Fact::Leaves(_, holding) => {
            holding.memory = Some(Held { bytes: 1_000_000, bytes_max: 1_000_000 });
        }
        Fact::Stands(_, Some(standing)) => standing.groups[0].leader = None,
        _ => {}
    }
}
