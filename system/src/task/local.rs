//! The tasks of a node that is alone, in its memory: gone with the process. Everything above it is written for a store
//! that may answer `Unknown`; this one never does, unless it is told to ([`LocalStore::unreliable`]).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::command::{Bounds, Command, Refusal, Reply, RequestId, Stamp};
use super::machine::Tasks;
use super::store::{Store, StoreError, Watch};
use crate::env::{Entropy, Env, Instant, Task as _, WallTime, yield_now};
use crate::ids::TaskId;
use crate::seal::Principal;
use crate::watch::{self, Sender};

/// Forgetting waits for company: one timer for all that is due within a second.
const EXPIRY_STEP_MS: u64 = 1_000;

/// How often, in a thousand commands, a store that is told to be unreliable fails in each way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// `Unavailable`, and nothing happens.
    pub unavailable: u64,
    /// `Unknown`, and nothing happens.
    pub lost: u64,
    /// `Unknown`, and it happened.
    pub unheard: u64,
    /// `Unknown`, and it happens later, behind commands that came after it.
    pub late: u64,
}

/// Tasks in this process. Clones share them.
pub struct LocalStore<E: Env>(Arc<Shared<E>>);

struct Shared<E: Env> {
    env: E,
    /// Time of day at the beginning. From there on monotonic time counts: a clock that steps must neither end all tasks
    /// at once nor keep them for ever.
    wall: WallTime,
    begun: Instant,
    state: Mutex<State<E>>,
}

struct State<E: Env> {
    tasks: Tasks,
    /// One for each task that is watched.
    watched: BTreeMap<TaskId, Sender<Stamp>>,
    timer: Option<Timer<E>>,
    timers: u64,
    trouble: Option<Trouble>,
}

/// The one task that waits until something is due.
struct Timer<E: Env> {
    number: u64,
    at: WallTime,
    task: E::Task,
}

/// How to fail, and what was put off.
struct Trouble {
    faults: Faults,
    entropy: Entropy,
    late: Vec<(RequestId, Command)>,
}

enum Fate {
    Fine,
    Unavailable,
    Lost,
    Unheard,
    Late,
}

impl<E: Env> LocalStore<E> {
    /// No tasks yet. Nothing is spawned before the first command.
    #[must_use]
    pub fn new(env: E, bounds: Bounds) -> Self {
        Self::with(env, bounds, None)
    }

    /// A store that fails as `faults` says, for tests of those who use it: its entropy decides, so a seed repeats it.
    #[must_use]
    #[doc(hidden)]
    pub fn unreliable(env: E, bounds: Bounds, faults: Faults) -> Self {
        let entropy = env.entropy("task/faults");
        Self::with(env, bounds, Some(Trouble { faults, entropy, late: Vec::new() }))
    }

    fn with(env: E, bounds: Bounds, trouble: Option<Trouble>) -> Self {
        let state =
            State { tasks: Tasks::new(bounds), watched: BTreeMap::new(), timer: None, timers: 0, trouble };
        let (wall, begun) = (env.wall(), env.now());
        Self(Arc::new(Shared { env, wall, begun, state: Mutex::new(state) }))
    }

    /// How many tasks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.with(|state| state.tasks.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many tasks have a watch channel.
    #[cfg(test)]
    pub(super) fn watched(&self) -> usize {
        self.0.with(|state| state.watched.len())
    }

    /// Walks everything and panics where parts contradict each other. For tests and checkers.
    pub fn assert_whole(&self) {
        self.0.with(|state| state.tasks.assert_whole());
    }
}

impl<E: Env> Store for LocalStore<E> {
    fn apply(&self, request: RequestId, command: Command) -> BoxFuture<'_, Result<Reply, StoreError>> {
        Box::pin(async move { self.0.apply(request, command) })
    }

    fn watch(&self, principal: Principal, id: TaskId) -> BoxFuture<'_, Result<Option<Watch>, StoreError>> {
        Box::pin(async move { Ok(self.0.with(|state| state.watch(principal, id))) })
    }
}

