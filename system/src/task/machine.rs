//! The tasks of one group, as a state machine: no clock, no randomness, no order that is not stated.
//!
//! Commands come one after the other, each with the time that goes for it; on every replica the same commands give the
//! same replies and the same state. Reads that need no log ([`Tasks::get`], [`Tasks::list`]) change nothing, expiry
//! included.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::command::{
    Action, Bounds, Change, Command, Create, Page, Position, RedemptionId, Refusal, Reply, RequestId,
};
use super::dedup::Dedup;
use super::executor::Executors;
use super::record::Task;
use crate::env::WallTime;
use crate::ids::TaskId;
use crate::seal::Principal;

/// How many of each kind one command forgets at most: a hundred thousand tasks of one second must not hold up the
/// command that finds them. Each command adds at most one, so what is overdue only shrinks.
const EXPIRE_BATCH: usize = 256;

/// The tasks of one group. A clone is a snapshot: tasks are shared until one of the two changes them.
#[derive(Clone, Debug)]
pub struct Tasks {
    pub(super) bounds: Bounds,
    /// The latest time that any command brought; a command's own time counts only where it is later.
    pub(super) now: WallTime,
    pub(super) tasks: BTreeMap<TaskId, Arc<Task>>,
    /// The same tasks by principal, in the order of creation.
    pub(super) by_principal: BTreeMap<Principal, BTreeMap<Position, TaskId>>,
    /// The same tasks by when they end.
    pub(super) by_expiry: BTreeSet<(WallTime, TaskId)>,
    pub(super) executors: Executors,
    pub(super) created: u64,
    /// Used rights, with when they may be forgotten; and the same by that time.
    pub(super) redemptions: BTreeMap<RedemptionId, WallTime>,
    pub(super) redemptions_by_expiry: BTreeSet<(WallTime, RedemptionId)>,
    pub(super) dedup: Dedup<Reply>,
    /// What watchers have not been told yet.
    pub(super) changes: VecDeque<Change>,
    /// No part of the state.
    repeats: u64,
}

