//! A group of which a part becomes another group.

use proptest::prelude::*;

use super::model::{Step, command, session, step};
use super::*;
use crate::ids::GroupId;
use crate::seal::took;

/// The first group that splits off the first: it takes every other slot.
const CHILD: GroupId = GroupId(2);

/// Roomy where two groups have room for more than one.
fn roomy() -> Bounds {
    let tasks = task::Bounds { tasks_max: 60, principal_tasks_max: 60, page_max: 60, ..small().tasks };
    Bounds { sessions_max: 30, tombstones_max: 90, held_bytes_max: 1 << 20, tasks, ..small() }
}

fn is_child(slot: Option<u16>) -> bool {
    slot.is_some_and(|slot| took(CHILD, slot))
}

/// A reply, as far as it does not tell how many tasks were created beside.
fn seen(reply: Reply) -> Reply {
    match reply {
        Reply::Tasks(task::Reply::Task(task)) => Reply::Tasks(task::Reply::Done(task.summary())),
        other => other,
    }
}

/// Two groups that were one, and the one that it would be.
struct Halves {
    whole: Group,
    parent: Group,
    child: Group,
    requests: u128,
}

impl Halves {
    fn new(bounds: &Bounds) -> Self {
        let group = || Group::new(bounds.clone());
        Self { whole: group(), parent: group(), child: group(), requests: 1 << 64 }
    }

    fn entry(&mut self, now_ms: u64, command: Command) -> Entry {
        self.requests += 1;
        Entry { now_ms, request: RequestId(self.requests), command }
    }

    /// Splits, every step of it as often as it likes to be told, with snapshots in between.
    fn split(&mut self, now_ms: u64, bounds: &Bounds) {
        let again = |group: &Group| Group::restore(bounds.clone(), &group.snapshot()).expect("must restore");
        for _ in 0..2 {
            let freeze = self.entry(now_ms, Command::Freeze { child: CHILD });
            assert_eq!(self.parent.apply(freeze), Reply::Done);
            self.parent = again(&self.parent);
        }
        let (child, part) = self.parent.leaving().cloned().expect("a part must leave");
        assert_eq!(child, CHILD);
        let third = (part.len() / 3).max(1);
        for (number, piece) in part.chunks(third).enumerate() {
            let receive =
                Command::Receive { at: (number * third) as u64, bytes: Bytes::copy_from_slice(piece) };
            for _ in 0..2 {
                let receive = self.entry(now_ms, receive.clone());
                assert_eq!(self.child.apply(receive), Reply::Done);
            }
            self.child = again(&self.child);
        }
        for _ in 0..2 {
            let adopt = Command::Adopt { len: part.len() as u64, digest: digest_of_part(&part) };
            let adopt = self.entry(now_ms, adopt);
            assert_eq!(self.child.apply(adopt), Reply::Done);
            let shed = self.entry(now_ms, Command::Shed { child: CHILD });
            assert_eq!(self.parent.apply(shed), Reply::Done);
        }
        assert_eq!(self.parent.leaving(), None);
        // A piece that was long on its way.
        let late = self.entry(now_ms, Command::Receive { at: 0, bytes: part });
        assert_eq!(self.child.apply(late), Reply::Done);
    }

