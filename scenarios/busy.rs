//! Clients that keep a cluster writing: something of theirs is on its way to a disk at whatever moment a fault comes.

use switchboard_sim::client::Errand;
use switchboard_sim::scenario::Setup;

/// Makes every client begin many tasks, and calls that last longer than most faults; and read again what it was told, where it
/// comes back for the rest.
pub(crate) fn keep_writing(setup: &mut Setup) {
    for group in &mut setup.groups {
        group.rereads = true;
        group.work.errands.extend([(Errand::Slow(50), 150), (Errand::Task(4), 150)]);
    }
}
