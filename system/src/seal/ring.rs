//! The keys themselves: up to eight, each with a number, one of them current. A plain value, so that a log can hold it.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use crate::env::Entropy;

/// A key.
pub type Secret = [u8; 32];

/// How many keys a ring holds at most.
pub const KEYS_MAX: usize = 8;

const MAGIC: [u8; 8] = *b"SWBKEYS\x01";
/// Magic, current key's id, number of keys; then the keys; then a checksum.
const HEAD_LEN: usize = 10;
const ENTRY_LEN: usize = 33;
const SUM_LEN: usize = 8;

/// Why bytes are not a ring. Nothing was taken over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RingError {
    /// They are something else, or of a version that this one does not know.
    #[error("not keys of this version")]
    Foreign,
    /// They begin as a ring but are cut short, too long or changed.
    #[error("the keys are damaged: {0}")]
    Damaged(&'static str),
}

/// Numbered keys, oldest first, never empty, each number once; the current one is among them.
#[derive(Clone, PartialEq, Eq)]
pub struct Ring {
    current: u8,
    keys: Vec<(u8, Secret)>,
}

impl Ring {
    /// A ring of one key.
    #[must_use]
    pub fn of(secret: Secret) -> Self {
        Self { current: 1, keys: vec![(1, secret)] }
    }

    /// A ring of one new key.
    #[must_use]
    pub fn generate(entropy: &mut Entropy) -> Self {
        let mut secret = [0; 32];
        entropy.fill(&mut secret);
        Self::of(secret)
    }

    /// Adds a key that opens but does not yet seal, and returns its number. `None` where the ring is full.
    pub fn add(&mut self, secret: Secret) -> Option<u8> {
        if self.keys.len() >= KEYS_MAX {
            return None;
        }
        let newest = self.newest();
        // Numbers go round; the ring is far smaller than their range, so the next free one is near.
        let id = (1..=u8::MAX).map(|step| newest.wrapping_add(step)).find(|id| self.get(*id).is_none())?;
        self.keys.push((id, secret));
        Some(id)
    }

    /// Seals with this key from now on. False where there is none of that number.
    pub fn make_current(&mut self, id: u8) -> bool {
        let known = self.get(id).is_some();
        if known {
            self.current = id;
        }
        known
    }

    /// Forgets a key: what it sealed never opens again. False for the current key, which stays, and where there is none.
    pub fn retire(&mut self, id: u8) -> bool {
        let len = self.keys.len();
        self.keys.retain(|(key, _)| *key != id || id == self.current);
        self.keys.len() < len
    }

    /// The numbers of all keys, oldest first.
    pub fn ids(&self) -> impl Iterator<Item = u8> {
        self.keys.iter().map(|(id, _)| *id)
    }

    fn newest(&self) -> u8 {
        self.keys.last().map_or(0, |(id, _)| *id)
    }

    /// Whether this is the number of one of the next keys.
    pub(super) fn is_behind(&self, id: u8) -> bool {
        (1..=KEYS_MAX).contains(&usize::from(id.wrapping_sub(self.newest())))
    }

    /// The key that seals, and its number.
    pub(super) fn current(&self) -> (u8, &Secret) {
        (self.current, self.get(self.current).expect("the current key must be in the ring"))
    }

    /// The key of this number.
    pub(super) fn get(&self, id: u8) -> Option<&Secret> {
        self.keys.iter().find(|(key, _)| *key == id).map(|(_, secret)| secret)
    }

    /// The bytes that [`decode`](Self::decode) reads, secrets in the clear.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_LEN + self.keys.len() * ENTRY_LEN + SUM_LEN);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(self.current);
        bytes.push(u8::try_from(self.keys.len()).expect("a ring must be small"));
        for (id, secret) in &self.keys {
            bytes.push(*id);
            bytes.extend_from_slice(secret);
        }
        // Against a torn or rotten disk; who can write to it can do anything anyway.
        bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
        bytes
    }

    /// Reads a ring.
    ///
    /// # Errors
    /// [`RingError`], for anything that [`encode`](Self::encode) did not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, RingError> {
        let Some((head, rest)) = bytes.split_at_checked(HEAD_LEN) else {
            return Err(if MAGIC.starts_with(bytes) || bytes.starts_with(&MAGIC) {
                RingError::Damaged("cut short")
            } else {
                RingError::Foreign
            });
        };
        if head[..8] != MAGIC {
            return Err(RingError::Foreign);
        }
        let (current, count) = (head[8], usize::from(head[9]));
        if count == 0 || count > KEYS_MAX || rest.len() != count * ENTRY_LEN + SUM_LEN {
            return Err(RingError::Damaged("wrong length"));
        }
        let (body, sum) = bytes.split_at(bytes.len() - SUM_LEN);
        if xxh3_64(body).to_le_bytes() != sum {
            return Err(RingError::Damaged("wrong checksum"));
        }
        let mut ring = Self { current, keys: Vec::with_capacity(count) };
        for entry in body[HEAD_LEN..].chunks_exact(ENTRY_LEN) {
            let secret = Secret::try_from(&entry[1..]).map_err(|_| RingError::Damaged("wrong length"))?;
            if ring.get(entry[0]).is_some() {
                return Err(RingError::Damaged("a number stands twice"));
            }
            ring.keys.push((entry[0], secret));
        }
        if ring.get(current).is_none() {
            return Err(RingError::Damaged("the current key is missing"));
        }
        Ok(ring)
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("current", &self.current)
            .field("ids", &self.ids().collect::<Vec<_>>())
            .finish()
    }
}