impl Tasks {
    /// No tasks.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        bounds.assert_sound();
        Self {
            bounds,
            now: WallTime::from_unix_ms(0),
            tasks: BTreeMap::new(),
            by_principal: BTreeMap::new(),
            by_expiry: BTreeSet::new(),
            executors: Executors::default(),
            created: 0,
            redemptions: BTreeMap::new(),
            redemptions_by_expiry: BTreeSet::new(),
            dedup: Dedup::default(),
            changes: VecDeque::new(),
            repeats: 0,
        }
    }

    /// Carries out a command. The same `request` again gives the same reply and changes nothing (but time goes on, and
    /// expiry with it). Take the changes ([`poll_change`](Self::poll_change)) before the next command.
    pub fn apply(&mut self, now: WallTime, request: RequestId, command: Command) -> Reply {
        self.assert_sound();
        self.now = self.now.max(now);
        self.expire();
        let reply = self.reply_to(request, command);
        self.assert_sound();
        reply
    }

    fn reply_to(&mut self, request: RequestId, command: Command) -> Reply {
        // Reading again is as good as reading, and its reply may be large: reads are not remembered.
        match command {
            Command::On { id, principal, action: Action::Get } => {
                return self.get(principal, id).map_or(Reply::Refused(Refusal::NotFound), Reply::Task);
            }
            Command::List { principal, after, limit } => {
                return Reply::Page(self.list(principal, after, limit));
            }
            Command::Expire => return Reply::Expired { more: self.is_overdue() },
            Command::Create(_) | Command::On { .. } | Command::Redeem { .. } => {}
        }
        if let Some(reply) = self.dedup.reply(request) {
            self.repeats += 1;
            return reply.clone();
        }
        if !self.dedup.has_room(self.bounds.requests_max) {
            return Reply::Refused(Refusal::Full);
        }
        let (reply, changed) = match self.carry_out(command) {
            Ok(outcome) => outcome,
            Err(refusal) => (Reply::Refused(refusal), false),
        };
        let expires = self.now.after_ms(self.bounds.request_ttl_ms);
        self.dedup.keep(request, reply.clone(), changed, expires, self.bounds.requests_max);
        reply
    }

    /// How many commands were answered from memory since this replica began.
    #[must_use]
    pub const fn repeats(&self) -> u64 {
        self.repeats
    }

    /// The reply, and whether anything changed.
    fn carry_out(&mut self, command: Command) -> Result<(Reply, bool), Refusal> {
        match command {
            Command::Create(create) => self.create(create).map(|reply| (reply, true)),
            Command::On { id, principal, action } => self.act(id, principal, action),
            Command::Redeem { id, ttl_ms } => self.redeem(id, ttl_ms),
            Command::List { .. } | Command::Expire => unreachable!("a read must have been answered"),
        }
    }

    fn create(&mut self, create: Create) -> Result<Reply, Refusal> {
        let (id, principal) = (create.id, create.principal);
        if self.tasks.contains_key(&id) {
            return Err(Refusal::Exists);
        }
        if create.executor.is_some_and(|executor| self.executors.is_gone(executor)) {
            return Err(Refusal::ExecutorGone);
        }
        if self.tasks.len() >= self.bounds.tasks_max {
            return Err(Refusal::Full);
        }
        if self.by_principal.get(&principal).map_or(0, BTreeMap::len) >= self.bounds.principal_tasks_max {
            return Err(Refusal::TooManyTasks);
        }
        let position = Position(self.created);
        let task = Task::new(self.now, position, create, &self.bounds);
        if task.bytes() > self.bounds.task_bytes_max {
            return Err(Refusal::TooLarge);
        }
        self.created += 1;
        self.by_principal.entry(principal).or_default().insert(position, id);
        self.by_expiry.insert((task.expires(), id));
        self.executors.began(&task);
        let reply = Reply::Done(task.summary());
        self.changes.push_back(Change { id, stamp: Some(task.stamp()) });
        self.tasks.insert(id, Arc::new(task));
        Ok(reply)
    }

    fn act(&mut self, id: TaskId, principal: Principal, action: Action) -> Result<(Reply, bool), Refusal> {
        let place =
            self.tasks.get_mut(&id).filter(|task| task.principal() == principal).ok_or(Refusal::NotFound)?;
        // On a copy: a refusal leaves the task as it was, and so do readers who still hold it.
        let mut task = Task::clone(place);
        let is_answer = matches!(action, Action::Answer(_));
        let outcome = task.act(self.now, action, &self.bounds)?;
        let summary = task.summary();
        let reply = match (is_answer, outcome) {
            (true, accepted) => Reply::Answered { accepted: accepted.unwrap_or(0), summary },
            (false, _) => Reply::Done(summary),
        };
        if outcome.is_some() {
            task.assert_sound(&self.bounds);
            assert!(
                !place.status().is_terminal() || self.bounds.flaw.is_some(),
                "a terminal state must never change"
            );
            self.changes.push_back(Change { id, stamp: Some(task.stamp()) });
            if task.status().is_terminal() {
                self.executors.ended(&task);
            }
            *place = Arc::new(task);
        }
        Ok((reply, outcome.is_some()))
    }

    fn redeem(&mut self, id: RedemptionId, ttl_ms: u64) -> Result<(Reply, bool), Refusal> {
        if self.redemptions.contains_key(&id) {
            return Ok((Reply::Redeemed { first: false }, false));
        }
        if self.redemptions.len() >= self.bounds.redemptions_max {
            return Err(Refusal::Full);
        }
        let expires = self.now.after_ms(ttl_ms.clamp(1, self.bounds.redemption_ttl_ms_max));
        self.redemptions.insert(id, expires);
        self.redemptions_by_expiry.insert((expires, id));
        Ok((Reply::Redeemed { first: true }, true))
    }

    fn expire(&mut self) {
        for _ in 0..EXPIRE_BATCH {
            let Some((_, id)) = pop_due(&mut self.by_expiry, self.now) else { break };
            let task = self.tasks.remove(&id).expect("each expiry must have its task");
            let places =
                self.by_principal.get_mut(&task.principal()).expect("each task must have its principal");
            places.remove(&task.position());
            if places.is_empty() {
                self.by_principal.remove(&task.principal());
            }
            self.executors.ended(&task);
            self.changes.push_back(Change { id, stamp: None });
        }
        for _ in 0..EXPIRE_BATCH {
            let Some((_, id)) = pop_due(&mut self.redemptions_by_expiry, self.now) else { break };
            self.redemptions.remove(&id);
        }
        self.dedup.expire(self.now, EXPIRE_BATCH);
    }

    /// The next change that watchers have not been told.
    pub fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// When something is next past its time; `None` where there is nothing to forget.
    #[must_use]
    pub fn next_due(&self) -> Option<WallTime> {
        let task = self.by_expiry.first().map(|(due, _)| *due);
        let redemption = self.redemptions_by_expiry.first().map(|(due, _)| *due);
        [task, redemption, self.dedup.next_due()].into_iter().flatten().min()
    }

    fn is_overdue(&self) -> bool {
        self.next_due().is_some_and(|due| due <= self.now)
    }

    /// A task, where it is this principal's.
    #[must_use]
    pub fn get(&self, principal: Principal, id: TaskId) -> Option<Arc<Task>> {
        self.tasks.get(&id).filter(|task| task.principal() == principal).map(Arc::clone)
    }

    /// The tasks of a principal behind a place, in the order of creation: whatever [`get`](Self::get) finds is listed.
    #[must_use]
    pub fn list(&self, principal: Principal, after: Option<Position>, limit: usize) -> Page {
        let limit = limit.clamp(1, self.bounds.page_max);
        let Some(places) = self.by_principal.get(&principal) else {
            return Page { tasks: Vec::new(), next: None };
        };
        let first = after.map_or(Position(0), |Position(last)| Position(last.saturating_add(1)));
        let mut behind = places.range(first..);
        let page: Vec<_> = behind.by_ref().take(limit).collect();
        let next = behind.next().and_then(|_| page.last()).map(|(position, _)| **position);
        let tasks = page.iter().map(|(_, id)| self.tasks[*id].summary()).collect();
        Page { tasks, next }
    }

    /// How many tasks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// What can be checked without walking: done before and after each command.
    fn assert_sound(&self) {
        assert_eq!(self.tasks.len(), self.by_expiry.len(), "each task must have one expiry");
        assert!(self.tasks.len() <= self.bounds.tasks_max, "tasks must keep to their bound");
        assert!(self.by_principal.len() <= self.tasks.len(), "a principal must have a task");
        assert_eq!(
            self.redemptions.len(),
            self.redemptions_by_expiry.len(),
            "each redemption must have one expiry"
        );
        assert!(
            self.redemptions.len() <= self.bounds.redemptions_max,
            "redemptions must keep to their bound"
        );
        self.dedup.assert_sound(self.bounds.requests_max);
    }

    /// Walks everything and panics where parts contradict each other. For tests and checkers: it costs a full pass.
    pub fn assert_whole(&self) {
        self.assert_sound();
        for task in self.tasks.values() {
            task.assert_sound(&self.bounds);
            assert!(
                self.by_expiry.contains(&(task.expires(), task.id())),
                "each task must stand by its expiry"
            );
            let place =
                self.by_principal.get(&task.principal()).and_then(|places| places.get(&task.position()));
            assert_eq!(place, Some(&task.id()), "each task must stand with its principal");
            assert_eq!(
                self.executors.has(task),
                task.executor().is_some() && !task.status().is_terminal(),
                "each task that works must stand with its executor"
            );
        }
        let listed: usize = self.by_principal.values().map(BTreeMap::len).sum();
        assert_eq!(listed, self.tasks.len(), "no principal must list what is gone");
        for places in self.by_principal.values() {
            assert!(
                (1..=self.bounds.principal_tasks_max).contains(&places.len()),
                "a principal must keep to its bound"
            );
        }
        let remembered = self.dedup.len();
        assert!(remembered <= self.bounds.requests_max, "memory of requests must keep to its bound");
    }
}

/// Takes the first out, where its time has come.
fn pop_due<T: Ord>(line: &mut BTreeSet<(WallTime, T)>, now: WallTime) -> Option<(WallTime, T)> {
    line.first().is_some_and(|(due, _)| *due <= now).then(|| line.pop_first()).flatten()
}
