//! Sealed text: what a client carries for us and can neither read nor change.
//!
//! Ids of sessions and tasks, request state and list cursors go out as `base64url(format, key id, nonce, ciphertext, tag)`:
//! visible ASCII without padding, legal in a header. Any node opens them with the cluster's keys, so a session id names its
//! own home and no table of sessions has to be gossiped.
//!
//! - **XChaCha20-Poly1305 with random nonces.** Every node of a cluster seals with the same keys, and nodes restart, so
//!   no counter could keep nonces apart without coordination. Of 192 random bits two meet with probability 2⁻⁹⁶ after
//!   2⁴⁸ seals. The price over the 96-bit kind is one more ChaCha block.
//! - Sealing the same id twice gives two texts. An id that a client must see again as it was (a task's) is sealed once,
//!   when it is made, and the text is kept with the thing.
//! - **A text has one purpose**, bound as associated data together with format and key id: a cursor is no session id.
//! - **A text has one spelling.** Stray bits at the end, padding and other alphabets are refused, so two texts that open
//!   to the same thing were sealed twice.
//! - The length is checked before anything is decoded. All other refusals do the same work (an unknown key id decrypts
//!   with the current key, and fails) and look the same.

use std::fmt;
use std::sync::{Mutex, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::{AeadInOut, KeyInit, Tag, XChaCha20Poly1305, XNonce};

use crate::env::Entropy;

mod ring;
mod slot;
mod ticket;

pub use ring::{KEYS_MAX, Ring, RingError, Secret};
pub use slot::{SLOTS, group_of, parent_of, slot_of, took};
pub use ticket::{Principal, SessionTicket, TaskTicket};

#[cfg(test)]
mod tests;

const FORMAT: u8 = 1;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
/// Format, key id, nonce.
const HEAD_LEN: usize = 2 + NONCE_LEN;
const OVERHEAD: usize = HEAD_LEN + TAG_LEN;

/// Bytes that stand for a ticket before base64; no ticket is longer.
const TICKET_LEN_MAX: usize = 96;

/// What a sealed text is for. The numbers are on the wire: none is ever used anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// The id of a session ([`SessionTicket`]).
    Session = 1,
    /// The id of a task ([`TaskTicket`]).
    Task = 2,
    /// `requestState` of a multi round-trip request.
    RequestState = 3,
    /// The cursor of a list.
    Cursor = 4,
}

impl Purpose {
    /// The longest text of this purpose that is looked at.
    #[must_use]
    pub const fn text_len_max(self) -> usize {
        match self {
            Self::Session | Self::Task => TICKET_LEN_MAX * 4 / 3,
            Self::RequestState => 64 * 1024,
            Self::Cursor => 1024,
        }
    }

    /// The most bytes that can be sealed for this purpose.
    #[must_use]
    pub const fn content_len_max(self) -> usize {
        self.text_len_max() / 4 * 3 - OVERHEAD
    }
}

/// More bytes than the purpose allows; nothing was sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{len} bytes are too many to seal; at most {len_max}")]
pub struct TooLong {
    /// How many there are.
    pub len: usize,
    /// How many there may be.
    pub len_max: usize,
}

/// The keys of a cluster, as one node holds them: it seals with the current one and opens with all.
pub struct Keys {
    ring: RwLock<Ring>,
    nonces: Mutex<Entropy>,
}

impl Keys {
    /// Takes a ring of keys. `entropy` gives the nonces, and must be a stream of its own.
    #[must_use]
    pub const fn new(ring: Ring, entropy: Entropy) -> Self {
        Self { ring: RwLock::new(ring), nonces: Mutex::new(entropy) }
    }

    /// Replaces the ring, as the control group decided.
    ///
    /// A new key must be known everywhere before it is made current anywhere: first a ring that only adds it, then one
    /// that seals with it, and a ring without the oldest key only once the longest TTL has passed.
    pub fn install(&self, ring: Ring) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
    }

    /// The ring as it is now, for the control group's log.
    #[must_use]
    pub fn ring(&self) -> Ring {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Seals bytes for a purpose.
    ///
    /// # Errors
    /// [`TooLong`] when there are more bytes than the purpose allows.
    pub fn seal(&self, purpose: Purpose, content: &[u8]) -> Result<String, TooLong> {
        let len_max = purpose.content_len_max();
        if content.len() > len_max {
            return Err(TooLong { len: content.len(), len_max });
        }
        let (key_id, cipher) = {
            let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
            let (key_id, secret) = ring.current();
            (key_id, XChaCha20Poly1305::new(secret.into()))
        };
        let mut nonce = XNonce::default();
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner).fill(&mut nonce);

        let mut sealed = Vec::with_capacity(content.len() + OVERHEAD);
        sealed.extend_from_slice(&[FORMAT, key_id]);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(content);
        let tag = cipher
            .encrypt_inout_detached(&nonce, &bound_data(purpose, key_id), (&mut sealed[HEAD_LEN..]).into())
            .expect("a bounded message must fit the cipher");
        sealed.extend_from_slice(&tag);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens a text that was sealed for this purpose. `None` for everything else, with no word on what is wrong.
    #[must_use]
    pub fn open(&self, purpose: Purpose, text: &str) -> Option<Vec<u8>> {
        if text.len() > purpose.text_len_max() {
            return None;
        }
        let mut buffer = vec![0; base64::decoded_len_estimate(text.len())];
        let content = self.open_into(purpose, text, &mut buffer)?;
        Some(content.to_vec())
    }

    /// Whether a text that does not open says that it was sealed with one of the next keys: those who rotate them are ahead of
    /// this node then, and another one may open it. A word of whoever sends it, so good for no more than an answer.
    #[must_use]
    pub fn is_ahead(&self, text: &str) -> bool {
        let mut head = [0; 3];
        let begins =
            text.get(..4).is_some_and(|begin| URL_SAFE_NO_PAD.decode_slice(begin, &mut head).is_ok());
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        begins && head[0] == FORMAT && ring.is_behind(head[1])
    }

    /// As [`open`](Self::open), without an allocation. `buffer` must have room for all that base64 may give of the text.
    fn open_into<'b>(&self, purpose: Purpose, text: &str, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let len = URL_SAFE_NO_PAD.decode_slice(text, buffer).ok()?;
        let content_len = len.checked_sub(OVERHEAD)?;
        let (head, rest) = buffer.split_at_mut(HEAD_LEN);
        let (content, rest) = rest.split_at_mut(content_len);
        if head[0] != FORMAT {
            return None;
        }
        let key_id = head[1];
        let cipher = {
            let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
            let secret = ring.get(key_id).unwrap_or_else(|| ring.current().1);
            XChaCha20Poly1305::new(secret.into())
        };
        let nonce = XNonce::try_from(&head[2..]).ok()?;
        let tag = Tag::try_from(&rest[..TAG_LEN]).ok()?;
        cipher
            .decrypt_inout_detached(&nonce, &bound_data(purpose, key_id), (&mut *content).into(), &tag)
            .ok()?;
        Some(content)
    }
}

/// What is authenticated beside the content: whoever changes format, key or purpose gets a refusal.
const fn bound_data(purpose: Purpose, key_id: u8) -> [u8; 3] {
    [FORMAT, key_id, purpose as u8]
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("ring", &self.ring()).finish_non_exhaustive()
    }
}
