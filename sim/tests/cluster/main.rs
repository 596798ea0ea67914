//! Whole nodes as a cluster in the kernel: they find each other, agree on a map, place their groups, and serve as one.

mod bed;
mod forms;
mod shielded;
#[path = "../mesh/toy.rs"]
mod toy;
