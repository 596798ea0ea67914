//! The machine against a model that is too simple to be wrong: random commands, repeats, jumps of time, and a twin that
//! begins anew from a snapshot in the middle.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::task::Task;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Open(u8, bool),
    End(u8),
    Level(u8, u8),
    Subscribe(u8, u8, bool),
    OpenStream(u8, u8),
    /// Session, stream, offset of the first event from the next, how many, whether it finishes, how much is taken.
    Append(u8, u8, i8, u8, bool, u8),
    Offer(u8, u8, u8),
    Lists(u8),
    Updated(u8),
    Gone(u8),
    Create(u8, u8),
    Act(u8, u8),
    Wait(u8),
    /// Sends an earlier entry once more.
    Repeat(usize),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..5_u8, any::<bool>()).prop_map(|(id, ann)| Step::Open(id, ann)),
        1 => (0..5_u8).prop_map(Step::End),
        1 => (0..5_u8, 0..8_u8).prop_map(|(id, level)| Step::Level(id, level)),
        2 => (0..5_u8, 0..4_u8, prop::bool::weighted(0.6)).prop_map(|(id, uri, on)| Step::Subscribe(id, uri, on)),
        4 => (0..5_u8, 0..9_u8).prop_map(|(id, executor)| Step::OpenStream(id, executor)),
        8 => (0..5_u8, 0..6_u8, -3..2_i8, 0..5_u8, prop::bool::weighted(0.2), 0..12_u8)
            .prop_map(|(id, stream, offset, len, finish, taken)| Step::Append(id, stream, offset, len, finish, taken)),
        4 => (0..5_u8, 0..4_u8, 0..12_u8).prop_map(|(id, topic, taken)| Step::Offer(id, topic, taken)),
        1 => (0..20_u8).prop_map(Step::Lists),
        1 => (0..4_u8).prop_map(Step::Updated),
        1 => (0..9_u8).prop_map(Step::Gone),
        2 => (0..8_u8, 0..9_u8).prop_map(|(id, executor)| Step::Create(id, executor)),
        3 => (0..8_u8, 0..5_u8).prop_map(|(id, what)| Step::Act(id, what)),
        2 => (0..60_u8).prop_map(Step::Wait),
        4 => any::<usize>().prop_map(Step::Repeat),
    ]
}

/// Each in a slot of its own.
pub(super) fn session(id: u8) -> SessionId {
    SessionId(u128::from(id)).in_slot(id.into())
}

fn uri(number: u8) -> Arc<str> {
    format!("x:{number}").into()
}

fn worker(number: u8) -> Executor {
    executor(u64::from(number % 3), u64::from(number / 3))
}

/// Data of a length of its own, told apart by a serial number.
fn data(serial: usize) -> Bytes {
    text(&format!("{serial}{}", "-".repeat(serial * 7 % 40)))
}

pub(super) fn command(step: &Step, serial: usize, group: &Group) -> Option<Command> {
    Some(match *step {
        Step::Open(id, ann) => {
            Command::Open { id: session(id), principal: if ann { ANN } else { BOB }, client: text("client") }
        }
        Step::End(id) => end(session(id).0),
        Step::Level(id, level) => Command::SetLogLevel { id: session(id), level },
        Step::Subscribe(id, number, true) => Command::Subscribe { id: session(id), uri: uri(number) },
        Step::Subscribe(id, number, false) => Command::Unsubscribe { id: session(id), uri: uri(number) },
        Step::OpenStream(id, number) => Command::OpenStream {
            id: session(id),
            requests: [raw(&serial.to_string()), raw(&format!("{:?}", serial.to_string()))]
                [..1 + usize::from(number % 2)]
                .to_vec(),
            executor: worker(number),
        },
        Step::Append(id, stream, offset, len, finish, taken) => {
            let (id, stream) = (session(id), StreamId(u64::from(stream)));
            let next = group.next_of(id, stream).unwrap_or(1);
            let events = (0..usize::from(len)).map(|index| data(serial * 10 + index)).collect();
            let first = next.saturating_add_signed(i64::from(offset));
            let owed = group.streams.get(&(id, stream)).and_then(|stream| stream.requests.first());
            let answered = owed.filter(|_| taken % 3 == 0).cloned().into_iter().collect();
            Command::Append { id, stream, first, events, answered, finish, taken: u64::from(taken) }
        }
        Step::Offer(id, topic, taken) => {
            let topic = (topic > 0).then(|| format!("topic {topic}").into());
            Command::Offer { id: session(id), topic, data: data(serial), taken: u64::from(taken) }
        }
        Step::Lists(version) => {
            let notices = vec![("topic 1".into(), data(serial)), ("lists".into(), data(serial + 1))];
            Command::ListsChanged { version: u64::from(version), notices }
        }
        Step::Updated(number) => Command::ResourceUpdated { uri: uri(number), data: data(serial) },
        Step::Gone(number) => Command::ExecutorGone { executor: worker(number), error: raw(ERROR) },
        Step::Create(id, number) => create(u128::from(id), ANN, worker(number)),
        Step::Act(id, what) => {
            let action = match what {
                0 => task::Action::Ask { key: "k".into(), request: raw("{}") },
                1 => task::Action::Answer(vec![("k".into(), raw("{}"))]),
                2 => task::Action::Complete { result: raw("{}"), is_error: false, message: None },
                3 => task::Action::Cancel,
                _ => task::Action::Get,
            };
            act(u128::from(id), ANN, action)
        }
        Step::Wait(_) | Step::Repeat(_) => return None,
    })
}

