//! Who carries out what, and who is gone: so that no task of a dead process works for ever.
//!
//! That a process is gone is decided elsewhere, and for good: a task that names it afterwards (a command that was under
//! way for long) is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::command::{Action, Change};
use super::machine::Tasks;
use super::record::Task;
use crate::env::WallTime;
use crate::ids::{Executor, Incarnation, NodeId, TaskId};
use crate::jsonrpc::Raw;

/// The tasks that work, by executor, and the executors that are gone.
#[derive(Clone, Default, Debug)]
pub(super) struct Executors {
    working: BTreeSet<(Executor, TaskId)>,
    /// By node: its latest life that is over, and all before it.
    pub(super) gone: BTreeMap<NodeId, Incarnation>,
}

impl Executors {
    pub(super) fn began(&mut self, task: &Task) {
        self.working.extend(task.executor().map(|executor| (executor, task.id())));
    }

    pub(super) fn ended(&mut self, task: &Task) {
        if let Some(executor) = task.executor() {
            self.working.remove(&(executor, task.id()));
        }
    }

    pub(super) fn has(&self, task: &Task) -> bool {
        task.executor().is_some_and(|executor| self.working.contains(&(executor, task.id())))
    }

    pub(super) fn is_gone(&self, executor: Executor) -> bool {
        self.gone.get(&executor.node).is_some_and(|last| executor.incarnation <= *last)
    }

    fn of(&self, node: NodeId, last: Incarnation) -> Vec<TaskId> {
        let first = (Executor { node, incarnation: Incarnation(0) }, TaskId(0));
        let last = (Executor { node, incarnation: last }, TaskId(u128::MAX));
        self.working.range(first..=last).map(|(_, id)| *id).collect()
    }
}

impl Tasks {
    /// The processes that carry out tasks, each as often as it does.
    pub fn executors(&self) -> impl Iterator<Item = Executor> {
        self.executors.working.iter().map(|(executor, _)| *executor)
    }

    /// A node's process is gone, and all that were before it: whatever of theirs still works fails with `error`. Returns
    /// how many tasks that were. Again is no error and changes nothing.
    pub fn executor_gone(&mut self, now: WallTime, executor: Executor, error: &Raw) -> usize {
        self.now = self.now.max(now);
        if !self.executors.is_gone(executor) {
            self.executors.gone.insert(executor.node, executor.incarnation);
            if self.executors.gone.len() > self.bounds.gone_max {
                self.executors.gone.pop_first();
            }
        }
        let ids = self.executors.of(executor.node, executor.incarnation);
        for id in &ids {
            let place = self.tasks.get_mut(id).expect("who works must be there");
            let fail = Action::Fail { error: error.clone(), message: None };
            let mut task = Task::clone(place);
            if task.act(self.now, fail, &self.bounds).is_err() {
                // No room for the error in this task. That it ends matters more than how.
                task = Task::clone(place);
                let ended = task.act(self.now, Action::Cancel, &self.bounds);
                assert!(ended.is_ok(), "a task must shrink as it ends: {ended:?}");
            }
            task.assert_sound(&self.bounds);
            self.changes.push_back(Change { id: *id, stamp: Some(task.stamp()) });
            self.executors.ended(&task);
            *place = task.into();
        }
        ids.len()
    }

    /// Whether a process is known to be gone.
    #[must_use]
    pub fn is_gone(&self, executor: Executor) -> bool {
        self.executors.is_gone(executor)
    }

    /// The tasks that a process works on.
    pub fn of_executor(&self, executor: Executor) -> impl Iterator<Item = TaskId> {
        let first = (executor, TaskId(0));
        self.executors.working.range(first..=(executor, TaskId(u128::MAX))).map(|(_, id)| *id)
    }
}
