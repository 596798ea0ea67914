//! What happens next. Work that was asked for comes first, then every event of this instant, then the ready tasks in an
//! order that the seed draws, and only when none is ready does virtual time jump to the next event.

use crate::kernel::Kernel;
use crate::kernel::heap::{Due, Entry};
use crate::kernel::here;
use crate::kernel::slab::Key;
use crate::kernel::task::Turned;
use crate::node::NodeId;
use crate::options::Policy;
use crate::trace::Mark;

/// What must be done outside the kernel's borrow and outside any poll.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Work {
    /// Drop an aborted task.
    DropTask(Key),
    /// Apply this step of the plan.
    Plan(u32),
    /// Cut the power of a host.
    LosePower(NodeId),
    /// End the process of a node.
    Exit(NodeId),
    /// Drop the tasks of a child process.
    EndProcess(u32),
}

/// The next thing to do.
pub(crate) enum Turn {
    Poll(Turned),
    Work(Work),
    /// Events were handled; their wakes are out. Ask again.
    Again,
    /// Nothing can happen before the limit.
    Rest,
}

impl Kernel {
    /// Decides what happens next, no later than `limit`.
    pub(crate) fn next_turn(&mut self, limit: u64) -> Turn {
        if let Some(work) = self.work.pop_front() {
            return Turn::Work(work);
        }
        if self.pop_due(self.now) {
            return Turn::Again;
        }
        self.queue_woken();
        while let Some(key) = self.pick() {
            if let Some(turned) = self.take_turn(key) {
                self.count_poll(key);
                self.tax(turned.running.node);
                return Turn::Poll(turned);
            }
        }
        self.discard_leftovers();
        match self.heap.peek().map(|entry| entry.time) {
            Some(time) if time <= limit => {
                self.now = time;
                self.polls_this_instant = 0;
                self.pop_due(time);
                Turn::Again
            }
            _ => Turn::Rest,
        }
    }

    /// Moves virtual time on where nothing is left to happen before then.
    pub(crate) fn rest_until(&mut self, time: u64) {
        if time > self.now {
            self.now = time;
            self.polls_this_instant = 0;
        }
    }

    /// The time of the next event that still has a purpose.
    pub(crate) fn next_time(&mut self) -> Option<u64> {
        self.discard_leftovers();
        self.heap.peek().map(|entry| entry.time)
    }

    fn queue_woken(&mut self) {
        let mut woken = std::mem::take(&mut self.woken);
        here::take_woken(&mut woken);
        for key in woken.drain(..) {
            let Some(slot) = self.tasks.get(key) else { continue };
            if self.node(slot.node).stands_still() {
                self.park(slot.node, key);
            } else {
                self.ready.push_back(key);
            }
        }
        self.woken = woken;
    }

    fn pick(&mut self) -> Option<Key> {
        loop {
            let ready = self.ready.len();
            let key = match self.options.policy {
                Policy::Random if ready > 1 => {
                    let index = self.schedule.below(ready as u64);
                    self.ready.swap_remove_back(usize::try_from(index).ok()?)
                }
                Policy::Random | Policy::Fifo => self.ready.pop_front(),
            }?;
            let Some(slot) = self.tasks.get(key) else { return Some(key) };
            let (node, task, name) = (slot.node, slot.id, slot.name);
            if self.node(node).stands_still() {
                self.park(node, key);
                continue;
            }
            self.mark(Mark::Pick { task, ready: ready as u64 });
            if self.trace.is_logging() {
                let text = format!("  which is `{name}` of {}", self.node(node).name);
                self.trace.say(self.now, text);
            }
            return Some(key);
        }
    }

    /// A task of a node that stands still waits until it goes on.
    fn park(&mut self, node: NodeId, key: Key) {
        let node = self.node_mut(node);
        node.parked.push(key);
        if let (true, Some(fault)) = (node.paused, node.pause_fault) {
            self.touch(fault);
        }
    }

    /// A poll of a node whose processor is slow begins: there is no other one until it has taken its time.
    fn tax(&mut self, node: NodeId) {
        let host = &mut self.nodes[node.index()];
        if host.poll_tax > 0 {
            host.is_taxed = true;
            let (fault, due) = (host.tax_fault, self.now + host.poll_tax);
            self.at(due, Due::Paid(node));
            self.touch_many(fault.unwrap_or(usize::MAX), 1);
        }
    }

    /// It has.
    fn pay(&mut self, node: NodeId) {
        let host = &mut self.nodes[node.index()];
        host.is_taxed = false;
        if !host.paused {
            self.ready.extend(host.parked.drain(..));
        }
    }

    /// Events of one instant, in their order. True where there was one.
    fn pop_due(&mut self, time: u64) -> bool {
        let mut any = false;
        while let Some(entry) = self.heap.peek()
            && entry.time <= time
        {
            let Some(entry) = self.heap.pop() else { break };
            if self.is_leftover(&entry) {
                continue;
            }
            any = true;
            let (kind, subject) = entry.due.trace();
            self.mark(Mark::Pop { time: entry.time, sequence: entry.sequence, kind, subject });
            self.handle(entry.due);
        }
        any
    }

    fn handle(&mut self, due: Due) {
        match due {
            Due::Timer(key) => self.fire_timer(key),
            Due::Deliver(key, side) => self.deliver(key, side),
            Due::Ack(key, side) => self.on_acks(key, side),
            Due::Retransmit(key, side) => self.on_retransmit(key, side),
            Due::Reset(key, side, sent_at) => self.on_reset(key, side, sent_at),
            Due::Unreachable(key) => self.fail_dial(key, std::io::ErrorKind::HostUnreachable),
            Due::GiveUpDialling(key) => self.fail_dial(key, std::io::ErrorKind::TimedOut),
            Due::Plan(step) => self.work.push_back(Work::Plan(step)),
            Due::Paid(node) => self.pay(node),
        }
    }

    fn discard_leftovers(&mut self) {
        while let Some(entry) = self.heap.peek()
            && self.is_leftover(&entry)
        {
            self.heap.pop();
        }
    }

    fn is_leftover(&self, entry: &Entry) -> bool {
        match entry.due {
            Due::Timer(key) => !self.is_timer_due(key, entry.time),
            Due::Deliver(key, _) | Due::Ack(key, _) | Due::Retransmit(key, _) | Due::Reset(key, ..) => {
                !self.net.connections.contains(key)
            }
            Due::Unreachable(key) | Due::GiveUpDialling(key) => !self.is_dialling(key),
            Due::Plan(_) | Due::Paid(_) => false,
        }
    }

    fn count_poll(&mut self, key: Key) {
        self.polls_this_instant += 1;
        if self.polls_this_instant <= self.options.polls_per_instant_max {
            return;
        }
        let slot = self.tasks.get(key).expect("a task that is picked must exist");
        let node = &self.node(slot.node).name;
        panic!(
            "busy loop: {} polls without time passing at {} ns; the last task is `{}` of {node} (seed {}); the world \
             cannot go on",
            self.polls_this_instant, self.now, slot.name, self.options.seed
        );
    }
}
