//! One promise at a time.

use super::*;

fn read(bench: &Bench, stream: StreamId, after: u64) -> Read {
    bench.group.read(SessionId(1), stream, after, 1 << 20)
}

fn events(of: &[(u64, &str)]) -> Read {
    Read::Events(of.iter().map(|(sequence, data)| (*sequence, text(data))).collect())
}

fn opened() -> Bench {
    let mut bench = Bench::new(small());
    assert_eq!(bench.apply(open(1)), Reply::Done);
    bench.changes();
    bench
}

#[test]
fn a_client_that_comes_back_gets_exactly_what_it_missed() {
    let mut bench = opened();
    let stream = bench.open_stream(1, 1, 1);
    assert_eq!(read(&bench, stream, 0), Read::Wait);
    assert_eq!(bench.apply(append(1, stream, 1, &["a", "b"], false, 0)), Reply::Appended { next: 3 });
    assert_eq!(bench.apply(append(1, stream, 3, &["c"], true, 1)), Reply::Appended { next: 4 });
    assert_eq!(read(&bench, stream, 0), events(&[(1, "a"), (2, "b"), (3, "c")]));
    assert_eq!(read(&bench, stream, 1), events(&[(2, "b"), (3, "c")]));
    assert_eq!(
        bench.group.read(SessionId(1), stream, 1, 1),
        events(&[(2, "b")]),
        "at least one, at most so many"
    );
    assert_eq!(read(&bench, stream, 3), Read::Finished);
    assert_eq!(
        read(&bench, stream, 4),
        Read::Gap { oldest: 1 },
        "an event that never was is no place to go on from"
    );
    assert_eq!(read(&bench, StreamId(9), 0), Read::NoSuchStream);
    assert_eq!(bench.group.read(SessionId(2), stream, 0, 1), Read::NoSuchSession);
}

#[test]
fn an_executor_that_repeats_itself_changes_nothing_and_a_hole_is_refused() {
    let mut bench = opened();
    let stream = bench.open_stream(1, 1, 1);
    bench.apply(append(1, stream, 1, &["a", "b"], false, 0));
    assert_eq!(bench.apply(append(1, stream, 1, &["a", "b"], false, 0)), Reply::Appended { next: 3 });
    assert_eq!(bench.apply(append(1, stream, 4, &["d"], true, 0)), Reply::Refused(Refusal::Hole { next: 3 }));
    assert_eq!(bench.apply(append(1, stream, 2, &["b", "c"], true, 0)), Reply::Appended { next: 4 });
    assert_eq!(bench.apply(append(1, stream, 3, &["c"], true, 0)), Reply::Appended { next: 4 });
    assert_eq!(bench.apply(append(1, stream, 4, &["d"], false, 0)), Reply::Refused(Refusal::Finished));
    assert_eq!(read(&bench, stream, 0), events(&[(1, "a"), (2, "b"), (3, "c")]));
    let foreign = append(1, StreamId(0), 1, &["x"], false, 0);
    assert_eq!(
        bench.apply(foreign),
        Reply::Refused(Refusal::NoStream),
        "the standalone stream has no one executor"
    );
}

#[test]
fn what_was_handed_out_goes_first_and_what_was_not_goes_only_at_the_hard_bound() {
    let mut bench = opened();
    let stream = bench.open_stream(1, 1, 1);
    bench.apply(append(1, stream, 1, &["a", "b", "c", "d"], false, 0));
    assert_eq!(read(&bench, stream, 0), events(&[(1, "a"), (2, "b"), (3, "c"), (4, "d")]));
    bench.apply(append(1, stream, 5, &["e"], false, 4));
    assert_eq!(read(&bench, stream, 0), Read::Gap { oldest: 2 }, "of four that were taken three are kept");
    assert_eq!(read(&bench, stream, 1), events(&[(2, "b"), (3, "c"), (4, "d"), (5, "e")]));
    bench.apply(append(1, stream, 6, &["f", "g", "h"], false, 0));
    assert_eq!(read(&bench, stream, 1), Read::Gap { oldest: 3 });
}

