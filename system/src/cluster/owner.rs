//! The owner of a data group: the replica that leads it answers for its sessions and tasks.
//!
//! What must outlive the owner is in the group's log; what it knows beside that is soft (`soft.rs`): who reads a stream and
//! how far, which nodes hold a lease, when a session was last used. A new owner begins without, and is told anew.
//!
//! Being the leader as far as one knows proves nothing. Commands are proven by their commit, reads that must not be stale
//! by a barrier; what streams are read from is applied, so committed, and a reader that follows an owner of the past only
//! learns late.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::flaw::Flawed;
use super::kept::{Kept, Matter};
use super::route::slot_of_topic;
use super::settings::Settings;
use super::soft::Soft;
use super::wire::{Answer, Ask, Turn};
use crate::env::{Either, Env, Instant, always, buggify, deadline, flawed, race, reachable, sometimes};
use crate::event::Event;
use crate::group::{self, Command, Entry, Reply};
use crate::ids::{GroupId, NodeId, SessionId, StreamId};
use crate::jsonrpc::Raw;
use crate::raft::{BarrierError, Group, Leadership, ProposeError};
use crate::seal::Principal;
use crate::task::RequestId;
use crate::watch;

/// How long a node may serve a session without asking again.
pub(super) const LEASE_MS: u64 = 5_000;
/// How long a command may wait for its commit here before the asker is told that its outcome is unknown.
pub(super) const COMMIT_MS_MAX: u64 = 3_000;
/// How many bytes one answer to a reader brings at most, beside a single event that is larger.
pub(super) const READ_BYTES_MAX: usize = 256 * 1024;
/// What is late, is so late.
const LATE_MS: u64 = 300;
/// A short lease.
const LEASE_SHORT_MS: u64 = 200;
/// How long a leader goes on to answer that no majority answers: longer than a pause of theirs.
const UNPROVED_MS_MAX: u64 = 3_000;
/// How long an event may wait for room in its stream here. Its writer asks again.
const ROOM_MS_MAX: u64 = 2_000;

/// One data group on a node that holds a replica of it.
pub(super) struct Owner<E: Env> {
    pub(super) env: E,
    pub(super) id: GroupId,
    /// Since when this node holds it, in this life of its process.
    pub(super) hosted: Instant,
    pub(super) group: Group,
    pub(super) kept: Arc<Mutex<Kept>>,
    pub(super) soft: Mutex<Soft>,
    queue_bytes_max: usize,
    me: NodeId,
    /// Since when no majority answered, in nanoseconds; 0 where one did just now.
    unproved_ns: AtomicU64,
    /// Whether that is long ago.
    cut_off: AtomicBool,
    /// Of use in tests alone.
    pub(super) flawed: Arc<Flawed>,
}

impl<E: Env> Owner<E> {
    pub(super) fn new(
        env: E,
        me: NodeId,
        id: GroupId,
        group: Group,
        kept: Arc<Mutex<Kept>>,
        settings: &Settings,
    ) -> Self {
        let queue_bytes_max = settings.stream_queue_bytes_max;
        let flawed = Arc::default();
        let (hosted, soft) = (env.now(), Mutex::new(Soft::new(id, flawed!(env, CountedAnew))));
        let (unproved_ns, cut_off) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { id, hosted, env, group, kept, soft, queue_bytes_max, me, unproved_ns, cut_off, flawed }
    }

    /// Notes whether a majority follows this leader. One that it does not for long leads nobody any more, as far as it can tell,
    /// and others may have another leader: whoever waits here would wait in vain, and looks elsewhere.
    pub(super) fn prove(&self, is_confirmed: bool) {
        if is_confirmed {
            self.unproved_ns.store(0, Ordering::Relaxed);
            self.cut_off.store(false, Ordering::Relaxed);
            return;
        }
        let now = self.env.now();
        let first =
            self.unproved_ns.compare_exchange(0, now.as_nanos(), Ordering::Relaxed, Ordering::Relaxed);
        let since = Instant::from_nanos(first.err().unwrap_or(now.as_nanos()));
        if now >= since.after_ms(UNPROVED_MS_MAX) && !self.cut_off.swap(true, Ordering::Relaxed) {
            reachable!(self.env, LeaderCutOff);
            self.kept().wake_all();
        }
    }

