//! `host[:port]`, read strictly: what two spellings of one host have in common, and nothing that has two readings.
//!
//! Names compare without case and without the root's trailing dot, IPv6 addresses by value. Refused outright: user info
//! (`localhost@evil.example`), percent-encoding, zone ids, and numbers that only some readers take for an IPv4 address
//! (`127.1`, `0x7f000001`, `0177.0.0.1`).

use std::net::{Ipv4Addr, Ipv6Addr};

/// A host, borrowed from where it was read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Host<'a> {
    /// A name, without a trailing dot, in whatever case.
    Name(&'a str),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(a), Self::Name(b)) => a.eq_ignore_ascii_case(b),
            (Self::V4(a), Self::V4(b)) => a == b,
            (Self::V6(a), Self::V6(b)) => a == b,
            _ => false,
        }
    }
}

/// A host of a list.
#[derive(Clone, Debug)]
pub(super) enum HostRule {
    Name(Box<str>),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl HostRule {
    pub(super) fn borrow(&self) -> Host<'_> {
        match self {
            Self::Name(name) => Host::Name(name),
            Self::V4(address) => Host::V4(*address),
            Self::V6(address) => Host::V6(*address),
        }
    }
}

impl Host<'_> {
    pub(super) fn to_rule(self) -> HostRule {
        match self {
            Self::Name(name) => HostRule::Name(name.to_ascii_lowercase().into()),
            Self::V4(address) => HostRule::V4(address),
            Self::V6(address) => HostRule::V6(address),
        }
    }

    /// `localhost`, `127.0.0.1` and `[::1]`: names that no one but this machine answers to. The rest of 127/8 is left out,
    /// for nobody's browser has a reason to use it.
    pub(super) fn is_loopback(self) -> bool {
        match self {
            Self::Name(name) => name.eq_ignore_ascii_case("localhost"),
            Self::V4(address) => address == Ipv4Addr::LOCALHOST,
            Self::V6(address) => address == Ipv6Addr::LOCALHOST,
        }
    }
}

/// Splits `host[:port]`. An empty port (`host:`) is none, as RFC 3986 has it. `None` where it is not read strictly.
pub(super) fn split(text: &str) -> Option<(Host<'_>, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        let port = if rest.is_empty() { None } else { port(rest.strip_prefix(':')?)? };
        return Some((Host::V6(address.parse().ok()?), port));
    }
    let (name, port) = match text.split_once(':') {
        Some((name, digits)) => (name, port(digits)?),
        None => (text, None),
    };
    Some((host(name)?, port))
}

fn host(name: &str) -> Option<Host<'_>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || name.len() > 253 {
        return None;
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if !name.split('.').all(is_label) {
        return None;
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case("0x"));
    if is_number { name.parse().ok().map(Host::V4) } else { Some(Host::Name(name)) }
}

/// `Some(None)` for an empty port; `None` where it is not a port.
fn port(digits: &str) -> Option<Option<u16>> {
    if digits.is_empty() {
        return Some(None);
    }
    if digits.len() > 5 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().map(Some)
}