#[test]
fn a_topic_stands_once_and_its_hole_is_no_gap() {
    let mut bench = opened();
    bench.apply(offer(1, Some("tools"), "t1"));
    bench.apply(offer(1, None, "log"));
    bench.apply(offer(1, Some("prompts"), "p1"));
    bench.apply(offer(1, Some("tools"), "t2"));
    assert_eq!(read(&bench, StreamId(0), 0), events(&[(2, "log"), (3, "p1"), (4, "t2")]));
    assert_eq!(read(&bench, StreamId(0), 1), events(&[(2, "log"), (3, "p1"), (4, "t2")]));
    assert_eq!(read(&bench, StreamId(0), 4), Read::Wait);
}

#[test]
fn a_list_change_is_told_once_to_everyone_and_an_update_to_who_subscribed() {
    let mut bench = opened();
    bench.apply(open(2));
    let uri: Arc<str> = "x:1".into();
    bench.apply(Command::Subscribe { id: SessionId(2), uri: uri.clone() });
    assert_eq!(
        bench.changes(),
        [
            Change::SessionOpened(SessionId(2)),
            Change::InterestGained(uri.clone()),
            Change::SessionChanged(SessionId(2))
        ]
    );
    let lists = |version| Command::ListsChanged { version, notices: vec![("tools".into(), text("t"))] };
    assert_eq!(bench.apply(lists(5)), Reply::Done);
    let told = |id| Change::StreamChanged(SessionId(id), StreamId(0));
    assert_eq!(bench.changes(), [told(1), told(2)]);
    assert_eq!(bench.apply(lists(5)), Reply::Done);
    assert_eq!(bench.apply(lists(4)), Reply::Done);
    assert_eq!(bench.changes(), []);
    bench.apply(Command::ResourceUpdated { uri: uri.clone(), data: text("u") });
    assert_eq!(bench.changes(), [told(2)]);
    assert_eq!(bench.group.subscribers("x:1"), 1);
    bench.apply(end(2));
    assert_eq!(
        bench.changes(),
        [Change::InterestLost(uri), told(2), Change::SessionEnded { id: SessionId(2), reason: 7 }]
    );
    assert_eq!(bench.group.interest().count(), 0);
}