    fn is_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// Whether this replica answers for the group, as far as it knows.
    fn answers(&self) -> bool {
        self.leading().is_some() && !self.is_cut_off()
    }

    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("the state of a group must not be poisoned")
    }

    pub(super) fn soft(&self) -> MutexGuard<'_, Soft> {
        self.soft.lock().expect("the soft state of a group must not be poisoned")
    }

    /// The term that this replica leads in, as far as it knows.
    pub(super) fn leading(&self) -> Option<u64> {
        let receiver = self.group.watch_leader();
        let leadership = receiver.borrow();
        (leadership.leader == Some(self.me)).then_some(leadership.term)
    }

    /// What the sessions of this group are subscribed to.
    pub(super) fn interest(&self) -> BTreeSet<Box<str>> {
        self.kept().state.interest().map(|uri| Box::from(&**uri)).collect()
    }

    /// The leader, as far as this replica knows.
    pub(super) fn leader(&self) -> Option<NodeId> {
        self.group.watch_leader().borrow().leader
    }

    /// Takes up an ask, where this replica leads as far as it knows; or says at once what the answer is.
    pub(super) fn turn_away(&self, ask: &Ask) -> Option<Answer> {
        if let Some(answer) = self.read_as_follower(ask) {
            return Some(answer);
        }
        let Some(term) = self.leading().filter(|_| !self.is_cut_off()) else {
            reachable!(self.env, NotOwnerAsked);
            return Some(Answer::NotOwner { leader: self.leader() });
        };
        always!(self.env, term >= self.soft().term(), "who leads never led in a later term");
        self.soft().enter(term, self.env.now());
        buggify!(self.env, OwnerBusy).then_some(Answer::Unavailable)
    }

    /// Answers for the group.
    pub(super) async fn serve(&self, from: NodeId, ask: Ask) -> Answer {
        if let Some(answer) = self.turn_away(&ask) {
            return answer;
        }
        match ask {
            Ask::Open { request, id, principal, client } => {
                match self.propose(request, Command::Open { id, principal, client }).await {
                    Answer::Done => self.lease(id, principal, from),
                    other => other,
                }
            }
            Ask::Attach { id, principal, holder } => self.attach(id, principal, holder).await,
            Ask::SetLogLevel { request, id, level } => {
                self.propose(request, Command::SetLogLevel { id, level }).await
            }
            Ask::Subscribe { request, id, uri, on: true } => {
                self.propose(request, Command::Subscribe { id, uri }).await
            }
            Ask::Subscribe { request, id, uri, on: false } => {
                self.propose(request, Command::Unsubscribe { id, uri }).await
            }
            Ask::OpenStream { request, id, calls, executor } => {
                match self.submit(request, Command::OpenStream { id, requests: calls, executor }).await {
                    Ok(Reply::Stream(stream)) => {
                        Answer::Opened { stream, turn: self.soft().take_turn(id, stream, 0) }
                    }
                    Ok(reply) => plain(reply),
                    Err(answer) => answer,
                }
            }
            Ask::Append { id, stream, first, events, answered, finish } => {
                self.append((id, stream), first, events, answered, finish).await
            }
            Ask::Offer { request, id, topic, data } => {
                let taken = self.soft().taken(id, StreamId(0));
                self.propose(request, Command::Offer { id, topic, data, taken }).await
            }
            Ask::Take { id, stream, after } => self.take(id, stream, after).await,
            Ask::Read { id, stream, after, turn } => self.read((id, stream), after, turn).await,
            Ask::CloseReader { id, stream, retry_ms } => {
                self.soft().close(id, stream, retry_ms);
                self.kept().wake(Matter::Stream(id, stream));
                Answer::Done
            }
            Ask::Tasks { request, command } => match self.submit(request, Command::Tasks(command)).await {
                Ok(Reply::Tasks(reply)) => Answer::Tasks(reply),
                Ok(reply) => plain(reply),
                Err(answer) => answer,
            },
            Ask::WatchTask { principal, id, seen } => self.watch_task(principal, id, seen).await,
            Ask::Topics { known } => self.topics(known).await,
            Ask::Publish { uri } => {
                // An owner of the past would count for nobody.
                if let Err(answer) = self.barrier().await {
                    return answer;
                }
                let mut kept = self.kept();
                if !kept.state.holds(slot_of_topic(&uri)) {
                    return Answer::Moved;
                }
                self.soft().publish(&uri);
                kept.wake(Matter::Topics);
                Answer::Done
            }
            Ask::Receive { at, bytes } => self.propose(RequestId(0), Command::Receive { at, bytes }).await,
            Ask::End { .. } | Ask::Cancel { .. } | Ask::Adopt { .. } => {
                unreachable!("what concerns other nodes must be seen to before it comes here")
            }
        }
    }

    /// Puts a command into the log, and gives what it leads to in the words of an answer.
    pub(super) async fn propose(&self, request: RequestId, command: Command) -> Answer {
        match self.submit(request, command).await {
            Ok(reply) => plain(reply),
            Err(answer) => answer,
        }
    }

    pub(super) async fn submit(&self, request: RequestId, command: Command) -> Result<Reply, Answer> {
        let entry = Entry { now_ms: self.env.wall().unix_ms(), request, command };
        let due = self.env.now().after_ms(COMMIT_MS_MAX);
        if let Some(reply) = self.reply_early(&entry, due) {
            self.env.record(&Event::CommandAcknowledged(self.id));
            return Ok(reply);
        }
        let _ahead = self.show_early(&entry);
        // Boxed: a reader of a stream waits in the same future as this, and readers are many.
        let proposed = Box::pin(self.group.propose(entry.encode(), due)).await;
        if buggify!(self.env, AcknowledgedLate) {
            self.env.sleep_until(self.env.now().after_ms(LATE_MS)).await;
        }
        match proposed {
            Ok(_) if buggify!(self.env, AcknowledgementLost) => Err(Answer::Unknown),
            Ok(reply) => {
                self.env.record(&Event::CommandAcknowledged(self.id));
                Ok(Reply::decode(&reply).expect("a reply of this program must read back"))
            }
            Err(ProposeError::NotLeader { leader }) => {
                reachable!(self.env, CommandTurnedAway);
                Err(Answer::NotOwner { leader })
            }
            Err(ProposeError::Unavailable(_)) => Err(Answer::Unavailable),
            Err(ProposeError::Unknown) => {
                reachable!(self.env, CommitUnknown);
                Err(Answer::Unknown)
            }
        }
    }

    pub(super) async fn barrier(&self) -> Result<(), Answer> {
        if flawed!(self.env, DoubleOwner) {
            return Ok(());
        }
        match Box::pin(self.group.barrier(self.env.now().after_ms(COMMIT_MS_MAX))).await {
            Ok(()) => Ok(()),
            Err(BarrierError::NotLeader { leader }) => {
                reachable!(self.env, ReadFoundNewLeader);
                Err(Answer::NotOwner { leader })
            }
            Err(BarrierError::Unavailable) => {
                reachable!(self.env, ReadUnproved);
                Err(Answer::Unavailable)
            }
        }
    }

    fn lease(&self, id: SessionId, principal: Principal, holder: NodeId) -> Answer {
        let kept = self.kept();
        if !kept.state.holds(id.slot()) {
            return Answer::Moved;
        }
        let held_ms = if buggify!(self.env, LeaseShort) { LEASE_SHORT_MS } else { LEASE_MS };
        self.soft().hold(id, holder, self.env.now().after_ms(held_ms));
        let lease_ms = if flawed!(self.env, LongLease) { 20 * held_ms } else { held_ms };
        match kept.state.record(id, principal) {
            Some(record) => Answer::Attached { client: record.client, log_level: record.log_level, lease_ms },
            None => Answer::NoSession,
        }
    }

    /// Lets a node serve a session, after making sure that nobody else ended it meanwhile.
    async fn attach(&self, id: SessionId, principal: Principal, holder: NodeId) -> Answer {
        if let Err(answer) = self.barrier().await {
            return answer;
        }
        self.lease(id, principal, holder)
    }

    async fn append(
        &self,
        (id, stream): (SessionId, StreamId),
        first: u64,
        events: Vec<Bytes>,
        answered: Vec<Raw>,
        finish: bool,
    ) -> Answer {
        let length: usize = events.iter().map(Bytes::len).sum();
        let due = self.env.now().after_ms(ROOM_MS_MAX);
        // The answer that ends a stream waits for nobody: a client that does not read must not hold up its executor.
        if !finish && !self.room((id, stream), length, due).await {
            return Answer::Unavailable;
        }
        let taken = self.soft().taken(id, stream);
        let count = events.len() as u64;
        let command = Command::Append { id, stream, first, events, answered, finish, taken };
        // An append is known by its numbers, so any request id will do.
        let answer = self.propose(RequestId(0), command).await;
        if matches!(answer, Answer::Done) {
            if !finish {
                let waiting = self.kept().state.waiting_bytes(id, stream, taken) as u64;
                let bound = self.queue_bytes_max.max(length) as u64;
                self.env.record(&Event::QueueLength { name: "bytes of a stream", length: waiting, bound });
            }
            (first..first + count).for_each(|sequence| {
                self.env.record(&Event::StreamAppended(id, stream, sequence));
            });
        }
        answer
    }

    /// Waits until what the reader has not taken leaves room.
    async fn room(&self, (id, stream): (SessionId, StreamId), length: usize, due: Instant) -> bool {
        if flawed!(self.env, UnboundedQueue) {
            return true;
        }
        let bytes_max = if buggify!(self.env, RoomSmall) { 0 } else { self.queue_bytes_max };
        loop {
            let waiter = {
                let taken = self.soft().taken(id, stream);
                let mut kept = self.kept();
                let waiting = kept.state.waiting_bytes(id, stream, taken);
                if waiting == 0 || waiting + length <= bytes_max {
                    return true;
                }
                kept.wait(Matter::Room(id, stream))
            };
            reachable!(self.env, WriterHeldBack);
            if deadline(&self.env, due, waiter).await.is_err() {
                return false;
            }
        }
    }

    /// Makes whoever asks the reader of a stream.
    async fn take(&self, id: SessionId, stream: StreamId, after: Option<u64>) -> Answer {
        // A replica that lags would say of events that are there that they never were.
        if let Err(answer) = self.barrier().await {
            return answer;
        }
        let after = {
            let kept = self.kept();
            let after = after.map(|after| after - u64::from(flawed!(self.env, OffByOne) && after > 0));
            // Where it is not known how far the last reader got, from the oldest event that is held.
            let from = after.unwrap_or_else(|| self.soft().taken(id, stream));
            let from = match (after, kept.state.read(id, stream, from, 1)) {
                (None, group::Read::Gap { oldest }) => oldest.saturating_sub(1),
                _ => from,
            };
            let after = from;
            match kept.state.read(id, stream, after, 1) {
                _ if !kept.state.holds(id.slot()) => return Answer::Moved,
                group::Read::NoSuchSession => return Answer::NoSession,
                group::Read::NoSuchStream => {
                    return Answer::NoStream("this stream is not, or no longer, kept".into());
                }
                group::Read::Gap { oldest } => {
                    let why = format!("events after {after} are no longer kept; the oldest is {oldest}");
                    return Answer::NoStream(why.into());
                }
                group::Read::Events(_) | group::Read::Wait | group::Read::Finished => after,
            }
        };
        let turn = self.soft().take_turn(id, stream, after);
        // Who read until now is to hear that its turn is over.
        self.kept().wake(Matter::Stream(id, stream));
        Answer::Taken { turn, after }
    }

    /// Waits for a matter, or for another leader. False once this replica no longer answers for the group: another one
    /// leads, or it has stopped.
    async fn waits_on(
        &self,
        matter: oneshot::Receiver<()>,
        leader: &mut watch::Receiver<Leadership>,
    ) -> bool {
        match race(matter, leader.changed()).await {
            Either::Left(_) => !self.is_cut_off(),
            Either::Right(Ok(())) => self.answers(),
            Either::Right(Err(_)) => false,
        }
    }

    async fn read(&self, (id, stream): (SessionId, StreamId), after: u64, turn: Turn) -> Answer {
        self.soft().begin_reading(id);
        let _reading = Reading { owner: self, id };
        let mut leader = self.group.watch_leader();
        loop {
            let waiter = {
                let mut kept = self.kept();
                let mut soft = self.soft();
                if !kept.state.holds(id.slot()) {
                    return Answer::Moved;
                }
                sometimes!(self.env, soft.is_of_another(turn), StreamReadOn);
                if !soft.reads(id, stream, after, turn) {
                    reachable!(self.env, ReaderSuperseded);
                    return Answer::Superseded;
                }
                kept.wake(Matter::Room(id, stream));
                let after = match kept.state.next_of(id, stream) {
                    Some(next) if flawed!(self.env, SkippedEvents) && soft.is_of_another(turn) => next - 1,
                    _ => after,
                };
                let bytes_max = if buggify!(self.env, ReadsSmall) { 1 } else { READ_BYTES_MAX };
                let read = || kept.state.read(id, stream, after, bytes_max);
                match self.read_early(id, stream, after).unwrap_or_else(read) {
                    group::Read::Events(events) => return Answer::Events { events, finished: false },
                    group::Read::Finished => return Answer::Events { events: Vec::new(), finished: true },
                    group::Read::NoSuchSession => return Answer::NoSession,
                    group::Read::NoSuchStream => {
                        return Answer::NoStream("the stream is no longer kept".into());
                    }
                    group::Read::Gap { oldest } => {
                        let why = format!("events after {after} are no longer kept; the oldest is {oldest}");
                        return Answer::NoStream(why.into());
                    }
                    group::Read::Wait => {}
                }
                if let Some(retry_ms) = soft.take_close(id, stream) {
                    return Answer::Close { retry_ms };
                }
                kept.wait(Matter::Stream(id, stream))
            };
            if !self.waits_on(waiter, &mut leader).await {
                return Answer::NotOwner { leader: self.leader() };
            }
        }
    }

    async fn watch_task(&self, principal: Principal, id: crate::ids::TaskId, seen: Option<u64>) -> Answer {
        let mut leader = self.group.watch_leader();
        if let Err(answer) = self.barrier().await {
            return answer;
        }
        loop {
            let waiter = {
                let mut kept = self.kept();
                if !kept.state.holds(principal.slot()) {
                    return Answer::Moved;
                }
                let stamp = kept.state.task_stamp(principal, id);
                match stamp {
                    Some(now) if seen == Some(now.version) => kept.wait(Matter::Task(id)),
                    other => return Answer::TaskStamp(other),
                }
            };
            if !self.waits_on(waiter, &mut leader).await {
                return Answer::NotOwner { leader: self.leader() };
            }
        }
    }

    /// Waits until a topic is newer than known. A topic that this owner never heard of counts as just published: whoever
    /// was told of it by the owner before must look again rather than miss something.
    async fn topics(&self, known: Vec<(Box<str>, u64)>) -> Answer {
        let mut leader = self.group.watch_leader();
        loop {
            let waiter = {
                let mut kept = self.kept();
                let newer = self.soft().newer(&known);
                if !newer.is_empty() {
                    return Answer::Topics(newer);
                }
                kept.wait(Matter::Topics)
            };
            if !self.waits_on(waiter, &mut leader).await {
                return Answer::NotOwner { leader: self.leader() };
            }
        }
    }
}

/// Somebody waits for an event of a session.
struct Reading<'a, E: Env> {
    owner: &'a Owner<E>,
    id: SessionId,
}

impl<E: Env> Drop for Reading<'_, E> {
    fn drop(&mut self) {
        self.owner.soft().end_reading(self.id, self.owner.env.now());
    }
}

/// What a reply is to whoever asked.
fn plain(reply: Reply) -> Answer {
    match reply {
        Reply::Refused(refusal) => match refusal {
            group::Refusal::NoSession | group::Refusal::Ended => Answer::NoSession,
            group::Refusal::NoStream | group::Refusal::Finished | group::Refusal::Abandoned => {
                Answer::NoStream(refusal.to_string().into())
            }
            group::Refusal::Moved => Answer::Moved,
            other => Answer::Refused(other.to_string().into()),
        },
        _ => Answer::Done,
    }
}
