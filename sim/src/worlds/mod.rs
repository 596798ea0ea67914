//! Worlds beside the kernel: the same node, clients and scenarios in a network and a scheduler that other people wrote. What two
//! worlds agree on is no accident of one of them.
//!
//! | | kernel | turmoil |
//! |---|---|---|
//! | hosts at most | thousands | 20: a tick costs the cube of them |
//! | time | nanoseconds, from event to event | milliseconds, every one of them |
//! | order of tasks | drawn | first in, first out |
//! | latency | per link, with a tail | 1 to 10 ms |
//! | a cut | swallows; senders try again | holds back until it heals |
//! | a cut in one direction | yes | refused |
//! | loss, tiny reads and writes, small buffers | yes | refused |
//! | weather (see [`Dice::weather`](crate::scenario::Dice::weather)) | drawn | its own, always the same |
//! | connections reset in the middle | yes | yes |
//! | kill, and start again | its host ends in order what was read, and resets the rest | peers are reset |
//! | power loss, loss of the disk | yes | yes |
//! | pause | yes | refused |
//! | clock step, slow disk | yes | yes |
//! | clock drift, failing and corrupt disk | yes | refused |
//! | child processes | simulated | refused |
//! | replays bit for bit | proven | the history does, by test |
//!
//! Disks are the kernel's in both.

mod cord;
mod disk;
mod life;
mod play;
mod seeded;
mod task;
pub mod turmoil;

pub use disk::{LifeDisk, LifeFile};
pub use life::NoChild;
pub use play::{Foreign, Refused};
pub use seeded::Seeded;
