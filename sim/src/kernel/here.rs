//! The one thread-local of the simulator: which world lives on this thread, and whose code runs right now.
//!
//! The law: the kernel is borrowed only inside [`enter`], and nothing that belongs to a user (a poll, a wake, the drop of
//! a future or of a waker) runs in there. Kernel code that wants to wake or drop a waker hands it over with
//! [`wake_later`] or [`drop_later`]; it happens as soon as the borrow has ended. Wakers of tasks push into a queue of
//! their own, so they may be called at any time.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Waker};

use switchboard_trap::inside;

use crate::kernel::Kernel;
use crate::kernel::slab::Key;
use crate::node::NodeId;

/// Whose code is running.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Running {
    pub(crate) node: NodeId,
    pub(crate) boot: u32,
    pub(crate) process: u32,
    pub(crate) task: Key,
}

enum After {
    Wake(Waker),
    Drop(Waker),
}

struct Here {
    kernel: RefCell<Option<Box<Kernel>>>,
    running: Cell<Option<Running>>,
    woken: RefCell<Vec<Key>>,
    after: RefCell<VecDeque<After>>,
    /// Worlds that this thread has had. It tells handles of an earlier world from those of the present one, and is part
    /// of no decision and no hash.
    worlds: Cell<u32>,
}

thread_local! {
    static HERE: Here = const {
        Here {
            kernel: RefCell::new(None),
            running: Cell::new(None),
            woken: RefCell::new(Vec::new()),
            after: RefCell::new(VecDeque::new()),
            worlds: Cell::new(0),
        }
    };
}

/// Makes `build`'s kernel the world of this thread. The argument is the number of this world on this thread.
pub(crate) fn install(build: impl FnOnce(u32) -> Kernel) {
    HERE.with(|here| {
        assert!(
            here.kernel.borrow().is_none(),
            "this thread already has a simulated world; drop it before building another"
        );
        let world = here.worlds.get() + 1;
        here.worlds.set(world);
        *here.kernel.borrow_mut() = Some(Box::new(build(world)));
    });
}

/// Takes the world off this thread. Handles that outlive it do nothing from now on.
pub(crate) fn remove() {
    let _ = HERE.try_with(|here| {
        let kernel = here.kernel.borrow_mut().take();
        drop(kernel);
        here.woken.borrow_mut().clear();
        flush(here);
    });
}

/// Works on the kernel of this thread.
///
/// # Panics
/// Where the thread has no world, or where kernel code calls itself.
#[track_caller]
pub(crate) fn enter<R>(work: impl FnOnce(&mut Kernel) -> R) -> R {
    try_enter(work)
        .expect("no simulated world lives on this thread: SimEnv works only while its World exists")
}

/// As [`enter`], for code that may run after its world has gone (drops).
#[track_caller]
pub(crate) fn try_enter<R>(work: impl FnOnce(&mut Kernel) -> R) -> Option<R> {
    HERE.try_with(|here| {
        let result = {
            let mut slot =
                here.kernel.try_borrow_mut().expect("the kernel must not be entered from inside itself");
            work(slot.as_deref_mut()?)
        };
        flush(here);
        Some(result)
    })
    .ok()
    .flatten()
}

fn flush(here: &Here) {
    loop {
        let next = here.after.borrow_mut().pop_front();
        match next {
            Some(After::Wake(waker)) => waker.wake(),
            Some(After::Drop(waker)) => drop(waker),
            None => return,
        }
    }
}

/// Wakes once the kernel's borrow has ended.
pub(crate) fn wake_later(slot: &mut Option<Waker>) {
    if let Some(waker) = slot.take() {
        HERE.with(|here| here.after.borrow_mut().push_back(After::Wake(waker)));
    }
}

/// Drops a waker once the kernel's borrow has ended: dropping one may drop what a user keeps in it.
pub(crate) fn drop_later(slot: &mut Option<Waker>) {
    if let Some(waker) = slot.take() {
        HERE.with(|here| here.after.borrow_mut().push_back(After::Drop(waker)));
    }
}

/// Remembers who waits. Keeps the old waker where it would wake the same task.
pub(crate) fn register(slot: &mut Option<Waker>, cx: &Context<'_>) {
    if slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        return;
    }
    drop_later(slot);
    *slot = Some(cx.waker().clone());
}

/// Queues a woken task. Callable at any time, also while the kernel is borrowed.
pub(crate) fn push_woken(task: Key) {
    let _ = HERE.try_with(|here| here.woken.borrow_mut().push(task));
}

/// Moves the woken tasks out, in the order of their wakes.
pub(crate) fn take_woken(into: &mut Vec<Key>) {
    HERE.with(|here| into.append(&mut here.woken.borrow_mut()));
}

/// Reads the kernel, where that can be done right now: nothing else happens.
pub(crate) fn peek<R>(read: impl FnOnce(&Kernel) -> R) -> Option<R> {
    HERE.try_with(|here| here.kernel.try_borrow().ok()?.as_deref().map(read)).ok().flatten()
}

/// Runs user code as this task: around every poll and every drop. The traps are set.
pub(crate) fn run_as<R>(running: Running, work: impl FnOnce() -> R) -> R {
    at_work(Some(running), || inside(work))
}

/// Somebody is at work, or nobody, for as long as this takes.
fn at_work<R>(running: Option<Running>, work: impl FnOnce() -> R) -> R {
    struct Restore(Option<Running>);
    impl Drop for Restore {
        fn drop(&mut self) {
            HERE.with(|here| here.running.set(self.0));
        }
    }
    let _restore = Restore(HERE.with(|here| here.running.replace(running)));
    work()
}

/// On whose account memory is taken: that of the node whose code is running; nobody's where that code has called the kernel, which
/// holds what a network and disks hold in reality.
pub(crate) fn account() -> usize {
    let account = |here: &Here| {
        let is_kernel = here.kernel.try_borrow().is_err();
        here.running.get().filter(|_| !is_kernel).map_or(0, |running| account_of(running.node))
    };
    HERE.try_with(account).unwrap_or_default()
}

/// The account of a node.
pub(crate) fn account_of(node: NodeId) -> usize {
    node.index() + 1
}

/// Runs what belongs to nobody in the midst of a node's call.
pub(crate) fn as_nobody<R>(work: impl FnOnce() -> R) -> R {
    at_work(None, work)
}

/// Whose code is running, if any task's.
pub(crate) fn running() -> Option<Running> {
    HERE.try_with(|here| here.running.get()).ok().flatten()
}
