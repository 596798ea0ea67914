//! The map under threads, its hasher, and what a lookup costs.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::env::Entropy;
use crate::ids::SessionId;

#[test]
fn a_value_is_found_replaced_and_taken_out() {
    let table = Table::new(1);
    assert!(table.is_empty());
    assert_eq!(table.insert("a".to_owned(), 1), None);
    assert_eq!(table.insert("a".to_owned(), 2), Some(1));
    assert_eq!(table.insert_if_absent("a".to_owned(), 3), Some(2));
    assert_eq!(table.insert_if_absent("b".to_owned(), 4), None);
    assert_eq!(table.get("a"), Some(2));
    assert!(table.contains("b"));
    assert_eq!(table.remove_if("a", |v| *v == 9), None);
    assert_eq!(table.remove_if("a", |v| *v == 2), Some(2));
    assert_eq!(table.remove("a"), None);
    assert_eq!((table.len(), table.keys_sorted()), (1, vec!["b".to_owned()]));
}

#[test]
fn the_hash_is_the_same_on_every_run_and_another_under_another_key() {
    let hash = |key: u64, id: u128| FixedHasher::new(key).hash_one(SessionId(id));
    assert_eq!(hash(7, 1), 105_446_368_027_954_532);
    assert_ne!(hash(7, 1), hash(8, 1));
    assert_ne!(hash(7, 1), hash(7, 2));
    assert_ne!(hash(7, 1), hash(7, 1 << 64));
    assert_ne!(FixedHasher::new(7).hash_one("ab"), FixedHasher::new(8).hash_one("ab"));
}

#[test]
fn ids_that_differ_little_spread_over_all_shards() {
    for key in [0, 1, u64::MAX, 0x9e37_79b9_7f4a_7c15] {
        let table = Table::new(key);
        for i in 0..256_000_u64 {
            table.insert(i, ());
        }
        let fullest = table.shards.iter().map(|s| s.read().len()).max().unwrap();
        let emptiest = table.shards.iter().map(|s| s.read().len()).min().unwrap();
        // 1,000 each on average; six standard deviations are 190.
        assert!(emptiest > 800 && fullest < 1_200, "key {key}: {emptiest}..{fullest}");
    }
}

#[test]
fn threads_that_race_for_one_key_have_one_winner() {
    let table = Table::new(3);
    let winners: usize = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..4)
            .map(|racer| {
                let table = &table;
                scope.spawn(move || {
                    (0..5_000_u64).filter(|k| table.insert_if_absent(*k, racer).is_none()).count()
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert_eq!((winners, table.len()), (5_000, 5_000));
    let removed: usize = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..5_000_u64).filter(|k| table.remove(k).is_some()).count()))
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert_eq!((removed, table.len()), (5_000, 0));
}

proptest! {
    #[test]
    fn it_answers_as_a_plain_map_does_under_any_hash_key(
        hash_key: u64,
        ops in prop::collection::vec((0..5_u8, 0..40_u16, any::<u8>()), 0..200),
    ) {
        let (table, mut model) = (Table::new(hash_key), BTreeMap::new());
        for (op, key, value) in ops {
            match op {
                0 => prop_assert_eq!(table.insert(key, value), model.insert(key, value)),
                1 => {
                    let present = model.get(&key).copied();
                    prop_assert_eq!(table.insert_if_absent(key, value), present);
                    model.entry(key).or_insert(value);
                }
                2 => prop_assert_eq!(table.remove(&key), model.remove(&key)),
                3 => {
                    let gone = model.get(&key).is_some_and(|v| *v < value).then(|| model.remove(&key)).flatten();
                    prop_assert_eq!(table.remove_if(&key, |v| *v < value), gone);
                }
                _ => prop_assert_eq!(table.get(&key), model.get(&key).copied()),
            }
        }
        prop_assert_eq!(table.keys_sorted(), model.keys().copied().collect::<Vec<_>>());
    }
}

/// `cargo test --release -p switchboard table -- --ignored --nocapture`
#[test]
#[ignore = "measures: needs a release build and a quiet machine"]
#[expect(clippy::disallowed_methods, reason = "a measurement reads the real clock")]
fn a_lookup_among_a_million_sessions_under_a_writer_is_below_a_microsecond() {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    const ENTRIES: usize = 1_000_000;
    let mut entropy = Entropy::from_seed([1; 32]);
    let ids: Vec<SessionId> = (0..ENTRIES).map(|_| SessionId(entropy.next_u128())).collect();
    let table = Table::with_capacity(entropy.next_u64(), ENTRIES);
    for (i, id) in ids.iter().enumerate() {
        table.insert(*id, i as u64);
    }
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut nanos, seconds) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut entropy = Entropy::from_seed([2; 32]);
            while !stop.load(Ordering::Relaxed) {
                let id = ids[entropy.below(ENTRIES as u64) as usize];
                let value = table.remove(&id).unwrap_or_default();
                table.insert(id, value);
                written.fetch_add(2, Ordering::Relaxed);
            }
        });
        let begun = std::time::Instant::now();
        let mut nanos = Vec::with_capacity(2_000_000);
        for _ in 0..2_000_000 {
            let id = ids[entropy.below(ENTRIES as u64) as usize];
            let asked = std::time::Instant::now();
            std::hint::black_box(table.get(&id));
            nanos.push(asked.elapsed().as_nanos() as u64);
        }
        stop.store(true, Ordering::Relaxed);
        (nanos, begun.elapsed().as_secs_f64())
    });
    nanos.sort_unstable();
    let at = |permille: usize| nanos[(nanos.len() - 1) * permille / 1000];
    println!(
        "1M entries, {:.1} M writes/s: get p50 {} ns, p99 {} ns, p99.9 {} ns, max {} ns (clock reads included)",
        written.load(Ordering::Relaxed) as f64 / seconds / 1e6,
        at(500),
        at(990),
        at(999),
        at(1000),
    );
    assert!(at(990) < 1_000);
}