    /// All that can be seen is the same.
    fn check(&self) {
        self.parent.assert_whole();
        self.child.assert_whole();
        let mut ids: Vec<_> = self.parent.session_ids().chain(self.child.session_ids()).collect();
        ids.sort_unstable();
        assert!(self.whole.session_ids().eq(ids), "sessions must neither come nor go");
        for id in (0..5).map(session) {
            let half = if is_child(Some(id.slot())) { &self.child } else { &self.parent };
            for principal in [ANN, BOB] {
                assert_eq!(half.record(id, principal), self.whole.record(id, principal));
            }
            for (stream, after) in
                (0..8).flat_map(|stream| (0..12).map(move |after| (StreamId(stream), after)))
            {
                let (there, here) =
                    (self.whole.read(id, stream, after, 100), half.read(id, stream, after, 100));
                assert_eq!(here, there, "{id:?} {stream} {after}");
            }
        }
        let (parent, child) = (&self.parent, &self.child);
        let mut interest: Vec<_> = parent.interest().chain(child.interest()).collect();
        interest.sort_unstable();
        interest.dedup();
        assert!(self.whole.interest().eq(interest));
        let list = |group: &Group, whose| group.tasks().list(whose, None, 60).tasks;
        assert_eq!(list(child, ANN), list(&self.whole, ANN));
        assert_eq!(list(parent, BOB), list(&self.whole, BOB));
        assert_eq!(parent.tasks().len() + child.tasks().len(), self.whole.tasks().len());
        let executors: Vec<_> = parent.executors().union(&child.executors()).copied().collect();
        assert!(self.whole.executors().iter().eq(&executors));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_halves_answer_as_the_whole_would(steps in prop::collection::vec(step(), 1..150), split in 0..150_usize) {
        let bounds = roomy();
        let mut halves = Halves::new(&bounds);
        let mut sent: Vec<Entry> = Vec::new();
        let mut now_ms = 1_000;
        let mut is_split = false;
        for (number, step) in steps.iter().enumerate() {
            if number == split {
                halves.split(now_ms, &bounds);
                is_split = true;
            }
            let entry = match step {
                Step::Wait(ms) => {
                    now_ms += u64::from(*ms);
                    continue;
                }
                Step::Repeat(which) if !sent.is_empty() => {
                    Entry { now_ms, ..sent[which % sent.len()].clone() }
                }
                step => {
                    let Some(command) = command(step, number, &halves.whole) else { continue };
                    // Bob's tasks stay where Ann's go.
                    let command = match command {
                        Command::Tasks(task::Command::Create(create)) if number % 2 == 0 => {
                            let id = TaskId(create.id.0 + 100);
                            Command::Tasks(task::Command::Create(task::Create { id, principal: BOB, ..create }))
                        }
                        other => other,
                    };
                    Entry { now_ms, request: RequestId(number as u128 + 1), command }
                }
            };
            let slot = entry.command.slot();
            let reply = seen(halves.whole.apply(entry.clone()));
            if slot.is_none() {
                // What concerns everything is told to each group.
                halves.parent.apply(entry.clone());
                halves.child.apply(entry.clone());
            } else if is_split && is_child(slot) {
                prop_assert_eq!(halves.parent.apply(entry.clone()), Reply::Refused(Refusal::Moved));
                prop_assert_eq!(seen(halves.child.apply(entry.clone())), reply, "{:?}", entry);
            } else {
                prop_assert_eq!(seen(halves.parent.apply(entry.clone())), reply, "{:?}", entry);
            }
            sent.push(entry);
            // Time passes for all alike.
            let tick = halves.entry(now_ms, Command::Expire);
            for group in [&mut halves.whole, &mut halves.parent, &mut halves.child] {
                group.apply(tick.clone());
                while group.poll_change().is_some() {}
            }
            if is_split {
                halves.check();
            }
        }
    }
}

fn split_off() -> (Bench, Bytes) {
    let mut bench = Bench::new(small());
    for id in [0, 1] {
        bench.apply(open(session(id).0));
        bench.apply(Command::Subscribe { id: session(id), uri: "x:1".into() });
    }
    bench.apply(Command::Subscribe { id: session(1), uri: "x:2".into() });
    bench.changes();
    assert_eq!(bench.apply(Command::Freeze { child: CHILD }), Reply::Done);
    let (_, part) = bench.group.leaving().cloned().expect("a part must leave");
    (bench, part)
}

#[test]
fn what_is_frozen_is_neither_there_nor_not_there() {
    let (mut bench, part) = split_off();
    assert!(bench.group.holds(session(0).slot()) && !bench.group.holds(session(1).slot()));
    let moved = Reply::Refused(Refusal::Moved);
    for command in [open(session(1).0), end(session(1).0), open(session(3).0), create(9, ANN, executor(1, 1))]
    {
        assert_eq!(bench.apply(command), moved);
    }
    assert_eq!(bench.apply(open(session(2).0)), Reply::Done);
    bench.now_ms += 1_000_000;
    bench.apply(Command::Expire);
    assert_eq!(bench.group.leaving(), Some(&(CHILD, part)), "it stands still");
    bench.apply(Command::Shed { child: CHILD });
    assert_eq!(bench.group.leaving(), None);
    assert_eq!(bench.apply(open(session(1).0)), moved, "what was given away is never taken back");
}

#[test]
fn whoever_waits_is_woken_and_interest_goes_along() {
    let mut bench = Bench::new(small());
    bench.apply(open(session(1).0));
    bench.apply(Command::Subscribe { id: session(1), uri: "x:1".into() });
    bench.changes();
    bench.apply(Command::Freeze { child: CHILD });
    assert_eq!(bench.changes(), [Change::InterestLost("x:1".into()), Change::Parted]);
    let (_, part) = bench.group.leaving().cloned().expect("a part must leave");
    let mut child = Bench::new(small());
    let (len, digest) = (part.len() as u64, digest_of_part(&part));
    child.apply(Command::Receive { at: 0, bytes: part });
    assert_eq!(child.apply(Command::Adopt { len, digest }), Reply::Done);
    assert_eq!(child.changes(), [Change::InterestGained("x:1".into())]);
}

#[test]
fn one_part_leaves_at_a_time_and_only_one_that_is_this_groups_to_give() {
    let (mut bench, _) = split_off();
    let refused = Reply::Refused(Refusal::Splitting);
    assert_eq!(bench.apply(Command::Freeze { child: GroupId(3) }), refused, "another is on its way");
    bench.apply(Command::Shed { child: GroupId(3) });
    assert!(bench.group.leaving().is_some(), "what another group has says nothing of this one");
    bench.apply(Command::Shed { child: CHILD });
    for child in [0, 1, 4, 5_000] {
        assert_eq!(bench.apply(Command::Freeze { child: GroupId(child) }), refused, "{child}");
    }
    assert_eq!(bench.apply(Command::Freeze { child: GroupId(3) }), Reply::Done);
    assert!(!bench.group.holds(2) && bench.group.holds(0) && bench.group.holds(4));
}

#[test]
fn what_did_not_come_whole_is_not_gone_on_from_and_comes_again() {
    let (_, part) = split_off();
    let mut child = Bench::new(small());
    let (len, digest) = (part.len() as u64, digest_of_part(&part));
    let half = part.len() / 2;
    let piece =
        |at: usize| Command::Receive { at: at as u64, bytes: part.slice(at..(at + half).min(part.len())) };
    let incomplete = |next: usize| Reply::Refused(Refusal::Incomplete { next: next as u64 });
    assert_eq!(child.apply(piece(half)), incomplete(0));
    assert_eq!(child.apply(piece(0)), Reply::Done);
    assert_eq!(child.apply(piece(half + 1)), incomplete(half));
    assert_eq!(child.apply(Command::Adopt { len, digest }), incomplete(0));
    assert_eq!(child.group.sessions_len(), 0);
    assert_eq!(child.apply(piece(half)), incomplete(0), "it has to come again from its beginning");
    let all = Command::Receive { at: 0, bytes: part.clone() };
    child.apply(all.clone());
    assert_eq!(child.apply(Command::Adopt { len, digest: !digest }), incomplete(0));
    child.apply(all);
    assert_eq!(child.apply(Command::Adopt { len, digest }), Reply::Done);
    assert_eq!(child.group.sessions_len(), 1);
}

#[test]
fn a_group_that_has_something_of_its_own_adopts_nothing() {
    let (_, part) = split_off();
    let mut other = Bench::new(small());
    other.apply(open(session(1).0));
    let (len, digest) = (part.len() as u64, digest_of_part(&part));
    other.apply(Command::Receive { at: 0, bytes: part });
    assert_eq!(other.apply(Command::Adopt { len, digest }), Reply::Refused(Refusal::Exists));
}

#[test]
fn sessions_that_came_are_told_of_lists_that_changed_on_the_way() {
    let (_, part) = split_off();
    let mut child = Bench::new(small());
    let lists = |version| Command::ListsChanged { version, notices: vec![("tools".into(), text("t"))] };
    child.apply(lists(3));
    let (len, digest) = (part.len() as u64, digest_of_part(&part));
    child.apply(Command::Receive { at: 0, bytes: part });
    child.apply(Command::Adopt { len, digest });
    assert_eq!(child.group.lists_version(), 0, "they were told of none");
    child.apply(lists(3));
    assert_eq!(child.group.read(session(1), StreamId(0), 0, 1), Read::Events(vec![(1, text("t"))]));
}
