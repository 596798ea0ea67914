//! Ending sessions that nobody uses: clients mostly do not say goodbye.

use std::sync::Arc;

use super::core::Core;
use super::life::Stage;
use crate::cancel::CancelReason;
use crate::env::{Either, Env, race};

/// How often the sessions are looked through, in parts of the time that one may idle: one is ended at most this part late.
const LOOKS: u64 = 16;

/// Looks through the sessions until the node drains.
pub(super) async fn reap<E: Env>(core: Arc<Core<E>>) {
    let idle_ms_max = core.limits.session_idle_ms_max;
    let mut draining = Box::pin(core.life.reached(Stage::Draining));
    loop {
        let next = core.env.now().after_ms((idle_ms_max / LOOKS).max(1));
        if let Either::Left(()) = race(&mut draining, core.env.sleep_until(next)).await {
            return;
        }
        let now = core.env.now();
        for session in core.hub.sessions() {
            if session.is_quiet()
                && session.used().after_ms(idle_ms_max) <= now
                && let Some(seat) = core.sessions.get(&session.id)
                && core.end_session(&seat, CancelReason::Shutdown)
            {
                core.metrics.sessions_expired.inc();
            }
        }
    }
}