#[test]
fn when_an_executor_is_gone_its_calls_end_with_an_error_and_its_tasks_fail() {
    let mut bench = opened();
    let old = bench.open_stream(1, 1, 4);
    let new = bench.open_stream(1, 1, 5);
    bench.apply(create(1, ANN, executor(1, 4)));
    bench.apply(create(2, ANN, executor(1, 5)));
    bench.apply(append(1, old, 1, &["a"], false, 0));
    bench.changes();
    assert_eq!(bench.apply(gone(1, 4)), Reply::Done);
    let error = format!(r#"{{"jsonrpc":"2.0","id":2,"error":{ERROR}}}"#);
    assert_eq!(read(&bench, old, 0), events(&[(1, "a"), (2, &error)]));
    assert_eq!(read(&bench, old, 2), Read::Finished);
    assert_eq!(read(&bench, new, 0), Read::Wait);
    let status = |id| bench.group.tasks().get(ANN, TaskId(id)).map(|task| task.status());
    assert_eq!((status(1), status(2)), (Some(task::Status::Failed), Some(task::Status::Working)));
    let changes = bench.changes();
    assert!(matches!(changes[..], [Change::StreamChanged(_, stream), Change::Task(_)] if stream == old));
    // Who is taken to be gone and is not learns of it, and cannot begin anything.
    assert_eq!(bench.apply(append(1, old, 2, &["b"], true, 0)), Reply::Refused(Refusal::Abandoned));
    assert_eq!(bench.apply(open_stream(1, "9", executor(1, 3))), Reply::Refused(Refusal::ExecutorGone));
    let late = bench.apply(create(3, ANN, executor(1, 4)));
    assert_eq!(late, Reply::Tasks(task::Reply::Refused(task::Refusal::ExecutorGone)));
    assert_eq!(bench.group.streams_of(executor(1, 5)).collect::<Vec<_>>(), [(SessionId(1), new)]);
    bench.changes();
    assert_eq!(bench.apply(gone(1, 4)), Reply::Done);
    assert_eq!(bench.changes(), []);
}

#[test]
fn a_batch_whose_executor_is_gone_gets_an_error_for_what_was_not_answered() {
    let mut bench = opened();
    let requests = vec![raw("1"), raw(r#""1""#)];
    let batch = Command::OpenStream { id: SessionId(1), requests, executor: executor(1, 1) };
    assert_eq!(bench.apply(batch), Reply::Stream(StreamId(1)));
    assert_eq!(bench.group.find(SessionId(1), &raw("1")), Some((StreamId(1), executor(1, 1))));
    assert_eq!(bench.apply(open_stream(1, "1", executor(2, 1))), Reply::Refused(Refusal::DuplicateId));
    bench.apply(Command::Append {
        id: SessionId(1),
        stream: StreamId(1),
        first: 1,
        events: vec![text("answer")],
        answered: vec![raw("1")],
        finish: false,
        taken: 0,
    });
    assert_eq!(bench.group.find(SessionId(1), &raw("1")), None);
    bench.apply(gone(1, 1));
    let error = format!(r#"{{"jsonrpc":"2.0","id":"1","error":{ERROR}}}"#);
    assert_eq!(read(&bench, StreamId(1), 0), events(&[(1, "answer"), (2, &error)]));
    assert_eq!(bench.group.find(SessionId(1), &raw(r#""1""#)), None);
}

#[test]
fn a_session_that_ended_is_not_begun_by_a_late_copy() {
    let mut bench = opened();
    assert_eq!(bench.apply(open(1)), Reply::Done, "the same again is no error");
    let other = Command::Open { id: SessionId(1), principal: BOB, client: Bytes::new() };
    assert_eq!(bench.apply(other), Reply::Refused(Refusal::Exists));
    assert_eq!(bench.group.record(SessionId(1), BOB), None);
    assert_eq!(bench.apply(end(1)), Reply::Done);
    assert_eq!(bench.apply(end(1)), Reply::Done);
    assert_eq!(bench.apply(open(1)), Reply::Refused(Refusal::Ended));
    assert_eq!(bench.apply(offer(1, None, "x")), Reply::Refused(Refusal::Ended));
    assert_eq!(bench.group.next_due().map(|due| due.unix_ms()), Some(1_100));
    bench.now_ms = 1_100;
    assert_eq!(bench.apply(Command::Expire), Reply::Expired { more: false });
    assert_eq!(bench.apply(end(1)), Reply::Refused(Refusal::NoSession));
}

#[test]
fn the_oldest_finished_stream_makes_room_and_a_stream_in_use_does_not() {
    let mut bench = opened();
    let first = bench.open_stream(1, 1, 1);
    let second = bench.open_stream(1, 1, 1);
    let third = open_stream(1, r#""third""#, executor(1, 1));
    assert_eq!(bench.apply(third.clone()), Reply::Refused(Refusal::TooManyStreams));
    bench.apply(append(1, second, 1, &["b"], true, 0));
    assert_eq!(bench.apply(third), Reply::Stream(StreamId(3)));
    assert_eq!(read(&bench, second, 0), Read::NoSuchStream);
    bench.apply(append(1, first, 1, &["a"], true, 0));
    bench.now_ms += small().finished_ttl_ms;
    bench.apply(Command::Expire);
    assert_eq!(read(&bench, first, 0), Read::NoSuchStream, "a finished stream is kept for a while only");
    assert_eq!(read(&bench, StreamId(3), 0), Read::Wait);
}

#[test]
fn a_full_group_takes_what_ends_a_call_and_nothing_that_begins_one() {
    let mut bench = Bench::new(Bounds { held_bytes_max: 80, ..small() });
    bench.apply(open(1));
    let stream = bench.open_stream(1, 1, 1);
    bench.apply(append(1, stream, 1, &["0123456789012345678901234567890"], false, 0));
    assert_eq!(bench.apply(append(1, stream, 2, &["b"], false, 0)), Reply::Refused(Refusal::Full));
    assert_eq!(bench.apply(offer(1, None, "log")), Reply::Refused(Refusal::Full));
    assert_eq!(bench.apply(open_stream(1, r#""second""#, executor(1, 1))), Reply::Refused(Refusal::Full));
    assert_eq!(bench.apply(append(1, stream, 2, &["b"], true, 0)), Reply::Appended { next: 3 });
}

#[test]
fn a_late_copy_of_a_setting_does_not_undo_a_later_one() {
    let mut bench = opened();
    let first = bench.entry(Command::SetLogLevel { id: SessionId(1), level: 0 });
    bench.group.apply(first.clone());
    bench.apply(Command::SetLogLevel { id: SessionId(1), level: 4 });
    assert_eq!(bench.group.apply(first), Reply::Done);
    assert_eq!(bench.group.record(SessionId(1), ANN).map(|record| record.log_level), Some(4));
}
