//! Who may talk to this node through somebody's browser: the check of `Host` and `Origin`.
//!
//! A page that resolves its own name to our address (DNS rebinding) gives itself away by `Host`; a page that calls us
//! across origins, by `Origin`. Both are held against explicit lists; without lists, against loopback. The check knows no
//! proxy: `X-Forwarded-Host` is whatever a client writes into it.
//!
//! Source: `basic/transports`, Security Warning (403 for a bad `Origin`); RFC 9112 §3.2 (400 for a missing, doubled or
//! malformed `Host`).

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};

use super::authority::{Host, HostRule, split};
use super::{ResponseBody, plain};

/// The lists. Built once, asked for every request, without an allocation.
#[derive(Clone, Debug)]
pub struct Guard {
    hosts: Hosts,
    origins: Origins,
}

#[derive(Clone, Debug)]
enum Hosts {
    Any,
    Loopback,
    Listed(Vec<(HostRule, Option<u16>)>),
}

#[derive(Clone, Debug)]
enum Origins {
    Any,
    Loopback,
    Listed(Vec<OriginRule>),
}

#[derive(Clone, Debug)]
struct OriginRule {
    scheme: Box<str>,
    host: HostRule,
    port: PortRule,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PortRule {
    Any,
    Is(Option<u16>),
}

/// An entry of a list that cannot be one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{entry:?} is not {expected}")]
pub struct BadEntry {
    /// The entry.
    pub entry: String,
    /// What it should look like.
    pub expected: &'static str,
}

/// Why a request is refused. Its text says what was wrong, never what would be right.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// No `Host` (400).
    #[error("the Host header is missing")]
    HostMissing,
    /// More than one `Host` (400).
    #[error("the Host header stands more than once")]
    HostRepeated,
    /// A `Host` that is no strictly read `host[:port]` (400).
    #[error("the Host header is malformed")]
    HostMalformed,
    /// The request target names another host than `Host` (400).
    #[error("the request target and the Host header name different hosts")]
    HostContradicted,
    /// A host that is not ours (403).
    #[error("this host is not served here")]
    HostForeign,
    /// An `Origin` that is doubled, malformed or `null` (403).
    #[error("the Origin header is malformed")]
    OriginMalformed,
    /// An origin that is not on the list (403).
    #[error("this origin is not allowed")]
    OriginForeign,
}

impl Refusal {
    /// The status that answers it.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::HostMissing | Self::HostRepeated | Self::HostMalformed | Self::HostContradicted => {
                StatusCode::BAD_REQUEST
            }
            Self::HostForeign | Self::OriginMalformed | Self::OriginForeign => StatusCode::FORBIDDEN,
        }
    }

    /// The answer, in plain text and without CORS headers: the page that asked is not to read it.
    #[must_use]
    pub fn response(self) -> Response<ResponseBody> {
        plain(self.status(), self.to_string())
    }
}

/// A request that may go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allowed {
    /// The page's origin, exactly as it came, where a browser sent one.
    pub origin: Option<HeaderValue>,
}

impl Guard {
    /// Loopback only, any port: `localhost`, `127.0.0.1`, `[::1]`, and pages served from there.
    #[must_use]
    pub const fn loopback() -> Self {
        Self { hosts: Hosts::Loopback, origins: Origins::Loopback }
    }

    /// Builds the lists.
    ///
    /// `hosts`: `mcp.example.com` (any port), `mcp.example.com:8443`, `[2001:db8::1]`, or `*` for every host. None at all
    /// means loopback.
    ///
    /// `origins`: `https://app.example.com` (its default port), `http://localhost:*` (any port), or `*` for every origin
    /// but `null`. None at all means loopback where `hosts` is loopback too, and no origin otherwise: browsers are then
    /// refused, and whoever sends no `Origin` is not concerned.
    ///
    /// # Errors
    /// [`BadEntry`] for the first entry that is neither.
    pub fn new<T: AsRef<str>>(hosts: &[T], origins: &[T]) -> Result<Self, BadEntry> {
        let is_any = |list: &[T]| list.iter().any(|entry| entry.as_ref() == "*");
        let hosts = if is_any(hosts) {
            Hosts::Any
        } else if hosts.is_empty() {
            Hosts::Loopback
        } else {
            Hosts::Listed(hosts.iter().map(|entry| host_rule(entry.as_ref())).collect::<Result<_, _>>()?)
        };
        let origins = if is_any(origins) {
            Origins::Any
        } else if origins.is_empty() && matches!(hosts, Hosts::Loopback) {
            Origins::Loopback
        } else {
            Origins::Listed(
                origins.iter().map(|entry| origin_rule(entry.as_ref())).collect::<Result<_, _>>()?,
            )
        };
        Ok(Self { hosts, origins })
    }

    /// Whether hosts beyond loopback are named: what a node that listens beyond loopback must have.
    #[must_use]
    pub const fn serves_beyond_loopback(&self) -> bool {
        !matches!(self.hosts, Hosts::Loopback)
    }

