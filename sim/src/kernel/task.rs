//! Tasks: what is polled, who owns it, and how its end is told.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

use switchboard::env::{Panicked, Task};

use crate::kernel::here::{self, Running, enter, register, try_enter, wake_later};
use crate::kernel::slab::Key;
use crate::kernel::{Kernel, Work};
use crate::node::NodeId;
use crate::trace::{Mark, digest};

/// What a task runs. Without `Send`: it never leaves the thread of its world.
pub(crate) type Body = Pin<Box<dyn Future<Output = ()>>>;

/// How a task ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Finished,
    Panicked(Panicked),
    Dropped,
}

pub(crate) struct TaskSlot {
    /// Counted over the whole run: the order in which a dead node's tasks are dropped.
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    pub(crate) node: NodeId,
    pub(crate) boot: u32,
    pub(crate) process: u32,
    /// Away while it is polled.
    pub(crate) body: Option<Body>,
    wake: Arc<TaskWaker>,
    pub(crate) aborted: bool,
    pub(crate) end: Option<End>,
    joiner: Option<Waker>,
    has_handle: bool,
}

/// Wakes one task: puts it into the queue of its thread, at most once between two polls.
pub(crate) struct TaskWaker {
    task: OnceLock<Key>,
    queued: AtomicBool,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed)
            && let Some(task) = self.task.get()
        {
            here::push_woken(*task);
        }
    }
}

/// What the loop takes out of the kernel to poll a task.
pub(crate) struct Turned {
    pub(crate) running: Running,
    pub(crate) body: Body,
    pub(crate) waker: Waker,
}

impl Kernel {
    /// Puts a new task into the ready queue of its (running) node.
    pub(crate) fn start_task(&mut self, env: (NodeId, u32, u32), name: &'static str, body: Body) -> Key {
        let (node, boot, process) = env;
        self.tasks_started += 1;
        let id = self.tasks_started;
        let wake = Arc::new(TaskWaker { task: OnceLock::new(), queued: AtomicBool::new(true) });
        let key = self.tasks.insert(TaskSlot {
            id,
            name,
            node,
            boot,
            process,
            body: Some(body),
            wake: Arc::clone(&wake),
            aborted: false,
            end: None,
            joiner: None,
            has_handle: true,
        });
        let _ = wake.task.set(key);
        here::push_woken(key);
        self.mark(Mark::Spawn { task: id, node: node.trace(), name: digest(name.as_bytes()) });
        if self.trace.is_logging() {
            let text = format!("task {id} is `{name}` of {}", self.node(node).name);
            self.trace.say(self.now, text);
        }
        key
    }

    /// Takes the body out for a poll.
    pub(crate) fn take_turn(&mut self, key: Key) -> Option<Turned> {
        let slot = self.tasks.get_mut(key)?;
        let body = slot.body.take()?;
        slot.wake.queued.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&slot.wake));
        let running = Running { node: slot.node, boot: slot.boot, process: slot.process, task: key };
        Some(Turned { running, body, waker })
    }

    /// Puts the body back after a poll that was not its last. Gives it back where it must be dropped now.
    pub(crate) fn put_back(&mut self, key: Key, body: Body) -> Option<Body> {
        let Some(slot) = self.tasks.get_mut(key) else { return Some(body) };
        if slot.aborted {
            return Some(body);
        }
        slot.body = Some(body);
        None
    }

    /// A task has ended and its body is gone.
    pub(crate) fn end_task(&mut self, key: Key, end: End) {
        let Some(slot) = self.tasks.get_mut(key) else { return };
        let (id, name, node) = (slot.id, slot.name, slot.node);
        let how = match &end {
            End::Finished => 0,
            End::Panicked(_) => 1,
            End::Dropped => 2,
        };
        if let End::Panicked(panicked) = &end {
            let text = format!("task `{name}` of {} {panicked}", self.nodes[node.index()].name);
            self.panics.push(text);
        }
        slot.end = Some(end);
        wake_later(&mut slot.joiner);
        if !slot.has_handle {
            self.tasks.remove(key);
        }
        self.mark(Mark::End { task: id, how });
    }

    /// Drops a task soon: at once it would run user code inside the kernel.
    pub(crate) fn abort_task(&mut self, key: Key) {
        let Some(slot) = self.tasks.get_mut(key) else { return };
        if slot.end.is_none() && !slot.aborted {
            slot.aborted = true;
            if slot.body.is_some() {
                self.work.push_back(Work::DropTask(key));
            }
        }
    }

    /// The living tasks that match, in the order in which they were started.
    pub(crate) fn tasks_where(&self, wanted: impl Fn(&TaskSlot) -> bool) -> Vec<Key> {
        let mut found: Vec<_> = self
            .tasks
            .iter()
            .filter(|(_, slot)| slot.end.is_none() && wanted(slot))
            .map(|(key, slot)| (slot.id, key))
            .collect();
        found.sort_unstable_by_key(|(id, _)| *id);
        found.into_iter().map(|(_, key)| key).collect()
    }

    fn release_handle(&mut self, key: Key) {
        let Some(slot) = self.tasks.get_mut(key) else { return };
        slot.has_handle = false;
        here::drop_later(&mut slot.joiner);
        if slot.end.is_some() {
            self.tasks.remove(key);
        }
    }
}

/// A task of a simulated node.
#[derive(Debug)]
pub struct SimTask(Option<Key>);

impl SimTask {
    pub(crate) fn new(key: Key) -> Self {
        Self(Some(key))
    }

    /// How it ended, once it has.
    pub(crate) fn end(&self) -> Option<End> {
        let Some(key) = self.0 else { return Some(End::Dropped) };
        enter(|kernel| match kernel.tasks.get(key) {
            Some(slot) => slot.end.clone(),
            None => Some(End::Dropped),
        })
    }

    /// Its end, once it has come; asks to be woken otherwise.
    pub(crate) fn poll_end(&self, cx: &Context<'_>) -> Poll<End> {
        let Some(key) = self.0 else { return Poll::Ready(End::Dropped) };
        enter(|kernel| {
            let Some(slot) = kernel.tasks.get_mut(key) else { return Poll::Ready(End::Dropped) };
            if let Some(end) = &slot.end {
                return Poll::Ready(end.clone());
            }
            register(&mut slot.joiner, cx);
            Poll::Pending
        })
    }

    /// A task of a node that is dead already: it never started.
    pub(crate) fn never() -> Self {
        Self(None)
    }
}

impl Task for SimTask {
    fn abort(&self) {
        if let Some(key) = self.0 {
            try_enter(|kernel| kernel.abort_task(key));
        }
    }

    async fn join(self) -> Result<(), Panicked> {
        match poll_fn(|cx| self.poll_end(cx)).await {
            End::Panicked(panicked) => Err(panicked),
            End::Finished | End::Dropped => Ok(()),
        }
    }
}

impl Drop for SimTask {
    fn drop(&mut self) {
        if let Some(key) = self.0 {
            try_enter(|kernel| kernel.release_handle(key));
        }
    }
}
