//! The era of a message: which set of rules it is to be read by.
//!
//! We serve both eras on one endpoint, so each message must be placed by what it carries: the `MCP-Protocol-Version`
//! header, the version in its `_meta`, its method, and whether it names a session. That is one table, as data, first
//! match wins, and a test goes through every cell. The table judges the opening only: whether the session lives, whether
//! its revision knows the method, whether the other headers agree, is for others.
//!
//! Where the pages leave room, or differ:
//!
//! - A version in `_meta` but no header is -32020, also for `server/discover`: the header is required of every modern
//!   POST (2026-07-28 streamable HTTP, Server Validation), while "treat it as 2025-03-26" is a MAY and that revision has
//!   no such `_meta`. With the header and without `_meta` it is -32602 (conformance `stateless.ts`, missing-meta).
//! - A method that the modern era lacks is -32601 and 404 there, before its `_meta` is looked at; `initialize` too, when
//!   header or `_meta` say modern (`stateless.ts`, removed methods). Without either, `initialize` opens a legacy session
//!   (2026-07-28 `basic/versioning`: the opening selects the semantics).
//! - A modern method without header, `_meta` and session (a bare `server/discover`) is -32020 on HTTP and -32602 on a
//!   line: both are what a modern server says, and a client that probes must be able to tell that one stands here.
//! - A legacy version in header and `_meta` alike is a legacy request: the reserved key means nothing in that era.
//! - Notifications have no required `_meta`, and this revision defines no header rules for them (streamable HTTP, note
//!   under Sending Messages): the header alone decides, and on a line the open session, or else the modern era.
//! - `ping` is allowed on a line before `initialize` (2025-11-25 `basic/lifecycle`, Initialization).

mod table;

use std::borrow::Cow;

use crate::jsonrpc::Message;

use super::fault::{Fault, code};
use super::{Method, Revision};
use table::{Refusal, Verdict};

/// What a message says about its version, in one place where it may say so.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Version {
    /// Nothing.
    #[default]
    Absent,
    /// A revision with sessions.
    Legacy(Revision),
    /// A stateless revision.
    Modern(Revision),
    /// A text that we do not know as a revision.
    Unknown(Box<str>),
}

impl Version {
    /// Reads a version that stands somewhere, or does not.
    #[must_use]
    pub fn read(text: Option<&str>) -> Self {
        match text {
            None => Self::Absent,
            Some(text) => match Revision::parse(text) {
                Some(revision) if revision.is_modern() => Self::Modern(revision),
                Some(revision) => Self::Legacy(revision),
                None => Self::Unknown(text.into()),
            },
        }
    }

    /// Reads the `MCP-Protocol-Version` header. One that stands twice counts once if it says the same, else as unknown.
    #[must_use]
    pub fn of_headers(headers: &http::HeaderMap) -> Self {
        let mut values =
            headers.get_all("mcp-protocol-version").iter().map(|v| String::from_utf8_lossy(v.as_bytes()));
        let Some(first) = values.next() else { return Self::Absent };
        match values.find(|other| *other != first) {
            None => Self::read(Some(first.trim())),
            Some(other) => Self::Unknown(format!("{first}, {other}").into()),
        }
    }

    fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Absent => "nothing".into(),
            Self::Legacy(revision) | Self::Modern(revision) => revision.as_str().into(),
            Self::Unknown(text) => text.chars().take(64).collect::<String>().into(),
        }
    }
}

/// How messages come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    /// One POST a message, with headers.
    Http,
    /// Lines on stdio or TCP: no headers, and a session is the connection's.
    Line,
}

/// What the era depends on in a message's method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MethodClass {
    /// `initialize`.
    Initialize,
    /// `ping`, which may come before `initialize`.
    Ping,
    /// A request of both eras.
    Shared,
    /// A request of legacy revisions only.
    Legacy,
    /// A request of the modern era only.
    Modern,
    /// A request that nobody knows.
    Unknown,
    /// A notification, known or not.
    Notification,
    /// An answer to a request of ours: legacy only.
    Answer,
}

