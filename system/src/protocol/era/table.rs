//! The table that places a message in an era, and what reads it.
//!
//! Why each row is so, the [module](super) page says where the specification leaves room.

use super::{Carrier, Facts, MethodClass, Version};

use Carrier::{Http, Line};
use Refusal::{
    AnswerUnwanted, HeaderMissing, MetaMissing, Mismatch, NoSuchMethod, NotInitialized, SessionMissing,
    UnknownVersion,
};
use Verdict::{Initialize, Legacy, Modern, Refuse};

/// A pattern for the version in the header or in `_meta`.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Says {
    Any,
    Absent,
    Legacy,
    Modern,
    Unknown,
    /// For `_meta`: present, and not what the header says.
    Other,
}

/// What a row decides.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Verdict {
    Initialize,
    Legacy,
    Modern,
    Refuse(Refusal),
}

/// Why a message has no era.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Refusal {
    HeaderMissing,
    Mismatch,
    UnknownVersion,
    NoSuchMethod,
    MetaMissing,
    SessionMissing,
    NotInitialized,
    AnswerUnwanted,
}

struct Row {
    carrier: Carrier,
    header: Says,
    meta: Says,
    /// Empty means any.
    methods: &'static [MethodClass],
    session: Option<bool>,
    verdict: Verdict,
}

const fn row(
    carrier: Carrier,
    header: Says,
    meta: Says,
    methods: &'static [MethodClass],
    session: Option<bool>,
    verdict: Verdict,
) -> Row {
    Row { carrier, header, meta, methods, session, verdict }
}

const ANY: &[MethodClass] = &[];
const GONE: &[MethodClass] =
    &[MethodClass::Initialize, MethodClass::Ping, MethodClass::Legacy, MethodClass::Unknown];
const NOTE: &[MethodClass] = &[MethodClass::Notification];
const ANSWER: &[MethodClass] = &[MethodClass::Answer];
const INIT: &[MethodClass] = &[MethodClass::Initialize];
const PING: &[MethodClass] = &[MethodClass::Ping];
const MODERN: &[MethodClass] = &[MethodClass::Modern];
const UNKNOWN: &[MethodClass] = &[MethodClass::Unknown];
const LEGACY: &[MethodClass] = &[MethodClass::Legacy];

/// The table. The first row that fits decides.
#[rustfmt::skip]
static ROWS: [Row; 26] = [
    // Header and body must tell one story before anything else is believed.
    row(Http, Says::Absent,  Says::Modern,  ANY,     None,        Refuse(HeaderMissing)),
    row(Http, Says::Absent,  Says::Unknown, ANY,     None,        Refuse(HeaderMissing)),
    row(Http, Says::Legacy,  Says::Other,   ANY,     None,        Refuse(Mismatch)),
    row(Http, Says::Modern,  Says::Other,   ANY,     None,        Refuse(Mismatch)),
    row(Http, Says::Unknown, Says::Other,   ANY,     None,        Refuse(Mismatch)),
    row(Http, Says::Unknown, Says::Any,     ANY,     None,        Refuse(UnknownVersion)),
    // The modern era. A session id is not looked at.
    row(Http, Says::Modern,  Says::Any,     GONE,    None,        Refuse(NoSuchMethod)),
    row(Http, Says::Modern,  Says::Any,     ANSWER,  None,        Refuse(AnswerUnwanted)),
    row(Http, Says::Modern,  Says::Any,     NOTE,    None,        Modern),
    row(Http, Says::Modern,  Says::Absent,  ANY,     None,        Refuse(MetaMissing)),
    row(Http, Says::Modern,  Says::Any,     ANY,     None,        Modern),
    // The legacy era: here the header is legacy or absent, and _meta says the same or nothing modern.
    row(Http, Says::Any,     Says::Any,     INIT,    None,        Initialize),
    row(Http, Says::Any,     Says::Any,     ANY,     Some(true),  Legacy),
    row(Http, Says::Absent,  Says::Any,     MODERN,  None,        Refuse(HeaderMissing)),
    row(Http, Says::Any,     Says::Any,     ANY,     None,        Refuse(SessionMissing)),
    // Lines: only the body speaks.
    row(Line, Says::Any,     Says::Unknown, ANY,     None,        Refuse(UnknownVersion)),
    row(Line, Says::Any,     Says::Modern,  GONE,    None,        Refuse(NoSuchMethod)),
    row(Line, Says::Any,     Says::Modern,  ANY,     None,        Modern),
    row(Line, Says::Any,     Says::Any,     INIT,    None,        Initialize),
    row(Line, Says::Any,     Says::Any,     PING,    None,        Legacy),
    row(Line, Says::Any,     Says::Any,     ANY,     Some(true),  Legacy),
    row(Line, Says::Any,     Says::Any,     NOTE,    None,        Modern),
    row(Line, Says::Any,     Says::Any,     UNKNOWN, None,        Refuse(NoSuchMethod)),
    row(Line, Says::Any,     Says::Any,     LEGACY,  None,        Refuse(NotInitialized)),
    row(Line, Says::Any,     Says::Any,     ANSWER,  None,        Refuse(AnswerUnwanted)),
    row(Line, Says::Any,     Says::Any,     ANY,     None,        Refuse(MetaMissing)),
];

/// What the first row that fits decides.
pub(super) fn verdict(facts: &Facts) -> Verdict {
    ROWS.iter().find(|row| row.fits(facts)).expect("the last row of each carrier must fit anything").verdict
}

impl Row {
    fn fits(&self, facts: &Facts) -> bool {
        self.carrier == facts.carrier
            && fits(self.header, &facts.header, None)
            && fits(self.meta, &facts.meta, Some(&facts.header))
            && (self.methods.is_empty() || self.methods.contains(&facts.method))
            && self.session.is_none_or(|session| session == facts.session)
    }
}

fn fits(pattern: Says, version: &Version, header: Option<&Version>) -> bool {
    match pattern {
        Says::Any => true,
        Says::Absent => *version == Version::Absent,
        Says::Legacy => matches!(version, Version::Legacy(_)),
        Says::Modern => matches!(version, Version::Modern(_)),
        Says::Unknown => matches!(version, Version::Unknown(_)),
        Says::Other => *version != Version::Absent && Some(version) != header,
    }
}
