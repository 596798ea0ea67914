//! What of a connection a middlebox can cut: each end holds a cord, and whoever cuts it resets that end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Waker};

use super::life::lock;
use crate::node::NodeId;

/// One end of a connection.
#[derive(Default)]
pub(super) struct Cord {
    is_cut: AtomicBool,
    reader: Mutex<Option<Waker>>,
    writer: Mutex<Option<Waker>>,
}

impl Cord {
    /// Whether it is cut; whoever reads is woken when it is.
    pub(super) fn is_cut_for_reader(&self, cx: &Context<'_>) -> bool {
        *lock(&self.reader) = Some(cx.waker().clone());
        self.is_cut.load(Ordering::Relaxed)
    }

    /// Whether it is cut; whoever writes is woken when it is.
    pub(super) fn is_cut_for_writer(&self, cx: &Context<'_>) -> bool {
        *lock(&self.writer) = Some(cx.waker().clone());
        self.is_cut.load(Ordering::Relaxed)
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
        for waker in [&self.reader, &self.writer] {
            if let Some(waker) = lock(waker).take() {
                waker.wake();
            }
        }
    }
}

/// Every connection of a world, in the order in which they were opened.
#[derive(Default)]
pub(super) struct Cords(Mutex<Vec<(NodeId, NodeId, Weak<Cord>)>>);

impl Cords {
    /// The end at `here` of a connection to `there`.
    pub(super) fn tie(&self, here: NodeId, there: NodeId) -> Arc<Cord> {
        let cord = Arc::default();
        let mut all = lock(&self.0);
        // Now and then those are forgotten that are closed.
        if all.len() == all.capacity() {
            all.retain(|(_, _, cord)| cord.strong_count() > 0);
        }
        all.push((here, there, Arc::downgrade(&cord)));
        cord
    }

    /// Resets the ends at `here` of connections to `there`. How many.
    pub(super) fn cut(&self, here: NodeId, there: NodeId) -> u64 {
        let all = lock(&self.0);
        let hit = all.iter().filter(|(at, to, _)| (*at, *to) == (here, there));
        let open: Vec<Arc<Cord>> = hit.filter_map(|(_, _, cord)| cord.upgrade()).collect();
        drop(all);
        open.iter().for_each(|cord| cord.cut());
        open.len() as u64
    }
}
