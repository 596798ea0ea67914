//! Random numbers that a seed can replay: a ChaCha stream per purpose.

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

/// One independent stream of random numbers, handed out by [`Env::entropy`](crate::env::Env::entropy).
///
/// ChaCha12: unpredictable from its output, so ids and keys may be drawn from it, and the same on every platform.
#[derive(Clone)]
pub struct Entropy(ChaCha12Rng);

impl Entropy {
    /// The stream of this seed. Worlds call this; a node asks its world for a stream.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// A uniform 64-bit number.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A uniform 128-bit number.
    pub fn next_u128(&mut self) -> u128 {
        u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64())
    }

    /// Fills `bytes` with random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// A number in `0..bound`, without a float and with a bias under 2⁻⁶⁴ · bound (Lemire's multiplication).
    /// `bound` must not be zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a range must hold at least one number");
        let wide = u128::from(self.0.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the high half of a product must fit")
    }

    /// True with probability `n` in `d`.
    pub fn chance(&mut self, n: u64, d: u64) -> bool {
        self.below(d) < n
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy(..)")
    }
}
