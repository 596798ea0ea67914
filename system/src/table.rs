//! A concurrent map for ids: many readers, some writers, one lock for each of 256 shards.
//!
//! It is not a collection to walk. The order inside a hash table is an accident of keys and hasher; code that iterated it
//! would replay differently under another hash key, so there is no iterator at all: [`Table::keys_sorted`] is for
//! tests, checkers and shutdown.
//!
//! The hasher's key is part of the table. A node draws it from its entropy, so that nobody outside can aim at one shard
//! (whoever guesses the key can); a simulation runs the same seed under two keys and expects the same trace.
//!
//! Values come back as clones: keep `V` an `Arc` or small. Values and keys are dropped outside the lock of their shard.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

#[cfg(test)]
mod tests;

const SHARDS: usize = 256;

/// One lock and its part of the entries, on cache lines of its own: writers of one shard must not slow readers of the next.
#[repr(align(128))]
struct Shard<K, V>(RwLock<HashMap<K, V, FixedHasher>>);

/// A concurrent map. See the [module](self) page.
pub struct Table<K, V> {
    shards: Box<[Shard<K, V>]>,
    hasher: FixedHasher,
}

impl<K, V> Table<K, V>
where
    K: Eq + Hash,
    V: Clone,
{
    /// An empty table whose hasher has this key.
    #[must_use]
    pub fn new(hash_key: u64) -> Self {
        Self::with_capacity(hash_key, 0)
    }

    /// The same, with room for `entries`: a shard that grows holds its writers and readers up while it moves.
    #[must_use]
    pub fn with_capacity(hash_key: u64, entries: usize) -> Self {
        let hasher = FixedHasher::new(hash_key);
        // A quarter above the mean: shards fill unevenly.
        let each = (entries + entries / 4).div_ceil(SHARDS);
        let shard = || Shard(RwLock::new(HashMap::with_capacity_and_hasher(each, hasher)));
        Self { shards: std::iter::repeat_with(shard).take(SHARDS).collect(), hasher }
    }

    /// The value of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.read(key).get(key).cloned()
    }

    /// Whether there is such a key.
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.read(key).contains_key(key)
    }

    /// Puts a value, and returns the one that stood there.
    pub fn insert(&self, key: K, value: V) -> Option<V> {
        self.write(&key).insert(key, value)
    }

    /// Puts a value unless the key has one; then nothing changes, and the value that stands there is returned.
    pub fn insert_if_absent(&self, key: K, value: V) -> Option<V> {
        let mut shard = self.write(&key);
        if let Some(present) = shard.get(&key) {
            return Some(present.clone());
        }
        shard.insert(key, value);
        None
    }

    /// Takes a value out.
    pub fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.remove_if(key, |_| true)
    }

    /// Takes a value out if `condition` holds of it, as one step.
    pub fn remove_if<Q>(&self, key: &Q, condition: impl FnOnce(&V) -> bool) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let mut shard = self.write(key);
        if !shard.get(key).is_some_and(condition) {
            return None;
        }
        let entry = shard.remove_entry(key);
        drop(shard);
        entry.map(|(_, value)| value)
    }

    /// How many entries there are: the sum over all shards, each at its own moment. For metrics and limits with slack.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// Whether it is empty, in the same sense as [`len`](Self::len).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.read().is_empty())
    }

    /// Every key, in order. Costs a copy of all keys: for tests, checkers and shutdown.
    #[must_use]
    pub fn keys_sorted(&self) -> Vec<K>
    where
        K: Ord + Clone,
    {
        let mut keys = Vec::with_capacity(self.len());
        for shard in &self.shards {
            keys.extend(shard.read().keys().cloned());
        }
        keys.sort_unstable();
        keys
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> &Shard<K, V> {
        // hashbrown finds the bucket by the low bits and compares the top seven; these eight lie between.
        let bits = (self.hasher.hash_one(key) >> 48) & (SHARDS as u64 - 1);
        &self.shards[usize::try_from(bits).expect("a shard number must fit")]
    }

    fn read<Q: Hash + ?Sized>(&self, key: &Q) -> RwLockReadGuard<'_, HashMap<K, V, FixedHasher>> {
        self.shard(key).read()
    }

    fn write<Q: Hash + ?Sized>(&self, key: &Q) -> RwLockWriteGuard<'_, HashMap<K, V, FixedHasher>> {
        // Only a panic inside of hashbrown, of a key's Eq or of a value's Clone could poison it; none leaves an entry half made.
        self.shard(key).0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Shard<K, V> {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<K, V, FixedHasher>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> std::fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

/// A hasher whose key is given: the same numbers on every run and every platform.
///
/// Integers, which ids are, take one folded multiplication each; byte strings take xxh3.
#[derive(Clone, Copy, Debug)]
pub struct FixedHasher {
    key: u64,
}

impl FixedHasher {
    /// The hasher with this key.
    #[must_use]
    pub const fn new(key: u64) -> Self {
        Self { key }
    }
}

impl BuildHasher for FixedHasher {
    type Hasher = FixedState;

    fn build_hasher(&self) -> FixedState {
        // The constant (of the golden ratio) keeps key 0 from making a zero state.
        FixedState { state: self.key ^ 0x9e37_79b9_7f4a_7c15, key: self.key }
    }
}

/// A hash under way.
#[derive(Clone, Debug)]
pub struct FixedState {
    state: u64,
    key: u64,
}

/// The halves of the full product, folded: every bit of either factor reaches every bit of the outcome.
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl Hasher for FixedState {
    fn finish(&self) -> u64 {
        folded(self.state, 0xd6e8_feb8_6659_fd93)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.write_u64(xxh3_64_with_seed(bytes, self.key));
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.state = folded(self.state ^ number, 0xa076_1d64_78bd_642f).wrapping_add(self.key);
    }

    fn write_u128(&mut self, number: u128) {
        self.write_u64(number as u64);
        self.write_u64((number >> 64) as u64);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}
