//! Who is on the other side of a call.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::jsonrpc::Raw;
use crate::protocol::{ClientCapabilities, Revision};
use crate::seal;

/// Who is calling, as far as the node knows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Principal(Option<Arc<str>>);

impl Principal {
    /// The principal of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(Some(name.into()))
    }

    /// Somebody who showed nothing.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self(None)
    }

    /// A short form for sealed ids. Equal names have equal digests; what matters is compared by name as well.
    pub(crate) fn digest(&self) -> seal::Principal {
        seal::Principal(self.0.as_ref().map_or(0, |name| xxh3_64(name.as_bytes())))
    }

    /// Whether this is somebody who showed nothing.
    #[must_use]
    pub const fn is_anonymous(&self) -> bool {
        self.0.is_none()
    }

    /// The name behind the caller's token; empty for somebody who showed nothing. No token has an empty name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl From<Arc<str>> for Principal {
    fn from(name: Arc<str>) -> Self {
        Self(Some(name))
    }
}

/// The client behind a call.
#[derive(Clone, PartialEq, Debug)]
pub struct Client {
    /// The revision that this call is spoken in.
    pub revision: Revision,
    /// What the client can do.
    pub capabilities: ClientCapabilities,
    /// What the client says it is: an `Implementation` object, as it wrote it. Never verified.
    pub info: Option<Raw>,
    /// Who is calling.
    pub principal: Principal,
}
