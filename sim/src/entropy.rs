//! Where randomness comes from: everything grows from one root seed by a path of labels, so that a draw in one place
//! never shifts another place.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use switchboard::env::Entropy;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// The seed of the stream at this path below the root.
pub(crate) fn seed_at(root: u64, path: &[&[u8]]) -> [u8; 32] {
    let mut text = Vec::with_capacity(64);
    text.extend_from_slice(&root.to_le_bytes());
    for part in path {
        text.extend_from_slice(&(part.len() as u64).to_le_bytes());
        text.extend_from_slice(part);
    }
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(&xxh3_128_with_seed(&text, 0).to_le_bytes());
    seed[16..].copy_from_slice(&xxh3_128_with_seed(&text, 1).to_le_bytes());
    seed
}

/// How often each label was asked for in one boot of a node.
#[derive(Debug, Default)]
pub(crate) struct Asked(BTreeMap<String, u64>);

impl Asked {
    /// The stream that this boot is given as it asks for a label once more, and how often it did so far. The same in every world.
    pub(crate) fn next(&mut self, root: u64, node: &str, boot: u32, label: &str) -> (Entropy, u64) {
        let asked = self.0.entry(label.to_owned()).or_default();
        *asked += 1;
        let (boot, ordinal) = (boot.to_le_bytes(), asked.to_le_bytes());
        let path = [b"node", node.as_bytes(), &boot, label.as_bytes(), &ordinal];
        (Entropy::from_seed(seed_at(root, &path)), *asked)
    }
}

/// A stream of decisions of one part of the kernel. It counts its draws: the counts go into the trace hash.
pub(crate) struct Draws {
    rng: ChaCha8Rng,
    count: u64,
}

impl Draws {
    pub(crate) fn new(root: u64, part: &str) -> Self {
        Self { rng: ChaCha8Rng::from_seed(seed_at(root, &[b"kernel", part.as_bytes()])), count: 0 }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.count += 1;
        self.rng.next_u64()
    }

    /// A number in `0..bound`; 0 where the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        scale(self.next(), bound)
    }

    /// True with probability `ppm` in a million. Draws nothing where the answer is certain.
    pub(crate) fn chance_ppm(&mut self, ppm: u32) -> bool {
        ppm > 0 && (ppm >= 1_000_000 || self.below(1_000_000) < u64::from(ppm))
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }
}

/// Maps a uniform 64-bit number onto `0..bound`.
pub(crate) fn scale(number: u64, bound: u64) -> u64 {
    u64::try_from((u128::from(number) * u128::from(bound)) >> 64)
        .expect("the high half of a product must fit")
}
