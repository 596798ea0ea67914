//! Sleeps. A sleep costs nothing before its first poll and is forgotten when it is dropped.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use switchboard::env::Instant;

use crate::env::SimEnv;
use crate::kernel::Kernel;
use crate::kernel::heap::Due;
use crate::kernel::here::{drop_later, enter, register, try_enter, wake_later};
use crate::kernel::slab::Key;
use crate::moment::Seconds;
use crate::node::NodeId;

pub(crate) struct Timer {
    node: NodeId,
    at: Instant,
    /// The virtual time of its event. An event at any other time is a leftover of an earlier rate of the clock.
    due: u64,
    waker: Option<Waker>,
}

impl Kernel {
    fn poll_sleep(&mut self, sleep: &mut SimSleep, cx: &Context<'_>) -> Poll<()> {
        let SimSleep { env, at, timer } = sleep;
        if !self.is_alive(env.node, env.boot) {
            return Poll::Pending;
        }
        let clock = self.node(env.node).monotonic;
        if clock.read(self.now) >= at.as_nanos() {
            if let Some(key) = timer.take() {
                self.cancel_timer(key);
            }
            return Poll::Ready(());
        }
        if let Some(slot) = timer.and_then(|key| self.timers.get_mut(key)) {
            register(&mut slot.waker, cx);
            return Poll::Pending;
        }
        let due = clock.when(at.as_nanos());
        let slot = Timer { node: env.node, at: *at, due, waker: Some(cx.waker().clone()) };
        let key = self.timers.insert(slot);
        *timer = Some(key);
        self.at(due, Due::Timer(key));
        self.say(|| format!("sleeps until {}", Seconds(due)));
        Poll::Pending
    }

    fn cancel_timer(&mut self, key: Key) {
        let Some(mut timer) = self.timers.remove(key) else { return };
        drop_later(&mut timer.waker);
        self.heap.note_leftover();
        if self.heap.wants_sweep() {
            let timers = &self.timers;
            self.heap.sweep(|entry| match entry.due {
                Due::Timer(key) => timers.get(key).is_some_and(|timer| timer.due == entry.time),
                _ => true,
            });
        }
    }

    /// Whether the timer of this event is still waited for.
    pub(crate) fn is_timer_due(&self, key: Key, time: u64) -> bool {
        self.timers.get(key).is_some_and(|timer| timer.due == time)
    }

    pub(crate) fn fire_timer(&mut self, key: Key) {
        if let Some(mut timer) = self.timers.remove(key) {
            wake_later(&mut timer.waker);
        }
    }

    /// The clock of a node runs at another rate from now on: its sleeps end at other times.
    pub(crate) fn rearm_timers(&mut self, node: NodeId) -> u64 {
        let keys: Vec<_> =
            self.timers.iter().filter(|(_, timer)| timer.node == node).map(|(key, _)| key).collect();
        for key in &keys {
            let clock = self.node(node).monotonic;
            let Some(timer) = self.timers.get_mut(*key) else { continue };
            timer.due = clock.when(timer.at.as_nanos());
            let due = timer.due;
            self.heap.note_leftover();
            self.at(due, Due::Timer(*key));
        }
        keys.len() as u64
    }
}

/// A wait until a point of a node's monotonic time.
#[derive(Debug)]
pub struct SimSleep {
    env: SimEnv,
    at: Instant,
    timer: Option<Key>,
}

impl SimSleep {
    pub(crate) fn new(env: SimEnv, at: Instant) -> Self {
        Self { env, at, timer: None }
    }
}

impl Future for SimSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        enter(|kernel| kernel.poll_sleep(&mut self, cx))
    }
}

impl Drop for SimSleep {
    fn drop(&mut self) {
        if let Some(key) = self.timer {
            try_enter(|kernel| kernel.cancel_timer(key));
        }
    }
}
