//! Ending a node in order.

use std::sync::Arc;

use super::core::Core;
use super::life::Stage;
use crate::cancel::CancelReason;
use crate::env::{Env, deadline};

/// How often a drain looks whether the last connection is gone.
const DRAIN_LOOK_MS: u64 = 5;

impl<E: Env> Core<E> {
    /// Ends the node in order: nothing new is taken, standing streams end with a word on when to come back, calls and tasks
    /// under way are finished within `drain_ms_max`, calls on the connections that they are on, for nobody could come back
    /// to this node; what is left then is cut off.
    pub(super) async fn drain(self: &Arc<Self>) {
        let core = self;
        core.life.enter(Stage::Draining);
        let due = core.env.now().after_ms(core.limits.drain_ms_max);
        core.cluster.hand_over(due).await;
        let seats = core
            .seats
            .keys_sorted()
            .into_iter()
            .filter_map(|id| core.seats.get(&id))
            .map(|seat| seat.session);
        for session in core.hub.channels().into_iter().chain(seats) {
            // Nothing is read any more, answers neither: a call that waits for one must not wait in vain.
            session.questions.close();
        }
        for channel in core.channels.keys_sorted().iter().filter_map(|id| core.channels.get(id)) {
            core.env.spawn("last calls of a channel", async move {
                channel.idle().await;
                channel.finish();
            });
        }
        // Those on a channel end with their channel, after its calls.
        core.hub.finish_listens(&core.server_info, |_| true);
        // A call may have lost its connection to another node, where its client reads on.
        let quiet = core.look_until(|| {
            core.metrics.connections.get() == 0 && core.metrics.tasks_running.get() == 0 && !core.is_calling()
        });
        // Late ones are told below that the node goes down.
        let _ = deadline(&core.env, due, quiet).await;
        for id in core.seats.keys_sorted() {
            core.leave(&id, CancelReason::Shutdown);
        }
        core.life.enter(Stage::Ending);
        // A task has to say how it ended while its group can still be reached from here.
        let due = core.env.now().after_ms(core.limits.farewell_ms_max);
        let _ = deadline(&core.env, due, core.look_until(|| core.metrics.tasks_running.get() == 0)).await;
        core.life.enter(Stage::Stopped);
        core.cluster.stop().await;
    }

    async fn look_until(&self, is_so: impl Fn() -> bool + Send) {
        while !is_so() {
            self.env.sleep_until(self.env.now().after_ms(DRAIN_LOOK_MS)).await;
        }
    }

    /// Whether calls of sessions are under way.
    fn is_calling(&self) -> bool {
        let seats = self.seats.keys_sorted();
        seats.iter().filter_map(|id| self.seats.get(id)).any(|seat| !seat.session.is_quiet())
    }
}
