//! Faults are data: what goes wrong and when, printable, storable and editable. Each applied fault counts what it
//! touched, because a fault that touched nothing proved nothing.

use serde::{Deserialize, Serialize};

use crate::kernel::Kernel;

/// One thing that goes wrong, or is put right.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Fault {
    /// stub
    HealAll,
}

/// A fault that was applied.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fired {
    /// What it was.
    pub fault: Fault,
    /// When, in nanoseconds of virtual time.
    pub at: u64,
    /// How much it touched.
    pub touched: u64,
}

impl Kernel {
    /// The fault of this number has touched one thing more.
    pub(crate) fn touch(&mut self, fault: usize) {
        if let Some(fired) = self.fired.get_mut(fault) {
            fired.touched += 1;
        }
    }
}
