//! The mesh in the kernel: links that work, links that break, and strangers at the door.

mod bed;
mod breaks;
mod doors;
mod works;