    /// Checks the head of a request.
    ///
    /// # Errors
    /// [`Refusal`], with the answer for it. Nothing of the body need have been read.
    pub fn check(&self, head: &Parts) -> Result<Allowed, Refusal> {
        let (host, port) = addressed(head)?;
        if !self.serves(host, port) {
            return Err(Refusal::HostForeign);
        }
        let Some(origin) = only(&head.headers, ORIGIN).map_err(|()| Refusal::OriginMalformed)? else {
            return Ok(Allowed { origin: None });
        };
        let text = origin.to_str().map_err(|_| Refusal::OriginMalformed)?;
        let parsed = Origin::parse(text).ok_or(Refusal::OriginMalformed)?;
        if !self.trusts(&parsed) {
            return Err(Refusal::OriginForeign);
        }
        Ok(Allowed { origin: Some(origin.clone()) })
    }

    fn serves(&self, host: Host<'_>, port: Option<u16>) -> bool {
        match &self.hosts {
            Hosts::Any => true,
            Hosts::Loopback => host.is_loopback(),
            Hosts::Listed(rules) => rules.iter().any(|(rule, rule_port)| {
                // Without a port the scheme's own is meant, and which scheme it is only a proxy in front of us knows.
                let is_port = match (rule_port, port) {
                    (None, _) | (Some(80 | 443), None) => true,
                    (rule_port, port) => *rule_port == port,
                };
                is_port && rule.borrow() == host
            }),
        }
    }

    fn trusts(&self, origin: &Origin<'_>) -> bool {
        match &self.origins {
            Origins::Any => true,
            Origins::Loopback => origin.is_web() && origin.host.is_loopback(),
            Origins::Listed(rules) => rules.iter().any(|rule| {
                rule.scheme.eq_ignore_ascii_case(origin.scheme)
                    && rule.host.borrow() == origin.host
                    && (rule.port == PortRule::Any || rule.port == PortRule::Is(origin.port))
            }),
        }
    }
}

/// The one value of a header; none where it is absent, an error where it is repeated.
fn only(headers: &HeaderMap, name: http::HeaderName) -> Result<Option<&HeaderValue>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(()),
    }
}

/// The host and port that a request is addressed to.
fn addressed(head: &Parts) -> Result<(Host<'_>, Option<u16>), Refusal> {
    let target = head.uri.authority();
    let field = only(&head.headers, HOST).map_err(|()| Refusal::HostRepeated)?;
    let Some(field) = field else {
        // HTTP/2 carries the host in the target (`:authority`) alone.
        let target = target.filter(|_| head.version >= Version::HTTP_2).ok_or(Refusal::HostMissing)?;
        return split(target.as_str()).ok_or(Refusal::HostMalformed);
    };
    let text = field.to_str().map_err(|_| Refusal::HostMalformed)?;
    let addressed = split(text).ok_or(Refusal::HostMalformed)?;
    match target.map(Authority::as_str).map(split) {
        None => Ok(addressed),
        Some(None) => Err(Refusal::HostMalformed),
        Some(Some(target)) if same(target, addressed, head.uri.scheme_str()) => Ok(addressed),
        Some(Some(_)) => Err(Refusal::HostContradicted),
    }
}

type HostPort<'a> = (Host<'a>, Option<u16>);

fn same(a: HostPort<'_>, b: HostPort<'_>, scheme: Option<&str>) -> bool {
    let port = |port: Option<u16>| port.or_else(|| scheme.and_then(default_port));
    a.0 == b.0 && port(a.1) == port(b.1)
}

/// `scheme://host[:port]`, with the scheme's port where none is written.
struct Origin<'a> {
    scheme: &'a str,
    host: Host<'a>,
    port: Option<u16>,
}

impl<'a> Origin<'a> {
    /// `None` for what is no origin, `null` included.
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        if !is_scheme(scheme) {
            return None;
        }
        let (host, port) = split(rest)?;
        Some(Self { scheme, host, port: port.or_else(|| default_port(scheme)) })
    }

    const fn is_web(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("http") || self.scheme.eq_ignore_ascii_case("https")
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

const fn default_port(scheme: &str) -> Option<u16> {
    if scheme.eq_ignore_ascii_case("http") {
        Some(80)
    } else if scheme.eq_ignore_ascii_case("https") {
        Some(443)
    } else {
        None
    }
}

fn host_rule(entry: &str) -> Result<(HostRule, Option<u16>), BadEntry> {
    let (host, port) = split(entry).ok_or_else(|| BadEntry {
        entry: entry.to_owned(),
        expected: "a host such as mcp.example.com, mcp.example.com:8443 or [::1], or *",
    })?;
    Ok((host.to_rule(), port))
}

fn origin_rule(entry: &str) -> Result<OriginRule, BadEntry> {
    let (text, any_port) = match entry.strip_suffix(":*") {
        Some(text) => (text, true),
        None => (entry, false),
    };
    let origin = Origin::parse(text).ok_or_else(|| BadEntry {
        entry: entry.to_owned(),
        expected: "an origin such as https://app.example.com or http://localhost:*, without a path, or *",
    })?;
    let port = if any_port { PortRule::Any } else { PortRule::Is(origin.port) };
    Ok(OriginRule { scheme: origin.scheme.into(), host: origin.host.to_rule(), port })
}