type Event = (u64, Bytes, Option<Arc<str>>);

/// What the model knows of a stream: all that was ever appended, and what must be held of it.
#[derive(Clone, Default)]
struct Log {
    all: Vec<Event>,
    held: Vec<Event>,
    lost: u64,
    ended: Option<u64>,
    executor: Option<Executor>,
    requests: Vec<Raw>,
}

impl Log {
    fn next(&self) -> u64 {
        self.all.len() as u64 + 1
    }

    fn push(&mut self, topic: Option<Arc<str>>, data: Bytes) {
        self.held.retain(|(_, _, there)| topic.is_none() || *there != topic);
        self.all.push((self.next(), data.clone(), topic.clone()));
        self.held.push((self.all.len() as u64, data, topic));
    }

    fn trim(&mut self, taken: u64) {
        let bounds = small();
        let size = |events: &[Event]| events.iter().map(|(_, data, _)| data.len()).sum::<usize>();
        loop {
            let kept = self.held.iter().filter(|(sequence, ..)| *sequence <= taken).count();
            let kept_bytes = size(&self.held[..kept]);
            let is_soft = kept > bounds.kept_events_max || (kept_bytes > bounds.kept_bytes_max && kept > 1);
            let is_hard = self.held.len() > bounds.hard_events_max
                || (size(&self.held) > bounds.hard_bytes_max && self.held.len() > 1);
            if !is_soft && !is_hard {
                return;
            }
            self.lost = self.held.remove(0).0;
        }
    }

    /// What a reader behind `after` must get.
    fn read(&self, after: u64) -> Read {
        if after < self.lost || after >= self.next() {
            return Read::Gap { oldest: self.held.first().map_or(self.next(), |(sequence, ..)| *sequence) };
        }
        let newest = |event: &&Event| {
            let (sequence, _, topic) = event;
            topic.is_none() || !self.all.iter().any(|(later, _, other)| later > sequence && other == topic)
        };
        let behind = self.all.iter().filter(|(sequence, ..)| *sequence > after).filter(newest);
        let events: Vec<_> = behind.map(|(sequence, data, _)| (*sequence, data.clone())).collect();
        match (events.is_empty(), self.ended) {
            (false, _) => Read::Events(events),
            (true, None) => Read::Wait,
            (true, Some(_)) => Read::Finished,
        }
    }
}

#[derive(Default)]
struct Model {
    now: u64,
    sessions: BTreeSet<SessionId>,
    /// Until when it is remembered that a session ended.
    ended: BTreeMap<SessionId, u64>,
    subscriptions: BTreeSet<(SessionId, Arc<str>)>,
    logs: BTreeMap<(SessionId, StreamId), Log>,
    last_stream: BTreeMap<SessionId, u64>,
    lists_version: u64,
    /// As changes told it.
    interest: BTreeSet<Arc<str>>,
    terminal: BTreeMap<TaskId, Arc<Task>>,
}

impl Model {
    fn advance(&mut self, now: u64) {
        self.now = now;
        self.ended.retain(|_, until| *until > now);
        self.logs.retain(|_, log| log.ended.is_none_or(|at| at + small().finished_ttl_ms > now));
    }

    fn tell(&mut self, id: SessionId, notices: &[(Option<Arc<str>>, Bytes)], taken: u64) {
        let log = self.logs.entry((id, StreamId(0))).or_default();
        notices.iter().for_each(|(topic, data)| log.push(topic.clone(), data.clone()));
        log.trim(taken);
    }

