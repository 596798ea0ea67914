//! The seam for encryption: a [`Shield`] puts itself around the stream of a link before the handshake, and proves a name.
//!
//! The mesh knows no cryptography of that kind. What does asks the operating system for the time and for randomness, so it
//! belongs to a world: production's shield is TLS, a simulation has none, or a toy. A shield is no substitute for the
//! secret. It hides what passes and says who is there; the handshake inside says that they belong to the cluster, over
//! proofs that are good inside this very shield only ([`Shielded::binding`]), so nobody who stands between two of them
//! with a name of his own can pass a handshake on.
//!
//! What a name is worth is settled by its [`Bond`] with a node's id.

use std::fmt;
use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};

use super::config::Secret;
use super::hello::HelloError;
use crate::env::{AnyStream, Stream};

/// Encrypts links, and proves names at both of their ends. The mesh sets the deadline; a future that is dropped closes its
/// stream.
///
/// What a shield has taken may wait for a flush, as in any writer with a buffer. Where its stream ends without its own
/// farewell, reading gives `UnexpectedEof`: to a link that is an end like any other.
pub trait Shield: fmt::Debug + Send + Sync + 'static {
    /// The name that this node proves to others.
    fn name(&self) -> &str;

    /// Puts itself around a stream that was dialled.
    ///
    /// # Errors
    /// The stream failed, or the other end does not prove a name; in words for an operator. The stream is closed.
    fn dialled(&self, stream: AnyStream) -> BoxFuture<'static, io::Result<Shielded>>;

    /// Puts itself around a stream that was accepted.
    ///
    /// # Errors
    /// As [`dialled`](Self::dialled).
    fn accepted(&self, stream: AnyStream) -> BoxFuture<'static, io::Result<Shielded>>;
}

/// Two are alike where they are the same one.
impl PartialEq for dyn Shield {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::addr_eq(self, other)
    }
}

impl Eq for dyn Shield {}

/// A stream inside a shield.
pub struct Shielded {
    /// What is written here is read at the other end, and nowhere else.
    pub stream: AnyStream,
    /// The name that the other end has proven.
    pub name: Box<str>,
    /// The same at both ends of this stream and of no other, for as long as nobody stands between them.
    pub binding: [u8; 32],
}

impl fmt::Debug for Shielded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shielded").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Ties a node's id to the name that its shield proves: a digest of that name and of a salt that the node keeps.
///
/// A node joins with it, so it stands beside its id in the cluster's map, where everybody can compare; no other name leads
/// to the same one. A certificate may be renewed, with another key too, for as long as its name stays. The salt makes every
/// join a new one: a node that lost its disk is not given back an id whose votes it does not remember.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bond(pub u128);

impl Bond {
    /// Set in a bond with a name, clear in one without.
    const NAMED: u128 = 1 << 127;

    /// The bond of a node without a shield: whoever is let in at all may be it.
    #[must_use]
    pub const fn loose(salt: u128) -> Self {
        Self(salt & !Self::NAMED)
    }

    /// The bond with a name.
    #[must_use]
    pub fn of(name: &str, salt: u128) -> Self {
        let mut digest = Sha256::new();
        digest.update(b"switchboard mesh: bond");
        digest.update(salt.to_le_bytes());
        digest.update(name.as_bytes());
        let digest: [u8; 32] = digest.finalize().into();
        let half = digest.first_chunk().expect("a digest must hold 16 bytes");
        Self(u128::from_le_bytes(*half) | Self::NAMED)
    }

    /// Whether a node with this bond may be who proved that one.
    #[must_use]
    pub const fn admits(self, proven: Self) -> bool {
        self.0 & Self::NAMED == 0 || self.0 == proven.0
    }
}

/// Which end of a stream this is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Dialled,
    Accepted,
}

/// A stream, ready for its handshake.
pub(super) struct Line {
    pub(super) stream: AnyStream,
    /// What the handshake on this stream is proven with.
    pub(super) secret: Secret,
    /// The name at the other end, where there is a shield.
    pub(super) name: Option<Box<str>>,
}

impl Line {
    /// Puts the shield around a stream, where there is one.
    pub(super) async fn new(
        shield: Option<&Arc<dyn Shield>>,
        secret: &Secret,
        stream: impl Stream,
        side: Side,
    ) -> Result<Self, HelloError> {
        let stream: AnyStream = Box::new(stream);
        let Some(shield) = shield else { return Ok(Self { stream, secret: secret.clone(), name: None }) };
        let shielded = match side {
            Side::Dialled => shield.dialled(stream),
            Side::Accepted => shield.accepted(stream),
        };
        let Shielded { stream, name, binding } = shielded.await.map_err(HelloError::Shield)?;
        Ok(Self { stream, secret: secret.within(&binding), name: Some(name) })
    }
}

/// What somebody is bound to who proved this name, if anything proves names, and said this salt.
pub(super) fn bond(name: Option<&str>, salt: Option<u128>) -> Option<Bond> {
    name.map(|name| Bond::of(name, salt.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::Bond;

    #[test]
    fn a_bond_admits_its_own_name_and_a_loose_one_any() {
        let bond = Bond::of("a", 7);
        assert!(bond.admits(Bond::of("a", 7)));
        assert!(!bond.admits(Bond::of("b", 7)) && !bond.admits(Bond::of("a", 8)));
        assert!(Bond::loose(u128::MAX).admits(bond));
        // The map is no secret: what stands there, said as a salt, must not make a bond loose.
        assert!(!bond.admits(Bond::of("b", bond.0)) && !bond.admits(Bond::loose(bond.0)));
    }
}
