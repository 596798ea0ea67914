//! The shared secret, proven without being shown: HMAC-SHA-256 over a label and everything that the proof is to be bound
//! to. Labels differ by direction and step, so a proof is good for its own place only and cannot be sent back.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::config::Secret;

/// Bytes of a proof.
pub(super) const PROOF_BYTES: usize = 32;

/// What a proof is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The dialler belongs to some cluster with this secret.
    Knock,
    /// The accepter does, now.
    Challenge,
    /// The dialler does, now, and is who its hello says.
    Hello,
    /// The accepter is who its reply says, and answers this very hello.
    Reply,
}

impl Step {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Knock => b"switchboard mesh: dialler knocks",
            Self::Challenge => b"switchboard mesh: accepter challenges",
            Self::Hello => b"switchboard mesh: dialler says hello",
            Self::Reply => b"switchboard mesh: accepter replies",
        }
    }
}

impl Secret {
    /// The secret inside of a shield: proofs that are made with it are good there and nowhere else.
    pub(super) fn within(&self, binding: &[u8; 32]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.bytes()).expect("a key may have any length");
        mac.update(b"switchboard mesh: inside of a shield");
        mac.update(binding);
        Self::new(mac.finalize().into_bytes().into())
    }
}

fn mac(secret: &Secret, step: Step, parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.bytes()).expect("a key may have any length");
    for part in [step.label()].iter().chain(parts) {
        // With its length, so that two sequences of parts never read as the same bytes.
        mac.update(&u64::try_from(part.len()).expect("a length must fit").to_le_bytes());
        mac.update(part);
    }
    mac
}

/// The proof of this step over these parts.
pub(super) fn prove(secret: &Secret, step: Step, parts: &[&[u8]]) -> [u8; PROOF_BYTES] {
    mac(secret, step, parts).finalize().into_bytes().into()
}

/// Whether a proof is the one of this step over these parts; takes the same time wherever it differs.
pub(super) fn is_proof(secret: &Secret, step: Step, parts: &[&[u8]], proof: &[u8]) -> bool {
    mac(secret, step, parts).verify_slice(proof).is_ok()
}