    /// Learns from the first reply to a command.
    fn learn(&mut self, command: &Command, reply: &Reply) {
        if let Command::Open { id, .. } = command
            && self.ended.contains_key(id)
        {
            assert_eq!(*reply, Reply::Refused(Refusal::Ended), "who ended must not come back");
        }
        if matches!(reply, Reply::Refused(_)) {
            return;
        }
        match command.clone() {
            Command::Open { id, .. } => {
                self.sessions.insert(id);
                self.last_stream.entry(id).or_default();
            }
            Command::End { id, .. } => {
                if self.sessions.remove(&id) {
                    self.ended.insert(id, self.now + small().request_ttl_ms);
                }
                self.logs.retain(|(session, _), _| *session != id);
                self.subscriptions.retain(|(session, _)| *session != id);
                self.last_stream.remove(&id);
            }
            Command::Subscribe { id, uri } => {
                self.subscriptions.insert((id, uri));
            }
            Command::Unsubscribe { id, uri } => {
                self.subscriptions.remove(&(id, uri));
            }
            Command::OpenStream { id, requests, executor } => {
                self.learn_stream(id, requests, executor, reply);
            }
            Command::Append { id, stream, first, events, answered, finish, taken } => {
                let log = self.logs.get_mut(&(id, stream)).expect("who appends must have a stream");
                let known = usize::try_from(log.next() - first).expect("a test is short").min(events.len());
                let last = first + events.len() as u64;
                if known < events.len() {
                    assert_eq!(log.ended, None, "a finished stream must not grow");
                    events.into_iter().skip(known).for_each(|data| log.push(None, data));
                    log.trim(taken);
                    log.requests.retain(|request| !answered.contains(request));
                }
                if finish && last == log.next() && log.ended.is_none() {
                    log.ended = Some(self.now);
                    log.trim(taken);
                }
                assert_eq!(*reply, Reply::Appended { next: log.next() });
            }
            Command::Offer { id, topic, data, taken } => self.tell(id, &[(topic, data)], taken),
            Command::ListsChanged { version, notices } if version > self.lists_version => {
                self.lists_version = version;
                let notices: Vec<_> = notices.into_iter().map(|(topic, data)| (Some(topic), data)).collect();
                self.sessions.clone().into_iter().for_each(|id| self.tell(id, &notices, 0));
            }
            Command::ResourceUpdated { uri, data } => {
                let notice = [(Some(Arc::from(format!("resource {uri}"))), data)];
                let ids: Vec<_> =
                    self.subscriptions.iter().filter(|(_, of)| *of == uri).map(|(id, _)| *id).collect();
                ids.into_iter().for_each(|id| self.tell(id, &notice, 0));
            }
            Command::ExecutorGone { executor, error } => {
                let is_meant = |log: &Log| {
                    log.ended.is_none()
                        && log.executor.is_some_and(|of| of.node == executor.node && of <= executor)
                };
                for log in self.logs.values_mut().filter(|log| is_meant(log)) {
                    for request in std::mem::take(&mut log.requests) {
                        let message = format!(r#"{{"jsonrpc":"2.0","id":{request:?},"error":{error:?}}}"#);
                        log.push(None, text(&message));
                    }
                    log.ended = Some(self.now);
                    log.trim(0);
                }
            }
            _ => {}
        }
    }

    fn learn_stream(&mut self, id: SessionId, requests: Vec<Raw>, executor: Executor, reply: &Reply) {
        let Reply::Stream(stream) = reply else { panic!("a stream must be named: {reply:?}") };
        let last = self.last_stream.get_mut(&id).expect("a session must be there");
        assert!(stream.0 > *last, "the numbers of streams must rise");
        *last = stream.0;
        let calls: Vec<_> = self.logs.range((id, StreamId(1))..=(id, StreamId(u64::MAX))).collect();
        if calls.len() >= small().streams_max {
            let oldest = calls.iter().find(|(_, log)| log.ended.is_some()).map(|(key, _)| **key);
            self.logs.remove(&oldest.expect("a stream in use must not make room"));
        }
        self.logs.insert((id, *stream), Log { executor: Some(executor), requests, ..Log::default() });
    }

    /// Judges all that can be seen.
    fn check(&mut self, group: &mut Group) {
        group.assert_whole();
        while let Some(change) = group.poll_change() {
            match change {
                Change::InterestGained(uri) => assert!(self.interest.insert(uri), "gained twice"),
                Change::InterestLost(uri) => assert!(self.interest.remove(&uri), "lost twice"),
                _ => {}
            }
        }
        let wanted: BTreeSet<_> = self.subscriptions.iter().map(|(_, uri)| uri.clone()).collect();
        assert_eq!(wanted, self.interest);
        assert!(group.interest().eq(wanted.iter()));
        assert!(group.session_ids().eq(self.sessions.iter().copied()), "sessions must neither come nor go");
        for id in &self.sessions {
            for stream in 0..=self.last_stream[id] + 1 {
                let key = (*id, StreamId(stream));
                let standalone = Log::default();
                let log = self.logs.get(&key).or_else(|| (stream == 0).then_some(&standalone));
                let Some(log) = log else {
                    assert_eq!(group.read(*id, key.1, 0, usize::MAX), Read::NoSuchStream);
                    continue;
                };
                assert_eq!(group.next_of(*id, key.1), Some(log.next()));
                for after in 0..=log.next() + 1 {
                    assert_eq!(group.read(*id, key.1, after, usize::MAX), log.read(after), "{key:?} {after}");
                }
            }
        }
        for id in (0..8).map(TaskId) {
            let task = group.tasks().get(ANN, id);
            let same = |ended: &Arc<Task>| task.as_ref().is_none_or(|task| task == ended);
            assert!(self.terminal.get(&id).is_none_or(same), "a terminal state must never change");
            match task.filter(|task| task.status().is_terminal()) {
                Some(task) => self.terminal.insert(id, task),
                None => self.terminal.remove(&id),
            };
        }
    }
}

/// An entry that was applied, with its reply.
type Sent = (Entry, Reply);

/// Sends an earlier entry once more, where a repetition is promised to change nothing.
fn repeat(group: &mut Group, twin: &mut Group, now: u64, (entry, first): Sent) {
    let tick = Entry { now_ms: now, request: RequestId(0), command: Command::Expire };
    group.apply(tick.clone());
    twin.apply(tick);
    while group.poll_change().is_some() {}
    if entry.now_ms + small().request_ttl_ms <= now {
        return;
    }
    // One that found its session ended is remembered for as long as that has its stone; then the id may begin anew here,
    // where ids are few.
    if let Command::End { id, .. } = &entry.command
        && !group.tombstones.contains_key(id)
    {
        return;
    }
    let remembers = matches!(
        entry.command,
        Command::SetLogLevel { .. }
            | Command::Subscribe { .. }
            | Command::Unsubscribe { .. }
            | Command::OpenStream { .. }
            | Command::Offer { .. }
            | Command::ResourceUpdated { .. }
    ) || matches!(&entry.command, Command::Tasks(task::Command::Create(_)));
    // What was refused by its own numbers may be tried again: then it is a first time.
    if matches!(first, Reply::Refused(_)) && !remembers {
        return;
    }
    let before = group.snapshot();
    let reply = group.apply(entry.clone());
    assert_eq!(twin.apply(entry.clone()), reply);
    assert_eq!(group.snapshot(), before, "a repetition must change nothing: {entry:?}");
    assert_eq!(group.poll_change(), None, "a repetition must tell nothing: {entry:?}");
    assert!(!remembers || reply == first, "a repetition must be answered alike: {entry:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_breaks_a_promise(steps in prop::collection::vec(step(), 1..200), split in 0..200_usize) {
        let mut group = Group::new(small());
        let mut twin = Group::new(small());
        let mut model = Model::default();
        let mut sent: Vec<Sent> = Vec::new();
        let mut now = 1_000;
        for (number, step) in steps.iter().enumerate() {
            if number == split {
                twin = Group::restore(small(), &group.snapshot()).expect("a snapshot must restore");
            }
            if let Step::Wait(ms) = step {
                now += u64::from(*ms);
            }
            if let Step::Repeat(which) = step
                && !sent.is_empty()
            {
                // Its changes of what expired are the next check's to judge by the state.
                model.advance(now);
                repeat(&mut group, &mut twin, now, sent[which % sent.len()].clone());
                model.check(&mut group);
            }
            let Some(command) = command(step, number, &group) else { continue };
            let entry = Entry { now_ms: now, request: RequestId(number as u128 + 1), command };
            let entry = Entry::decode(&entry.encode()).expect("an entry must survive the wire");
            model.advance(now);
            let reply = group.apply(entry.clone());
            prop_assert_eq!(&twin.apply(entry.clone()), &reply, "replicas must agree");
            while twin.poll_change().is_some() {}
            prop_assert_eq!(twin.snapshot(), group.snapshot(), "replicas must be equal");
            model.learn(&entry.command, &reply);
            model.check(&mut group);
            sent.push((entry, reply));
        }
    }
}
