//! The whole state as a plain value: for a replica that has to begin from another's.
//!
//! An image comes from outside (a disk, a peer): [`Tasks::restore`] takes nothing on trust that a later command would
//! stumble over. Indexes are not carried, they are made anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command::{Bounds, RedemptionId, Reply};
use super::dedup::{Dedup, Lines};
use super::machine::Tasks;
use super::record::Task;
use crate::env::WallTime;
use crate::ids::{Incarnation, NodeId};

/// No count that began at zero gets there; one that stands here would soon overflow.
const COUNT_MAX: u64 = 1 << 62;

/// An image that contradicts itself or the bounds: nothing was restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("snapshot is unsound: {0}")]
pub struct Flaw(pub &'static str);

/// See the [module](self) page. Two machines with the same state have the same image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Image {
    now: WallTime,
    created: u64,
    tasks: Vec<Arc<Task>>,
    redemptions: Vec<(RedemptionId, WallTime)>,
    gone: Vec<(NodeId, Incarnation)>,
    dedup: Lines<Reply>,
}

impl Tasks {
    /// Takes out everything of some slots: gives it as the state that another machine goes on from, which carries out what
    /// is repeated there as it would have been here. Nobody is told of a change; tasks that went are not here any more.
    pub fn carve(&mut self, goes: impl Fn(u16) -> bool) -> Image {
        let principals: Vec<_> =
            self.by_principal.keys().copied().filter(|principal| goes(principal.slot())).collect();
        let places = principals.iter().filter_map(|principal| self.by_principal.remove(principal));
        let ids: BTreeSet<_> = places.flat_map(BTreeMap::into_values).collect();
        let tasks: Vec<Arc<Task>> = ids.iter().filter_map(|id| self.tasks.remove(id)).collect();
        for task in &tasks {
            self.by_expiry.remove(&(task.expires(), task.id()));
            self.executors.ended(task);
        }
        let redemptions: Vec<_> = self.redemptions.extract_if(.., |id, _| goes(id.slot())).collect();
        for (id, expires) in &redemptions {
            self.redemptions_by_expiry.remove(&(*expires, *id));
        }
        // Which replies are of what went cannot be told, and does no harm: request ids are drawn at random.
        Image { tasks, redemptions, ..self.memory() }
    }

    /// Whether anything of slots that are not among these is here.
    #[must_use]
    pub fn is_within(&self, is_here: impl Fn(u16) -> bool) -> bool {
        self.by_principal.keys().all(|principal| is_here(principal.slot()))
            && self.redemptions.keys().all(|id| is_here(id.slot()))
    }

    /// The state as it is. Changes that were not polled are not in it: watchers are each replica's own.
    #[must_use]
    pub fn image(&self) -> Image {
        Image {
            tasks: self.tasks.values().cloned().collect(),
            redemptions: self.redemptions.iter().map(|(id, expires)| (*id, *expires)).collect(),
            ..self.memory()
        }
    }

    /// The state but for what is in slots.
    fn memory(&self) -> Image {
        Image {
            now: self.now,
            created: self.created,
            tasks: Vec::new(),
            redemptions: Vec::new(),
            gone: self.executors.gone.iter().map(|(node, last)| (*node, *last)).collect(),
            dedup: self.dedup.lines(),
        }
    }

    /// The state that an image holds. `bounds` must be those of the machine it came from.
    ///
    /// # Errors
    /// [`Flaw`] when the image is not the image of any machine with these bounds.
    pub fn restore(bounds: Bounds, image: Image) -> Result<Self, Flaw> {
        let mut tasks = Self::new(bounds);
        let bounds = tasks.bounds.clone();
        (tasks.now, tasks.created) = (image.now, image.created);
        if image.created > COUNT_MAX {
            return Err(Flaw("a count is out of reason"));
        }
        if image.tasks.len() > bounds.tasks_max
            || image.redemptions.len() > bounds.redemptions_max
            || image.gone.len() > bounds.gone_max
        {
            return Err(Flaw("there is more than the bounds allow"));
        }
        for task in image.tasks {
            tasks.restore_task(task)?;
        }
        for (id, expires) in image.redemptions {
            if tasks.redemptions.insert(id, expires).is_some() {
                return Err(Flaw("a redemption stands twice"));
            }
            tasks.redemptions_by_expiry.insert((expires, id));
        }
        tasks.executors.gone.extend(image.gone);
        let latest = image.now.after_ms(bounds.request_ttl_ms);
        tasks.dedup = Dedup::restore(image.dedup, bounds.requests_max, latest)
            .ok_or(Flaw("memory of requests is out of order"))?;
        Ok(tasks)
    }

    fn restore_task(&mut self, task: Arc<Task>) -> Result<(), Flaw> {
        if let Some(flaw) = task.flaw(&self.bounds) {
            return Err(Flaw(flaw));
        }
        if task.updated() > self.now || task.position().0 >= self.created || task.stamp().version > COUNT_MAX
        {
            return Err(Flaw("a task is ahead of its time"));
        }
        let places = self.by_principal.entry(task.principal()).or_default();
        if places.insert(task.position(), task.id()).is_some() {
            return Err(Flaw("a place is taken twice"));
        }
        if places.len() > self.bounds.principal_tasks_max {
            return Err(Flaw("a principal has more tasks than it may"));
        }
        self.by_expiry.insert((task.expires(), task.id()));
        if !task.status().is_terminal() {
            self.executors.began(&task);
        }
        if self.tasks.insert(task.id(), task).is_some() {
            return Err(Flaw("a task stands twice"));
        }
        Ok(())
    }
}
