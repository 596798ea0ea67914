//! Now, in a simulation: for whoever looks on from outside and has no handle of the world, such as a log or a trap.

use std::fmt;

use crate::kernel::here;

/// A moment of the world of this thread.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moment {
    /// The root of all randomness.
    pub seed: u64,
    /// Virtual time in nanoseconds.
    pub time: u64,
    /// The name of the node whose code runs.
    pub node: String,
    /// The name of the task that runs.
    pub task: &'static str,
}

/// The present moment; nothing outside of a simulated task. It may be asked for in the middle of anything, and changes nothing.
#[must_use]
pub fn moment() -> Option<Moment> {
    let running = here::running()?;
    here::peek(|kernel| Moment {
        seed: kernel.options.seed,
        time: kernel.now,
        node: kernel.node(running.node).name.clone(),
        task: kernel.tasks.get(running.task).map_or("a task that has ended", |task| task.name),
    })
}

/// Who is at work, for the message of a trap.
pub(crate) fn whose() -> String {
    match moment() {
        Some(Moment { seed, time, node, task }) => {
            format!("task `{task}` of {node} at {} s (seed {seed})", Seconds(time))
        }
        None => "the kernel itself".to_owned(),
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} `{}`", Seconds(self.time), self.node, self.task)
    }
}

/// Nanoseconds, written as seconds.
pub(crate) struct Seconds(pub(crate) u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}
