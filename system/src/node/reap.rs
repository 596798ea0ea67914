//! Giving up seats that nobody uses: the session lives on where it is kept, and whoever comes for it takes a seat anew.

use std::sync::Arc;

use super::core::Core;
use super::life::Stage;
use crate::cancel::CancelReason;
use crate::env::{Either, Env, race};

/// How long a seat is kept unused. A few leases: clients that call now and then need not wait for their owner.
const UNUSED_MS_MAX: u64 = 60_000;
/// How often the seats are looked through.
const PERIOD_MS: u64 = 10_000;

/// Looks through the seats until the node drains.
pub(super) async fn reap<E: Env>(core: Arc<Core<E>>) {
    let mut draining = Box::pin(core.life.reached(Stage::Draining));
    loop {
        let next = core.env.now().after_ms(PERIOD_MS);
        if let Either::Left(()) = race(&mut draining, core.env.sleep_until(next)).await {
            return;
        }
        let now = core.env.now();
        for id in core.seats.keys_sorted() {
            let unused = core.seats.get(&id).is_some_and(|seat| {
                seat.session.is_quiet() && seat.session.used().after_ms(UNUSED_MS_MAX) <= now
            });
            if unused {
                core.leave(&id, CancelReason::Shutdown);
            }
        }
    }
}
