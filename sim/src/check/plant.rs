//! Planted bugs: what a broken node or client would have left in a history. A checker counts only once a test has seen
//! it catch its own.

use std::collections::VecDeque;

use super::history::{Fact, Mark};
use crate::client::Outcome;
use switchboard::event::Event;

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
}

impl Plant {
    /// All of them.
    pub const ALL: [Self; 13] = [
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
        }
    }
}

/// The bug strikes at the so-manyth fact that it concerns: not at the first, which may be special.
const STRIKES_AT: u32 = 5;

/// A planted bug at work.
#[derive(Debug)]
pub(super) struct Tamper {
    plant: Plant,
    met: u32,
    held: Option<Fact>,
}

impl Tamper {
    pub(super) const fn new(plant: Plant) -> Self {
        Self { plant, met: 0, held: None }
    }

    /// What is noted instead of a fact.
    pub(super) fn take(&mut self, mut fact: Fact) -> VecDeque<Fact> {
        if !self.is_struck(&fact) {
            return VecDeque::from([fact]);
        }
        match self.plant {
            Plant::TwoOutcomes | Plant::RepeatedEvent | Plant::RanTwice | Plant::SessionEndsTwice => {
                VecDeque::from([fact.clone(), fact])
            }
            Plant::NoOutcome
            | Plant::LostEvent
            | Plant::LostProgress
            | Plant::NeverRan
            | Plant::ForgottenConnection => VecDeque::new(),
            Plant::SwappedEvents => match self.held.take() {
                None => {
                    self.held = Some(fact);
                    VecDeque::new()
                }
                Some(held) => VecDeque::from([fact, held]),
            },
            _ => {
                spoil(&mut fact);
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
        self.met += u32::from(self.plant.concerns(fact));
        self.met == STRIKES_AT && self.plant.concerns(fact)
    }
}

fn spoil(fact: &mut Fact) {
    match fact {
        Fact::Told { owner, .. } => *owner = Mark { client: super::ClientId(owner.client.0 + 1), ..*owner },
        Fact::Node(_, Event::QueueLength { length, bound, .. }) => *length = *bound + 1,
        Fact::Ended { outcome, .. } => *outcome = Outcome::Timeout,
        _ => {}
    }
}
