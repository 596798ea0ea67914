//! Bytes from outside.

use proptest::prelude::*;

use super::*;

fn furnished() -> Bench {
    let mut bench = Bench::new(small());
    bench.apply(open(1));
    bench.apply(open(2));
    bench.apply(Command::Subscribe { id: SessionId(1), uri: "x:1".into() });
    let stream = bench.open_stream(1, 1, 1);
    bench.apply(append(1, stream, 1, &["a", "b"], true, 0));
    bench.open_stream(1, 2, 1);
    bench.apply(offer(2, Some("tools"), "t"));
    bench.apply(create(1, ANN, executor(2, 1)));
    bench.apply(create(2, BOB, executor(3, 1)));
    let ask = task::Action::Ask { key: "k".into(), request: raw("{}") };
    bench.apply(act(2, BOB, ask));
    bench.apply(Command::Tasks(task::Command::Redeem { id: task::RedemptionId(1), ttl_ms: 20 }));
    bench.apply(gone(3, 1));
    bench.apply(end(2));
    bench
}

#[test]
fn a_snapshot_restores_to_the_same_state() {
    let bench = furnished();
    let bytes = bench.group.snapshot();
    let restored = Group::restore(small(), &bytes).expect("a snapshot must restore");
    restored.assert_whole();
    assert_eq!(restored.snapshot(), bytes);
    assert_eq!(restored.next_due(), bench.group.next_due());
}

#[test]
fn damaged_bytes_are_refused_or_sound_and_never_panic() {
    let bytes = furnished().group.snapshot();
    assert!(matches!(Group::restore(small(), &[]), Err(SnapshotError::Wire(WireError::Version(None)))));
    for at in 0..bytes.len() {
        assert!(Group::restore(small(), &bytes[..at]).is_err(), "a part is no whole");
        for flip in [1, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let Ok(mut group) = Group::restore(small(), &damaged) else { continue };
            group.assert_whole();
            for command in [Command::Expire, gone(2, 9), end(1), create(9, ANN, executor(9, 9))] {
                group.apply(Entry { now_ms: 5_000, request: RequestId(99), command });
                group.assert_whole();
            }
        }
    }
}

#[test]
fn what_is_larger_than_the_bounds_is_refused() {
    let bytes = furnished().group.snapshot();
    let tight = Bounds { tombstones_max: 0, sessions_max: 1, ..small() };
    assert!(matches!(Group::restore(tight, &bytes), Err(SnapshotError::Unsound(_))));
}

#[test]
fn entries_and_replies_survive_the_wire_and_nothing_else_is_taken_for_one() {
    let mut bench = Bench::new(small());
    for command in [
        open(1),
        open_stream(1, r#""a""#, executor(1, 2)),
        append(1, StreamId(1), 1, &["a"], true, 1),
        offer(1, Some("t"), "x"),
        Command::ListsChanged { version: 1, notices: vec![("t".into(), text("x"))] },
        gone(1, 2),
        create(1, ANN, executor(1, 3)),
        act(1, ANN, task::Action::Get),
        act(1, ANN, task::Action::Answer(vec![("k".into(), raw(r#"{"a":[1.5,"é"]}"#))])),
    ] {
        let entry = bench.entry(command);
        let bytes = entry.encode();
        assert_eq!(Entry::decode(&bytes), Ok(entry.clone()));
        let longer = [&bytes[..], b"x"].concat();
        assert_eq!(Entry::decode(&longer), Err(WireError::Trailing(1)));
        let reply = bench.group.apply(entry);
        assert_eq!(Reply::decode(&reply.encode()), Ok(reply));
    }
    assert_eq!(Entry::decode(&[9, 0]), Err(WireError::Version(Some(9))));
}

#[test]
fn text_that_is_no_json_does_not_get_in_as_json() {
    let mut bench = Bench::new(small());
    let bytes = bench.entry(open_stream(1, r#""quoted""#, executor(1, 1))).encode();
    let at = bytes.windows(8).position(|part| part == b"\"quoted\"").expect("the text must be there");
    let mut damaged = bytes.to_vec();
    damaged[at] = b'q';
    assert!(matches!(Entry::decode(&damaged), Err(WireError::Damaged(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_no_entry_that_panics(noise in prop::collection::vec(any::<u8>(), 0..80)) {
        let bytes = [&[1][..], &noise].concat();
        let _ = Reply::decode(&bytes);
        let _ = Group::restore(small(), &bytes);
        if let Ok(entry) = Entry::decode(&bytes) {
            let mut group = Group::new(small());
            group.apply(entry);
            group.assert_whole();
        }
    }
}
