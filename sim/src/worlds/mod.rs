//! Worlds beside the kernel: the same node, clients and scenarios in a network and a scheduler that other people wrote. What two
//! worlds agree on is no accident of one of them.
//!
//! | | kernel | turmoil | madsim |
//! |---|---|---|---|
//! | hosts at most | thousands | 20: a tick costs the cube of them | 200: it looks for ports one by one |
//! | time | nanoseconds, from event to event | milliseconds, every one of them | nanoseconds, from event to event |
//! | order of tasks | drawn | first in, first out | drawn |
//! | latency | per link, with a tail | 1 to 10 ms | 1 to 10 ms |
//! | a cut | swallows; senders try again | holds back until it heals | holds back until it heals, and up to 10 s more |
//! | a cut in one direction | yes | refused | yes |
//! | loss, tiny reads and writes, small buffers | yes | refused | refused |
//! | weather (see [`Dice::weather`](crate::scenario::Dice::weather)) | drawn | its own, always the same | its own, always the same |
//! | connections reset in the middle | yes | yes | yes |
//! | kill, and start again | its host ends in order what was read, and resets the rest | peers are reset | peers are reset |
//! | power loss, loss of the disk | yes | yes | yes |
//! | pause | yes | refused | yes |
//! | clock step, slow disk | yes | yes | yes |
//! | clock drift, slow processor, failing and corrupt disk | yes | refused | refused |
//! | clients that stop reading, or send what no server should take | yes | refused | yes |
//! | child processes | simulated | refused | refused |
//! | replays bit for bit | proven | the history does, by test | the history does, by test |
//!
//! Disks are the kernel's in all of them. madsim takes the place of the system's clock, randomness and threads for a whole
//! process, so it has a build of its own (`--cfg madsim`), which `.ci/madsim` makes, and in which turmoil and the traps are not.

mod cord;
mod disk;
mod life;
#[cfg(madsim)]
pub mod madsim;
mod play;
mod seeded;
mod task;
#[cfg(not(madsim))]
pub mod turmoil;

pub use disk::{LifeDisk, LifeFile};
pub use life::NoChild;
pub use play::{Foreign, Refused};
pub use seeded::Seeded;
