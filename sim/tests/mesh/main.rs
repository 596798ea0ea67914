//! The mesh in the kernel: links that work, links that break, strangers at the door, and a shield around it all.

mod bed;
mod breaks;
mod doors;
mod shields;
mod toy;
mod works;
