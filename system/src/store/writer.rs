//! The one who writes: takes everything that waits, commits it at once, and answers in order.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::transaction::{Write, commit};
use super::{Done, Failed, Scope, Shared, off_loop};

/// A write that waits, with its place in the queue.
pub(super) struct Order {
    pub(super) write: Write,
    pub(super) done: Done,
    pub(super) room: OwnedSemaphorePermit,
}

/// What waits for the writer.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) orders: Vec<Order>,
    /// Pairs that go along with whatever is written next. Bounded by the number of groups times that of keys.
    pub(super) lazy: BTreeMap<(Scope, &'static str), Bytes>,
}

/// Runs until the store is closed or fails.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        let Some((Queue { orders, lazy }, is_closing)) = take(&shared) else {
            shared.work.notified().await;
            continue;
        };
        let has_work = !orders.is_empty() || !lazy.is_empty();
        if has_work && write(&shared, orders, lazy).await.is_err() {
            break;
        }
        let state = shared.state();
        if state.failed.is_some() || (is_closing && state.queue.orders.is_empty()) {
            break;
        }
    }
    close(&shared).await;
}

/// Everything that waits, and whether it is the last; `None` while there is no reason to go on.
fn take(shared: &Shared) -> Option<(Queue, bool)> {
    let mut state = shared.state();
    let is_idle = state.queue.orders.is_empty() && !state.is_closing && state.failed.is_none();
    if is_idle {
        return None;
    }
    let is_closing = state.is_closing;
    Some((mem::take(&mut state.queue), is_closing))
}

/// One transaction: everything or, where it fails, nobody knows what.
async fn write(
    shared: &Shared,
    orders: Vec<Order>,
    lazy: BTreeMap<(Scope, &'static str), Bytes>,
) -> Result<(), Failed> {
    let mut writes = Vec::with_capacity(orders.len());
    let mut waiting = Vec::with_capacity(orders.len());
    for Order { write, done, room } in orders {
        writes.push(write);
        waiting.push((done, room));
    }
    let work = move |database: &redb::Database| {
        commit(database, writes.iter(), &lazy)?;
        Ok(writes)
    };
    let result = shared.run("store commit", work).await;
    if let Ok(writes) = &result {
        settle(shared, writes);
    }
    let result = result.map(drop);
    for (done, room) in waiting {
        drop(room);
        done(result.clone());
    }
    result
}

/// Tells the logs what of them is on the disk now.
fn settle(shared: &Shared, writes: &[Write]) {
    let mut state = shared.state();
    for write in writes {
        if let Write::Append { group, first, entries, era } = write
            && let Some(tail) = state.tails.get_mut(group)
        {
            tail.settle(*era, *first + entries.len() as u64, shared.options.tail_bytes_max);
        }
    }
}

/// Turns away who still waits, and closes the file where closing may block.
async fn close(shared: &Shared) {
    let (orders, database) = {
        let mut state = shared.state();
        (mem::take(&mut state.queue.orders), state.database.take())
    };
    let failed = shared.state().failed.clone().unwrap_or_else(Failed::closed);
    for order in orders {
        (order.done)(Err(failed.clone()));
    }
    off_loop(&*shared.world, "store close", move || drop(database)).await;
    shared.state().failed.get_or_insert(failed);
    shared.end.notify_waiters();
}