impl<E: Env> Shared<E> {
    fn with<R>(&self, act: impl FnOnce(&mut State<E>) -> R) -> R {
        // Only a broken invariant of the machine panics inside, and then nothing of it is to be trusted: but that panic has
        // ended its own call, and the asserts at the next entry are the ones to judge.
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> WallTime {
        let elapsed = self.env.now().since(self.begun).as_millis();
        self.wall.after_ms(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    fn apply(self: &Arc<Self>, request: RequestId, command: Command) -> Result<Reply, StoreError> {
        let now = self.now();
        let (outcome, news) = self.with(|state| {
            let mut outcome = state.attempt(now, request, command);
            if outcome == Ok(Reply::Refused(Refusal::Full)) {
                outcome = Err(StoreError::Full);
            }
            let news = state.news();
            self.arm(state, now);
            (outcome, news)
        });
        news.tell();
        outcome
    }

    /// Sees to it that a timer waits for what is due next, and none where nothing is.
    fn arm(self: &Arc<Self>, state: &mut State<E>, now: WallTime) {
        let Some(due) = state.tasks.next_due() else {
            if let Some(timer) = state.timer.take() {
                timer.task.abort();
            }
            return;
        };
        let at = due.max(now.after_ms(EXPIRY_STEP_MS));
        if state.timer.as_ref().is_some_and(|timer| timer.at <= at) {
            return;
        }
        if let Some(late) = state.timer.take() {
            late.task.abort();
        }
        state.timers += 1;
        let number = state.timers;
        let sleep =
            self.env.sleep_until(self.begun.after_ms(at.unix_ms().saturating_sub(self.wall.unix_ms())));
        // Weak: a timer must not keep the tasks of a store that nobody has any more.
        let shared = Arc::downgrade(self);
        let task = self.env.spawn("task-expiry", async move {
            sleep.await;
            while shared.upgrade().is_some_and(|shared| shared.expire(number)) {
                yield_now().await;
            }
        });
        state.timer = Some(Timer { number, at, task });
    }

    /// What timer `number` rings for. Whether it must go on at once, for there is more.
    fn expire(self: &Arc<Self>, number: u64) -> bool {
        let now = self.now();
        let (more, news) = self.with(|state| {
            if state.timer.as_ref().is_none_or(|timer| timer.number != number) {
                return (false, News::default());
            }
            // Not remembered by its request id, so any will do.
            let reply = state.tasks.apply(now, RequestId(0), Command::Expire);
            let more = reply == Reply::Expired { more: true };
            let news = state.news();
            if !more {
                state.timer = None;
                self.arm(state, now);
            }
            (more, news)
        });
        news.tell();
        more
    }
}

impl<E: Env> State<E> {
    fn attempt(&mut self, now: WallTime, request: RequestId, command: Command) -> Result<Reply, StoreError> {
        let Some(trouble) = &mut self.trouble else { return Ok(self.tasks.apply(now, request, command)) };
        for (request, command) in trouble.take_late() {
            self.tasks.apply(now, request, command);
        }
        match trouble.fate() {
            Fate::Fine => Ok(self.tasks.apply(now, request, command)),
            Fate::Unavailable => Err(StoreError::Unavailable),
            Fate::Lost => Err(StoreError::Unknown),
            Fate::Unheard => {
                self.tasks.apply(now, request, command);
                Err(StoreError::Unknown)
            }
            Fate::Late => {
                trouble.late.push((request, command));
                Err(StoreError::Unknown)
            }
        }
    }

    fn watch(&mut self, principal: Principal, id: TaskId) -> Option<Watch> {
        let task = self.tasks.get(principal, id)?;
        let sender = self.watched.entry(id).or_insert_with(|| watch::channel(task.stamp()).0);
        Some(Watch::new(sender.subscribe()))
    }

    /// What watchers must be told. Told outside of the lock: waking may run anything.
    fn news(&mut self) -> News {
        let mut news = News::default();
        while let Some(change) = self.tasks.poll_change() {
            let Some(sender) = self.watched.get(&change.id) else { continue };
            match change.stamp {
                Some(stamp) if !sender.is_closed() => news.stamps.push((sender.clone(), stamp)),
                _ => news.gone.extend(self.watched.remove(&change.id)),
            }
        }
        news
    }
}

/// See [`State::news`].
#[derive(Default)]
struct News {
    stamps: Vec<(Sender<Stamp>, Stamp)>,
    /// Dropped to tell that their tasks are gone, or that nobody watches.
    gone: Vec<Sender<Stamp>>,
}

impl News {
    fn tell(self) {
        for (sender, stamp) in self.stamps {
            // Two commands may tell in the other order than they happened.
            sender.send_if_modified(|last| {
                let newer = stamp.version > last.version;
                if newer {
                    *last = stamp;
                }
                newer
            });
        }
        drop(self.gone);
    }
}

impl Trouble {
    fn fate(&mut self) -> Fate {
        let drawn = self.entropy.below(1_000);
        let Faults { unavailable, lost, unheard, late } = self.faults;
        let mut bound = 0;
        for (share, fate) in [
            (unavailable, Fate::Unavailable),
            (lost, Fate::Lost),
            (unheard, Fate::Unheard),
            (late, Fate::Late),
        ] {
            bound += share;
            if drawn < bound {
                return fate;
            }
        }
        Fate::Fine
    }

    /// Of what was put off, what happens now: each with an even chance.
    fn take_late(&mut self) -> Vec<(RequestId, Command)> {
        let (now, later) =
            std::mem::take(&mut self.late).into_iter().partition(|_| self.entropy.chance(1, 2));
        self.late = later;
        now
    }
}

impl<E: Env> Clone for LocalStore<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E: Env> fmt::Debug for LocalStore<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalStore").field("tasks", &self.len()).finish_non_exhaustive()
    }
}