impl MethodClass {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Initialize,
        Self::Ping,
        Self::Shared,
        Self::Legacy,
        Self::Modern,
        Self::Unknown,
        Self::Notification,
        Self::Answer,
    ];

    /// The class of a message.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        match message {
            Message::Notification(_) => Self::Notification,
            Message::Answer(_) => Self::Answer,
            Message::Request(request) => Self::of_request(Method::parse(&request.method)),
        }
    }

    /// The class of a request. A notification's name with an id is a request that nobody knows.
    #[must_use]
    pub fn of_request(method: Option<Method>) -> Self {
        match method {
            None => Self::Unknown,
            Some(method) if method.is_notification() => Self::Unknown,
            Some(Method::Initialize) => Self::Initialize,
            Some(Method::Ping) => Self::Ping,
            Some(method) => {
                let modern = method.is_known_in(Revision::LATEST_MODERN);
                let legacy = method.is_known_in(Revision::LATEST_LEGACY);
                match (legacy, modern) {
                    (true, false) => Self::Legacy,
                    (false, true) => Self::Modern,
                    _ => Self::Shared,
                }
            }
        }
    }
}

/// What is known of a message before its era is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// How it came.
    pub carrier: Carrier,
    /// `MCP-Protocol-Version`; not looked at on lines.
    pub header: Version,
    /// `_meta."io.modelcontextprotocol/protocolVersion"`.
    pub meta: Version,
    /// Its method.
    pub method: MethodClass,
    /// HTTP: it names a session. Line: `initialize` was accepted on this connection.
    pub session: bool,
}

/// The rules that a message is read by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Era {
    /// It opens a session.
    Initialize,
    /// It belongs to a session; with the revision that the header named, if it did.
    Legacy(Option<Revision>),
    /// It stands by itself. A request's other required `_meta` is still to be checked.
    Modern(Revision),
}

impl Facts {
    /// Places the message.
    ///
    /// # Errors
    /// The fault to answer with; its [`Fault::http_status`] is the same for every revision. A notification is not
    /// answered: on HTTP only the status counts, on a line nothing is sent.
    pub fn era(&self) -> Result<Era, Fault> {
        match table::verdict(self) {
            Verdict::Initialize => Ok(Era::Initialize),
            Verdict::Legacy => Ok(Era::Legacy(match (self.carrier, &self.header) {
                (Carrier::Http, Version::Legacy(revision)) => Some(*revision),
                _ => None,
            })),
            Verdict::Modern => Ok(Era::Modern(match (self.carrier, &self.header, &self.meta) {
                (Carrier::Http, Version::Modern(revision), _)
                | (Carrier::Line, _, Version::Modern(revision)) => *revision,
                _ => Revision::LATEST_MODERN,
            })),
            Verdict::Refuse(refusal) => Err(self.refuse(refusal)),
        }
    }

    fn refuse(&self, refusal: Refusal) -> Fault {
        match refusal {
            Refusal::HeaderMissing => Fault::header_mismatch("MCP-Protocol-Version header is missing"),
            Refusal::Mismatch => Fault::header_mismatch(format!(
                "MCP-Protocol-Version header says {}, _meta says {}",
                self.header.name(),
                self.meta.name()
            )),
            Refusal::UnknownVersion => Fault::unsupported_version(&match self.carrier {
                Carrier::Http => self.header.name(),
                Carrier::Line => self.meta.name(),
            }),
            Refusal::NoSuchMethod => Fault::new(code::METHOD_NOT_FOUND, "Method not found").with_status(404),
            Refusal::MetaMissing => {
                Fault::malformed_meta("`_meta.io.modelcontextprotocol/protocolVersion` is missing")
            }
            Refusal::SessionMissing => Fault::session_required(),
            Refusal::NotInitialized => Fault::invalid_request("The connection is not initialized"),
            Refusal::AnswerUnwanted => Fault::invalid_request("No answer was asked for"),
        }
    }
}

#[cfg(test)]
mod tests;
