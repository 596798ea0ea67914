//! Randomness: 32 bytes from the operating system per boot, and from them one independent stream per ask.
//!
//! The seed of a stream is a function of (root, label, ordinal). The ordinal counts every ask of this boot, so no two
//! streams share a seed even under the same label; the root is drawn anew at each boot and kept nowhere, so a restart
//! repeats nothing either.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use switchboard::env::Entropy;

/// The secret that all randomness of one boot grows from.
pub(super) struct Root {
    key: [u8; 32],
    asked: AtomicU64,
}

impl Root {
    /// Draws the key from the operating system, which waits until its own pool is seeded.
    pub(super) fn draw() -> io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self { key, asked: AtomicU64::new(0) })
    }

    /// A stream that was never given out before.
    pub(super) fn stream(&self, label: &str) -> Entropy {
        let ordinal = self.asked.fetch_add(1, Ordering::Relaxed);
        // A cascade: each step keys the cipher anew and uses one word as its stream number, so every word decides about
        // all of the seed. The length comes first, hence no input is the beginning of another.
        let bytes = label.as_bytes();
        let mut seed = step(self.key, u64::try_from(bytes.len()).expect("a length must fit in 64 bits"));
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            seed = step(seed, u64::from_le_bytes(word));
        }
        Entropy::from_seed(step(seed, ordinal))
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Root(..)")
    }
}

fn step(key: [u8; 32], word: u64) -> [u8; 32] {
    let mut cipher = ChaCha20Rng::from_seed(key);
    cipher.set_stream(word);
    let mut next = [0; 32];
    cipher.fill_bytes(&mut next);
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(byte: u8) -> Root {
        Root { key: [byte; 32], asked: AtomicU64::new(0) }
    }

    #[test]
    fn a_stream_is_a_function_of_root_label_and_ordinal() {
        assert_eq!(root(1).stream("ids").next_u64(), root(1).stream("ids").next_u64());
        assert_ne!(root(1).stream("ids").next_u64(), root(2).stream("ids").next_u64());
        assert_ne!(root(1).stream("ids").next_u64(), root(1).stream("idt").next_u64());
        // Zero padding of the last word must not make two labels one.
        assert_ne!(root(1).stream("ids").next_u64(), root(1).stream("ids\0").next_u64());
        let twice = root(1);
        assert_ne!(twice.stream("ids").next_u64(), twice.stream("ids").next_u64());
    }
}
