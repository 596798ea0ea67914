//! What opens, what does not, and what opening costs.

use proptest::prelude::*;

use super::*;
use crate::env::WallTime;
use crate::ids::{SessionId, TaskId};

fn entropy(n: u8) -> Entropy {
    Entropy::from_seed([n; 32])
}

fn keys() -> Keys {
    Keys::new(Ring::generate(&mut entropy(1)), entropy(2))
}

fn session() -> SessionTicket {
    SessionTicket {
        tenant: 7,
        principal: Principal(u64::MAX),
        id: SessionId(1 << 100 | 5),
        revision: 4,
        capabilities: 0b1011,
        created: WallTime::from_unix_ms(1_764_000_000_123),
    }
}

fn task() -> TaskTicket {
    TaskTicket {
        tenant: 0,
        principal: Principal(3),
        id: TaskId(u128::MAX - 1),
        created: WallTime::from_unix_ms(5),
    }
}

#[test]
fn a_ticket_comes_back_as_it_went_out_in_visible_ascii() {
    let keys = keys();
    let (session, task) = (session(), task());
    let (session_text, task_text) = (session.seal(&keys), task.seal(&keys));
    assert_eq!(SessionTicket::open(&keys, &session_text), Some(session));
    assert_eq!(TaskTicket::open(&keys, &task_text), Some(task));
    assert_eq!((session_text.len(), task_text.len()), (112, 106));
    assert!(session_text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
}

#[test]
fn no_part_of_a_text_can_be_changed_cut_or_spelt_otherwise() {
    let keys = keys();
    let text = session().seal(&keys);
    for place in 0..text.len() {
        for other in ["A", "B", "_", "=", "+", "\u{e9}", ""] {
            let mut changed = text.clone();
            changed.replace_range(place..=place, other);
            if changed != text {
                assert_eq!(SessionTicket::open(&keys, &changed), None, "{place} {other}");
            }
        }
        assert_eq!(SessionTicket::open(&keys, &text[..place]), None);
    }
    for wrong in ["=", "==", "A", "AA", "AAAA", " ", "\n"] {
        assert_eq!(SessionTicket::open(&keys, &format!("{text}{wrong}")), None);
        assert_eq!(SessionTicket::open(&keys, &format!("{wrong}{text}")), None);
    }
    assert_eq!(SessionTicket::open(&keys, &"A".repeat(1 << 20)), None);
    // The last character of 86 bytes carries four bits of its own and two that must be zero.
    let last = text.as_bytes()[text.len() - 1];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = alphabet.iter().position(|b| *b == last).unwrap();
    assert_eq!(value % 4, 0);
    for stray in 1..4 {
        let mut respelt = text.clone();
        respelt.replace_range(text.len() - 1.., &char::from(alphabet[value + stray]).to_string());
        assert_eq!(SessionTicket::open(&keys, &respelt), None);
    }
}

#[test]
fn a_text_opens_for_its_own_purpose_alone() {
    let keys = keys();
    let all = [Purpose::Session, Purpose::Task, Purpose::RequestState, Purpose::Cursor];
    for sealed_for in all {
        let text = keys.seal(sealed_for, b"content").unwrap();
        for opened_for in all {
            let expect = (sealed_for == opened_for).then(|| b"content".to_vec());
            assert_eq!(keys.open(opened_for, &text), expect);
        }
    }
    assert_eq!(TaskTicket::open(&keys, &session().seal(&keys)), None);
}

#[test]
fn each_purpose_has_its_own_longest_text() {
    let keys = keys();
    for purpose in [Purpose::Session, Purpose::Task, Purpose::RequestState, Purpose::Cursor] {
        let len_max = purpose.content_len_max();
        let longest = vec![7; len_max];
        let text = keys.seal(purpose, &longest).unwrap();
        assert!(text.len() <= purpose.text_len_max());
        assert_eq!(keys.open(purpose, &text), Some(longest));
        let one_more = keys.seal(purpose, &vec![7; len_max + 1]);
        assert_eq!(one_more, Err(TooLong { len: len_max + 1, len_max }));
    }
    assert_eq!(keys.open(Purpose::Cursor, &keys.seal(Purpose::Cursor, b"").unwrap()), Some(vec![]));
}

#[test]
fn a_key_opens_until_it_is_retired() {
    let keys = keys();
    let old = session().seal(&keys);
    let mut ring = keys.ring();
    let id = ring.add([9; 32]).unwrap();
    keys.install(ring.clone());
    let still_old = session().seal(&keys);
    assert!(ring.make_current(id));
    keys.install(ring.clone());
    let new = session().seal(&keys);
    for text in [&old, &still_old, &new] {
        assert_eq!(SessionTicket::open(&keys, text), Some(session()));
    }
    assert!(!ring.retire(id), "the current key must stay");
    assert!(ring.retire(1));
    keys.install(ring);
    assert_eq!(SessionTicket::open(&keys, &old), None);
    assert_eq!(SessionTicket::open(&keys, &still_old), None);
    assert_eq!(SessionTicket::open(&keys, &new), Some(session()));
}

#[test]
fn a_node_that_is_behind_tells_the_next_keys_from_those_that_are_gone() {
    let keys = keys();
    let behind = Keys::new(keys.ring(), entropy(3));
    let mut ring = keys.ring();
    for secret in 0..9 {
        let id = ring.add([secret; 32]).expect("there must be room");
        ring.make_current(id);
        keys.install(ring.clone());
        let text = session().seal(&keys);
        assert!(SessionTicket::open(&behind, &text).is_none());
        assert_eq!(behind.is_ahead(&text), secret < 8, "so far ahead it never is");
        assert!(!keys.is_ahead(&text));
        let oldest = ring.ids().next().expect("a ring must hold a key");
        ring.retire(oldest);
    }
    let old = session().seal(&behind);
    assert!(SessionTicket::open(&keys, &old).is_none() && !keys.is_ahead(&old), "its key is gone for good");
    for text in ["", "AQ", "AQI", "nonsense", "ÄÖÜäöüß", "____"] {
        assert!(!behind.is_ahead(text), "{text:?}");
    }
}

#[test]
fn key_numbers_go_round_without_meeting_a_key_that_is_still_there() {
    let mut ring = Ring::of([0; 32]);
    for round in 0..600_u16 {
        let id = ring.add([u8::try_from(round % 256).unwrap(); 32]).unwrap();
        assert!(ring.make_current(id));
        if round % 5 == 0 {
            let second = ring.ids().nth(1).unwrap();
            assert!(ring.get(second).is_some());
        }
        while ring.ids().count() > 3 {
            let oldest = ring.ids().next().unwrap();
            assert!(ring.retire(oldest));
        }
    }
    while ring.ids().count() < KEYS_MAX {
        ring.add([1; 32]).unwrap();
    }
    assert_eq!(ring.add([1; 32]), None);
}

#[test]
fn secrets_are_not_printed() {
    let printed = format!("{:?}", keys());
    assert_eq!(printed, "Keys { ring: Ring { current: 1, ids: [1] }, .. }");
}

proptest! {
    #[test]
    fn any_text_from_outside_is_refused_without_a_panic(text in ".{0,200}", blob in prop::collection::vec(any::<u8>(), 0..140)) {
        let keys = keys();
        let coded = URL_SAFE_NO_PAD.encode(&blob);
        for purpose in [Purpose::Session, Purpose::Task, Purpose::RequestState, Purpose::Cursor] {
            prop_assert_eq!(keys.open(purpose, &text), None);
            prop_assert_eq!(keys.open(purpose, &coded), None);
        }
        prop_assert_eq!(SessionTicket::open(&keys, &coded), None);
        prop_assert_eq!(TaskTicket::open(&keys, &text), None);
        prop_assert!(Ring::decode(&blob).is_err());
    }
}

/// `cargo test --release -p switchboard seal -- --ignored --nocapture`
///
/// Measured with the libraries' own choice of code: open 1.4 µs, of which poly1305's AVX2 code takes 0.95 µs to set itself
/// up, whatever the length. The flags `--cfg poly1305_backend="soft" --cfg chacha20_backend="soft"` bring the cipher
/// from 1.40 to 0.29 µs, and the whole to about a third of a microsecond.
#[test]
#[ignore = "measures: needs a release build and a quiet machine"]
#[expect(clippy::disallowed_methods, reason = "a measurement reads the real clock")]
fn what_opening_a_session_id_costs() {
    // The best of many short batches: what the work costs, not what a busy machine adds.
    const BATCHES: usize = 2_000;
    const ROUNDS: u32 = 200;
    let keys = keys();
    let text = session().seal(&keys);
    let per_call = |act: &mut dyn FnMut()| {
        let mut batches: Vec<_> = (0..BATCHES)
            .map(|_| {
                let begun = std::time::Instant::now();
                (0..ROUNDS).for_each(|_| act());
                begun.elapsed() / ROUNDS
            })
            .collect();
        batches.sort_unstable();
        batches[BATCHES / 10]
    };
    let open = per_call(&mut || assert!(SessionTicket::open(&keys, std::hint::black_box(&text)).is_some()));
    let mut forged = text.clone();
    forged.replace_range(60..61, if &text[60..61] == "A" { "B" } else { "A" });
    let refuse =
        per_call(&mut || assert!(SessionTicket::open(&keys, std::hint::black_box(&forged)).is_none()));
    let seal = per_call(&mut || drop(std::hint::black_box(session().seal(&keys))));
    println!("session id: open {open:?}, refuse {refuse:?}, seal {seal:?}");
    // From a name to the group that owns it, one by one.
    let names: Vec<String> =
        (0..1_000).map(|id| SessionTicket { id: SessionId(id), ..session() }.seal(&keys)).collect();
    let mut each: Vec<_> = (names.iter().cycle().take(500_000))
        .map(|name| {
            let begun = std::time::Instant::now();
            let ticket = SessionTicket::open(&keys, std::hint::black_box(name)).expect("ours must open");
            std::hint::black_box(group_of(ticket.id.slot(), 256));
            begun.elapsed()
        })
        .collect();
    each.sort_unstable();
    let [half, most] = [50, 99].map(|percent| each[each.len() * percent / 100]);
    println!("session id to its owner: p50 {half:?}, p99 {most:?} (clock reads included)");
}
